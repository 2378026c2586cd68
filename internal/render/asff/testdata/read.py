"""Holds each file of a folder against the model of Security Hub's API that AWS
ships with its clients: each line is the findings of one call. Prints what it
counts, by file."""
import json
import pathlib
import re
import sys

import botocore.session
import botocore.validate

service = botocore.session.get_session().get_service_model("securityhub")
call = service.operation_model("BatchImportFindings").input_shape


def check(shape, value, where):
    """Checks what botocore's own validator leaves to the service."""
    pattern = shape.metadata.get("pattern")
    if pattern and not re.search(pattern, value):
        sys.exit(f"{where}: {value!r} does not match {pattern}")
    if shape.type_name == "string" and shape.enum and value not in shape.enum:
        sys.exit(f"{where}: {value!r} is none of {shape.enum}")
    if shape.type_name == "structure":
        for key, member in value.items():
            check(shape.members[key], member, f"{where}.{key}")
    elif shape.type_name == "map":
        for key, member in value.items():
            check(shape.key, key, f"{where} key")
            check(shape.value, member, f"{where}.{key}")
    elif shape.type_name == "list":
        if not shape.metadata.get("min", 0) <= len(value) <= shape.metadata.get("max", len(value)):
            sys.exit(f"{where}: {len(value)} elements")
        for i, member in enumerate(value):
            check(shape.member, member, f"{where}[{i}]")


read = {}
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    counts = {"batches": 0, "audit": "", "states": {}}
    for line in path.read_text().splitlines():
        findings = json.loads(line)
        report = botocore.validate.ParamValidator().validate({"Findings": findings}, call)
        if report.has_errors():
            sys.exit(f"{path.name}: {report.generate_report()}")
        check(call, {"Findings": findings}, path.name)
        counts["batches"] += 1
        for f in findings:
            size = len(json.dumps(f).encode())
            lengths = {"Title": 256, "Description": 1024}
            if size > 240_000 or any(len(f[key]) > limit for key, limit in lengths.items()):
                sys.exit(f"{path.name}: a finding of {size} bytes is too large: {f['Title']}")
            if len(f.get("Remediation", {}).get("Recommendation", {}).get("Text", "")) > 512:
                sys.exit(f"{path.name}: a recommendation is too long")
            if f["GeneratorId"] == "ptcaudit":
                counts["audit"] = f["Compliance"]["Status"]
                continue
            state = " ".join((f["Compliance"]["Status"], f["Workflow"]["Status"], f["RecordState"]))
            counts["states"][state] = counts["states"].get(state, 0) + 1
    read[path.name] = counts
json.dump(read, sys.stdout)
