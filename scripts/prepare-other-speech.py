#!/usr/bin/env python3
"""Gathers what keywords-en learns to take for no command: prepare-other-speech.py SOUNDS OUT

SOUNDS is a folder of collect-sounds, a package a folder. OUT holds links to speech of many voices and languages but French,
in which its false events are counted; of the English prompts only digits, letters and their spelling, and of Tux Paint's
spoken names only the English ones, since sentences may have the commands in them; and to games' noises. Sounds are drawn from
each folder equally often.
"""

import os
import sys
from pathlib import Path

ENGLISH, STAMPS = "asterisk-core-sounds-en-wav", "tuxpaint-stamps-default"
PARTS = ("digits", "letters", "phonetic")  # of the English prompts


def link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    os.link(source, target)


def main(sounds: Path, out: Path) -> None:
    for file in sorted(file for file in sounds.rglob("*") if file.is_file()):
        path = file.relative_to(sounds)
        package, folders = path.parts[0], path.parts[:-1]
        if package == ENGLISH:
            if part := next((part for part in PARTS if part in folders), None):
                link(file, out / "asterisk-en" / part / Path(*folders[folders.index(part) + 1 :]) / file.name)
        elif package == STAMPS:
            if file.name.endswith("_desc.ogg"):
                link(file, out / "stamps" / file.name)
        elif "fr" not in folders:
            link(file, out / path)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*map(Path, sys.argv[1:]))
