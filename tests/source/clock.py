"""Nobody but base/clock.cpp asks for the time: it is read once for a request and passed down (base/clock.hpp)."""

import re

import gate

CLOCK = "base/clock.cpp"
ASKS = re.compile(r"::now\s*\(|\b(time|gettimeofday|clock_gettime|timespec_get|localtime|ftime)\s*\(|\bclock\s*\(\s*\)")

faults = []
files = gate.sources(*gate.FOLDERS)
for path in files:
    name = str(path.relative_to(gate.ROOT))
    lines = gate.without_comments(path.read_text()).splitlines()
    found = [f"{name}:{number}: {line.strip()}" for number, line in enumerate(lines, 1) if ASKS.search(line)]
    if name != CLOCK:
        faults += found
    elif not found:
        faults.append(f"{CLOCK} does not ask for the time: this test would find nobody")
gate.finish(faults, f"{len(files)} files")
