#!/usr/bin/env python3
"""Gathers what keywords-start learns from: prepare-speech.py TABLE SOUNDS OUT

TABLE is the `both.csv` of prepare-keywords.py: words of two languages, of which the held-out ones are left out, and noise.
SOUNDS is a folder of collect-sounds, a package a folder. OUT holds copies: a folder for each English word, since sounds are
drawn from each folder equally often, for each seven Arabic ones, and for each package.
"""

import csv
import shutil
import sys
from pathlib import Path

ARABIC = "arabic "
IN_A_FOLDER = 7


def main(table: Path, sounds: Path, out: Path) -> None:
    out.mkdir(parents=True)
    with table.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "train" and row["label"] != "_silence_"]
    arabic = sorted({row["label"] for row in rows if row["label"].startswith(ARABIC)})
    for row in rows:
        label = row["label"]
        folder = f"arabic-{arabic.index(label) // IN_A_FOLDER}" if label in arabic else label
        (out / folder).mkdir(exist_ok=True)
        shutil.copy(table.parent / row["filename"], out / folder / row["filename"].replace("/", "_"))
    for package in sorted(path for path in sounds.iterdir() if path.is_dir()):
        shutil.copytree(package, out / package.name)
    print(f"{len(rows)} clips and {sum(1 for _ in sounds.iterdir())} packages in {out}")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*map(Path, sys.argv[1:]))
