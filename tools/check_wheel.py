"""Check that a wheel holds what must travel with the package: types, sample data, what children start with."""

from __future__ import annotations

import argparse
import sys
import zipfile

WANTED = (
    "abeja_emulator/py.typed",
    "abeja_emulator/runtime/launcher/abeja_emulator_start.py",
    "abeja_emulator/transports/child/sitecustomize.py",
    "abeja_emulator/faults/catalogue/upload-answer-lost.md",
    "abeja_emulator/samples/shapes/circle/circle_00.png",
    "abeja_emulator/samples/points/left/left_00.json",
    "abeja_emulator/samples/handlers/keras/train.py",
)
UNWANTED = ("tests/", "benchmarks/", "conftest.py")

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("wheel")
with zipfile.ZipFile(parser.parse_args().wheel) as wheel:
    names = wheel.namelist()
missing = [name for name in WANTED if name not in names]
surplus = [name for name in names if name.startswith(UNWANTED)]
if missing or surplus:
    sys.exit(f"the wheel lacks {missing} and holds {surplus}")
print(f"{len(names)} files, all that is needed among them")
