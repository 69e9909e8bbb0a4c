#!/usr/bin/env python3
"""Gathers the sounds that models learn from YAMNet by: prepare-sounds.py [--free] COLLECTED DATA OUT

COLLECTED is what `collect-sounds` made; of the stamps' spoken names, which are many and alike, an eighth is taken. DATA
are the recordings of docs/data.md: a third of the English and a twelfth of the Arabic commands of speakers that are
trained on, and ESC-50, a folder a class, so that each class is heard as often as a package; its fold 4 is there to
measure by; with --free only ESC-10's clips, its freely licensed part. OUT holds links and copies.
"""

import csv
import os
import shutil
import sys
from pathlib import Path

STAMPS = "tuxpaint-stamps-default"


def link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    os.link(source, target)


def main(collected: Path, data: Path, out: Path, free: bool) -> None:
    for package in sorted(collected.iterdir()):
        files = sorted(file for file in package.rglob("*") if file.is_file())
        if package.name == STAMPS:
            files = [file for file in files if file.suffix == ".ogg"][7::8]
        for file in files:
            link(file, out / file.relative_to(collected))
    for folder in ("speech", "arabic"):
        (out / folder).mkdir(parents=True)
    for label in sorted((data / "speech-commands").iterdir()):
        for file in sorted(label.iterdir())[::3]:
            shutil.copy(file, out / "speech" / f"{label.name}-{file.name}")
    with (data / "arabic-speech-commands" / "clips.csv").open(newline="") as table:
        for row in list(csv.DictReader(table))[::12]:
            if row["split"] == "train":
                name = row["filename"]
                shutil.copy(data / "arabic-speech-commands" / name, out / "arabic" / name.replace("/", "-"))
    with (data / "esc50" / "esc50.csv").open(newline="") as table:
        for row in csv.DictReader(table):
            if free and row["esc10"] != "True":
                continue
            target = out / f"esc50-{row['category']}"
            target.mkdir(exist_ok=True)
            shutil.copy(data / "esc50" / "audio" / row["filename"], target)


if __name__ == "__main__":
    arguments = [argument for argument in sys.argv[1:] if argument != "--free"]
    if len(arguments) != 3:
        sys.exit(__doc__)
    main(*map(Path, arguments), free="--free" in sys.argv)
