"""clang-tidy, with the checks of .clang-tidy, finds nothing in the code (the tests' own code is not asked).

clang_tidy.py BUILD: the folder with compile_commands.json
"""

import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys

import gate

build = pathlib.Path(sys.argv[1])
commands = json.loads((build / "compile_commands.json").read_text())
folders = tuple(str(gate.ROOT / folder) + "/" for folder in gate.FOLDERS)
# Asio's and Beast's own implementation is not ours.
files = sorted({entry["file"] for entry in commands
                if entry["file"].startswith(folders) and not entry["file"].endswith(("/store/asio.cpp", "/server/beast.cpp"))})


def complaints(file):
    done = subprocess.run(["clang-tidy", "-p", build, "--quiet", file], capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if " error: " in line or " warning: " in line]
    return lines if done.returncode == 0 or lines else [done.stdout + done.stderr]


with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
    faults = sorted({line for lines in pool.map(complaints, files) for line in lines})
if not files:
    faults.append("no file of ours in the compile commands")
gate.finish(faults, f"{len(files)} files")
