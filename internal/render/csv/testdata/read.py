"""Reads each file of a folder with Python's csv, comma and semicolon, and
prints what it counts, by file."""
import csv
import json
import pathlib
import sys

FORMULA = tuple("=+-@\t\r\n＝＋－＠")

read = {}
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, strict=True))
    counts = {"doubts": 0, "unsupported": 0, "waived": 0}
    for row in rows:
        if None in row or None in row.values():
            sys.exit(f"{path.name}: a row has too many or too few cells: {row}")
        if row["waived"] not in ("yes", "no"):
            sys.exit(f"{path.name}: {row}")
        if row["check"] == row["fingerprint"] == "":
            counts["doubts" if row["outcome"] == "error" else "unsupported"] += 1
        elif row["outcome"] == "fail" and row["waived"] == "yes":
            counts["waived"] += 1
        else:
            counts[row["outcome"]] = counts.get(row["outcome"], 0) + 1
    read[path.name] = counts
    for delimiter in ",;":
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.reader(file, delimiter=delimiter):
                for cell in row:
                    if cell.lstrip(" '\"").startswith(FORMULA) and not cell.lstrip(' "').startswith("'"):
                        sys.exit(f"{path.name}: {cell!r} begins a formula")
json.dump(read, sys.stdout)
