"""clang-tidy, with the checks of .clang-tidy, finds nothing in the code (the tests' own code is not asked).

clang_tidy.py BUILD: the folder with compile_commands.json

Ten minutes for all files. What was clean once is remembered in ~/.cache/mxwarden-clang-tidy by its text as the
preprocessor leaves it, the checks and clang-tidy's version, and is not asked about again.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import shlex
import subprocess
import sys

import gate

build = pathlib.Path(sys.argv[1])
folders = tuple(str(gate.ROOT / folder) + "/" for folder in gate.FOLDERS)
# Asio's and Beast's own implementation is not ours.
others = ("/store/asio.cpp", "/server/beast.cpp")
entries = {entry["file"]: entry for entry in json.loads((build / "compile_commands.json").read_text())
           if entry["file"].startswith(folders) and not entry["file"].endswith(others)}

cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "mxwarden-clang-tidy"
cache.mkdir(parents=True, exist_ok=True)
asked = subprocess.run(["clang-tidy", "--version"], capture_output=True, check=True).stdout + \
    (gate.ROOT / ".clang-tidy").read_bytes()


def key(entry):
    """Of all that clang-tidy would see. Comments stay, as they may say NOLINT; where a header lies does not matter."""
    command = [word for word in shlex.split(entry["command"]) if not word.endswith("ccache")]
    command[0] = "clang++"
    object_file = command.index("-o")
    del command[object_file:object_file + 2]
    done = subprocess.run([*command, "-E", "-C", "-P"], cwd=entry["directory"], capture_output=True, check=False)
    if done.returncode != 0:
        return None
    relative = os.path.relpath(entry["file"], gate.ROOT).encode()
    return hashlib.sha256(b"\0".join([asked, relative, done.stdout])).hexdigest()


def complaints(entry):
    known = key(entry)
    if known and (cache / known).exists():
        return []
    done = subprocess.run(["clang-tidy", "-p", build, "--quiet", entry["file"]], capture_output=True, text=True,
                          check=False)
    lines = [line for line in done.stdout.splitlines() if " error: " in line or " warning: " in line]
    if done.returncode != 0 and not lines:
        return [done.stdout + done.stderr]
    if known and not lines:
        (cache / known).touch()
    return lines


with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
    faults = sorted({line for lines in pool.map(complaints, entries.values()) for line in lines})
if not entries:
    faults.append("no file of ours in the compile commands")
gate.finish(faults, f"{len(entries)} files")
