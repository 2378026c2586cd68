"""Validates each file of a folder by the schema beside this script, reads it
with junitparser, and prints what it counts, by file."""
import json
import pathlib
import sys

import junitparser
import xmlschema

schema = xmlschema.XMLSchema(str(pathlib.Path(__file__).with_name("junit-10.xsd")))
read = {}
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    schema.validate(str(path))
    counts = {"suites": 0, "tests": 0, "failures": 0, "errors": 0, "skipped": 0, "audit": ""}
    for suite in junitparser.JUnitXml.fromfile(str(path)):
        counts["suites"] += 1
        seen = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
        for case in suite:
            seen["tests"] += 1
            seen["failures"] += case.is_failure
            seen["errors"] += case.is_error
            seen["skipped"] += case.is_skipped
            if case.classname == "audit" and case.name == "everything could be checked":
                counts["audit"] = "error" if case.is_error else "skipped" if case.is_skipped else "passed"
        said = {key: getattr(suite, key) for key in seen}
        if said != seen:
            sys.exit(f"{path.name}: the suite says {said} and has {seen}")
        for key, n in seen.items():
            counts[key] += n
    read[path.name] = counts
json.dump(read, sys.stdout)
