#!/usr/bin/env python3
"""Gathers the clips of models/keywords-ar: prepare-keywords-ar.py ARABIC-SPEECH-COMMANDS SPEECH-COMMANDS OUT

The 40 commands and their official split come from the first set. A daemon also hears what is none of them: `_silence_` and `_unknown_`
(English words) come from the second set, a fifth of their speakers for validation, and its background noise is used for augmentation.
OUT holds copies of the clips, and clips.csv.
"""

import csv
import hashlib
import shutil
import sys
from pathlib import Path

NOISE = "_background_noise_"


def main(arabic: Path, english: Path, out: Path) -> None:
    out.mkdir(parents=True)
    rows = []
    with (arabic / "clips.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            rows.append((row["filename"], row["label"], row["split"]))
    for label in sorted({label for _, label, _ in rows}):
        shutil.copytree(arabic / label, out / label)
    for label in ("_silence_", "_unknown_", NOISE):
        shutil.copytree(english / label, out / label)
        for clip in sorted((english / label).iterdir()):
            # Of `word_speaker_nohash_0`; a clip without a speaker counts for itself. The rule is keywords-en's, so that a
            # model can start from the other without having seen what it will be measured by.
            speaker = clip.name.split("_nohash_")[0].split("_")[-1] if "_nohash_" in clip.name else f"{label}/{clip.name}"
            part = int(hashlib.sha256(f"0:{speaker}".encode()).hexdigest()[:8], 16) / 2**32
            held_out = part < 0.2 and label != NOISE
            rows.append((f"{label}/{clip.name}", label, "val" if held_out else "train"))
    with (out / "clips.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("filename", "label", "split"))
        writer.writerows(rows)
    print(f"{len(rows)} clips in {out}")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*map(Path, sys.argv[1:]))
