#!/usr/bin/env python3
"""Gathers the clips of models/keywords-ar: prepare-keywords.py ARABIC-SPEECH-COMMANDS SPEECH-COMMANDS OUT

OUT holds copies of the clips and two tables. `clips.csv` is what it learns: the 40 commands of the first set
with their official split, and, since a daemon also hears what is none of them, `_silence_` and `_unknown_` (English words)
of the second set, a fifth of their speakers for validation; its background noise is used for augmentation. `both.csv` has the
ten English words besides, for prepare-speech.py.
"""

import csv
import hashlib
import shutil
import sys
from pathlib import Path

NOISE = "_background_noise_"
SHARED = ("_silence_", "_unknown_", NOISE)


def is_held_out(label: str, name: str) -> bool:
    """Of `word_speaker_nohash_0`; a clip without a speaker counts for itself. The rule is keywords-en's, so that a model
    can start from another without having seen what it will be measured by."""
    speaker = name.split("_nohash_")[0].split("_")[-1] if "_nohash_" in name else f"{label}/{name}"
    return label != NOISE and int(hashlib.sha256(f"0:{speaker}".encode()).hexdigest()[:8], 16) / 2**32 < 0.2


def main(arabic: Path, english: Path, out: Path) -> None:
    out.mkdir(parents=True)
    with (arabic / "clips.csv").open(newline="") as file:
        commands = [(row["filename"], row["label"], row["split"]) for row in csv.DictReader(file)]
    for label in sorted({label for _, label, _ in commands}):
        shutil.copytree(arabic / label, out / label)
    shared, words = [], []
    for folder in sorted((path for path in english.iterdir() if path.is_dir()), key=lambda path: (path.name == NOISE, path)):
        label = folder.name
        place = Path(label) if label in SHARED else Path("english") / label
        shutil.copytree(folder, out / place)
        rows = shared if label in SHARED else words
        for clip in sorted(folder.iterdir()):
            rows.append((f"{place}/{clip.name}", label, "val" if is_held_out(label, clip.name) else "train"))
    write(out / "clips.csv", commands + shared)
    write(out / "both.csv", [(name, f"arabic {label}", split) for name, label, split in commands] + shared + words)
    print(f"{len(commands + shared + words)} clips in {out}")


def write(path: Path, rows: list[tuple[str, str, str]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("filename", "label", "split"))
        writer.writerows(rows)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*map(Path, sys.argv[1:]))
