"""What a model that tags sounds says first: right labels, their probabilities, and how often they change."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from .conditions import GAINS_DB, with_gain
from .dataset import AUDIO_SUFFIXES, TABLE
from .errors import TrainingError
from .event_times import LabelledSound
from .feature_sources import read_table
from .program import Program, Summary

_DATA = Path(__file__).parent / "data"
_NAMES = ("esc50-audioset.json", "urbansound8k-audioset.json")  # AudioSet's labels for the classes of other data
_BINS = 10  # of probabilities, for the calibration error


@dataclass(frozen=True)
class Labelled:
    """Recordings with their classes."""

    name: str
    files: tuple[Path, ...]
    classes: tuple[str, ...]


def read_labelled(folder: Path) -> list[Labelled]:
    """Reads a folder with a table `clips.csv` of `filename` and `label`; its folders are sets of recordings."""
    rows: dict[str, list[tuple[Path, str]]] = defaultdict(list)
    for line, row in read_table(folder / TABLE, ("filename", "label")):
        at = f"{folder / TABLE}, line {line}"
        for column in ("filename", "label"):
            if not (row[column] or "").strip():
                raise TrainingError(f"{at}: no {column}; give every row one, or remove the row")
        if not (file := folder / row["filename"]).is_file():
            raise TrainingError(f"{at}: {file} does not exist", 66)
        rows[Path(row["filename"]).parts[0]].append((file, row["label"]))
    if not rows:
        raise TrainingError(f"{folder / TABLE} has no rows", 66)
    return [Labelled(name, *map(tuple, zip(*found))) for name, found in rows.items()]


def calibration_error(probabilities: np.ndarray, right: np.ndarray) -> float:
    """The mean difference between probability and share of right ones, over bins of equal width.

    Guo et al., "On Calibration of Modern Neural Networks" (arXiv 1706.04599), equation 3.
    """
    bins = np.minimum((probabilities * _BINS).astype(int), _BINS - 1)
    parts = [(bins == number) for number in range(_BINS)]
    gaps = [abs(probabilities[part].sum() - right[part].sum()) for part in parts if part.any()]
    return float(sum(gaps) / len(probabilities))


def first_labels(model: Path, sets: Sequence[Labelled], speech: Path, program: Program) -> dict[str, Any]:
    """The figures of the card's `first_label`; `speech` is a folder of recordings in which little changes."""
    names = class_names()
    return {"sets": [_of(model, each, names, program) for each in sets], "changes": _changes(model, speech, program)}


def class_names() -> dict[str, list[str]]:
    """AudioSet's labels for each class."""
    names: dict[str, list[str]] = {}
    for file in _NAMES:
        names |= json.loads((_DATA / file).read_text(encoding="utf-8"))
    return names


def _of(model: Path, recordings: Labelled, names: dict[str, list[str]], program: Program) -> dict[str, Any]:
    if unknown := set(recordings.classes) - set(names):
        raise TrainingError(f"{recordings.name}: no label of AudioSet is known for {', '.join(sorted(unknown))}", 65)
    found: dict[str, Any] = {"name": recordings.name, "recordings": len(recordings.files)}
    for prefix, labels in (("", "leaf"), ("all_", "all")):
        summaries = program.summaries(model, recordings.files, ["--labels", labels])
        right = _right(summaries, recordings.classes, names)
        error = calibration_error(np.array([summary.probability for summary in summaries]), right)
        found["all" if prefix else "right"] = round(float(right.mean()), 3)
        found[f"{prefix}calibration_error"] = round(error, 3)
    sounds = [program.samples(file) for file in recordings.files]
    found["gains_db"] = {}
    for gain in GAINS_DB:
        firsts = program.first_labels(model, [with_gain(samples, gain) for samples in sounds])
        right = np.array([first in names[name] for first, name in zip(firsts, recordings.classes)])
        found["gains_db"][f"{gain:+}"] = round(float(right.mean()), 3)
    return found


def _right(summaries: Sequence[Summary], classes: Sequence[str], names: dict[str, list[str]]) -> np.ndarray:
    return np.array([summary.label in names[name] for summary, name in zip(summaries, classes)])


def _changes(model: Path, folder: Path, program: Program) -> dict[str, Any]:
    """How often the first label of frames changes within a recording, by minute."""
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in AUDIO_SUFFIXES)
    changes, seconds = 0, 0.0
    for labels, duration in program.frame_labels(model, files):
        changes += sum(before != after for before, after in pairwise(labels))
        seconds += duration
    return {
        "minutes": round(seconds / 60, 1),
        "sound": f"read English sentences (LibriSpeech, {len(files)} recordings)",
        "smoothed": round(changes / max(seconds / 60, 1e-9), 1),
    }


def labelled_sounds(recordings: Labelled, program: Program) -> list[LabelledSound]:
    """The recordings with AudioSet's labels for their classes."""
    names = class_names()
    return [
        LabelledSound(partial(program.samples, file), names.get(label, [label]))
        for file, label in zip(recordings.files, recordings.classes)
    ]
