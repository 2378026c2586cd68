"""Holds each line of each file of a folder against the schema of its own class
and version, and prints what it counts, by file."""
import collections
import json
import pathlib
import sys

import jsonschema
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

schemas = OcsfJsonSchemaEmbedded(get_ocsf_schema(version="1.6.0"))
schema = schemas.get_class_schema(class_name=schemas.lookup_class_name_from_uid(2003), profiles=["cloud"])
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)

# A number and its caption, by the schema.
captions = {}
for name in ("activity_id", "status_id", "severity_id"):
    enum = schemas.schema.schema["classes"]["compliance_finding"]["attributes"][name]["enum"]
    captions[name] = {int(n): entry["caption"] for n, entry in enum.items()}

read = {}
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    counts = {"audit": "", "states": collections.Counter()}
    for line in path.read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        for error in validator.iter_errors(event):
            sys.exit(f"{path.name}: {error}")
        if event["metadata"]["version"] != "1.6.0":
            sys.exit(f"{path.name}: another version")
        if captions["activity_id"][event["activity_id"]] != event["activity_name"]:
            sys.exit(f"{path.name}: activity {event['activity_id']} is not {event['activity_name']}")
        for name in ("status", "severity"):
            if captions[name + "_id"][event[name + "_id"]] != event[name]:
                sys.exit(f"{path.name}: {name} {event[name + '_id']} is not {event[name]}")
        state = f"{event['compliance']['status']} {event['status']}"
        if event["compliance"]["control"] == "ptcaudit":
            counts["audit"] = state
        else:
            counts["states"][state] += 1
    read[path.name] = counts
json.dump(read, sys.stdout)
