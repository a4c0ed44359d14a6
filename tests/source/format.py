"""Every C++ file is as clang-format leaves it."""

import subprocess

import gate

files = gate.sources(*gate.FOLDERS, "tests")
done = subprocess.run(["clang-format", "--dry-run", "--Werror", *files], capture_output=True, text=True, check=False)
faults = [line for line in done.stderr.splitlines() if "error:" in line]
if done.returncode != 0 and not faults:
    faults = [done.stderr]
gate.finish(faults, f"{len(files)} files")
