"""Every test that was written runs: a file that nobody registered would be green for ever."""

import json
import os
import subprocess

import gate

listing = subprocess.run([os.environ["CTEST"], "--test-dir", os.environ["BUILD"], "--show-only=json-v1"],
                         capture_output=True, text=True, check=True).stdout
tests = json.loads(listing)["tests"]
names = {test["name"] for test in tests}

wanted = {f"unit.{path.parent.name}.{path.stem}" for path in gate.ROOT.glob("tests/unit/*/*.cpp")}
wanted |= {f"transcript.{path.stem}" for path in gate.ROOT.glob("tests/transcripts/*.in")}
wanted |= {f"integration.{path.stem}" for path in gate.ROOT.glob("tests/integration/*.py")}
wanted |= {f"source.{path.stem}" for path in gate.ROOT.glob("tests/source/*.py") if path.stem != "gate"}

faults = [f"{name} is not registered" for name in sorted(wanted - names)]
for test in tests:
    properties = {entry["name"]: entry["value"] for entry in test["properties"]}
    if properties.get("DISABLED") or "SKIP_RETURN_CODE" in properties:
        faults.append(f"{test['name']} may be skipped")
gate.finish(faults, f"{len(wanted)} tests")
