"""What the gates have in common: which files there are, and how a fault is reported."""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).parents[2]

# Folders with code of ours, as design of the layers goes: what stands further down may include what stands above.
FOLDERS = ("base", "conf", "store", "policy", "server", "maillog", "firewall", "cli")


def sources(*folders):
    """The C++ files of these folders, sorted."""
    found = sorted(path for folder in folders for path in (ROOT / folder).rglob("*")
                   if path.suffix in (".cpp", ".hpp"))
    if not found:
        sys.exit(f"no source in {folders}")
    return found


def without_comments(text):
    """The code, with as many lines as before."""
    return re.sub(r"//[^\n]*|/\*.*?\*/", lambda match: "\n" * match[0].count("\n"), text, flags=re.DOTALL)


def finish(faults, checked):
    """Prints every fault and ends the program."""
    for fault in faults:
        print(fault)
    print(f"{checked} checked, {len(faults)} faults")
    sys.exit(1 if faults else 0)
