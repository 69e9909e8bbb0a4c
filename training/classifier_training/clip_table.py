"""The clips of a model with their predictions: a CSV file that shows label errors and knows what was trained on."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .dataset import Clip, Dataset
from .errors import TrainingError
from .files import atomic_file

CLIPS = "clips.csv"  # in a model directory
_COLUMNS = ("file", "label", "side", "predicted", "probability", "probability_of_label", "onset", "offset", "sha256")


@dataclass(frozen=True)
class Predicted:
    """A clip, and the probabilities (labels,) with which it was classified, if it was."""

    clip: Clip
    probabilities: np.ndarray | None = None


def predicted(clips: Sequence[Clip], probabilities: np.ndarray) -> list[Predicted]:
    """Clips with their rows of (clips, labels)."""
    return [Predicted(clip, row) for clip, row in zip(clips, probabilities)]


def fingerprint(dataset: Dataset, clip: Clip, known: dict[str, str]) -> str:
    """A hash of a file's bytes and the part of it that the clip is; `known` has those of files that were read."""
    if clip.file not in known:
        known[clip.file] = hashlib.sha256(dataset.path(clip.file).read_bytes()).hexdigest()[:16]
    return known[clip.file] + (f" {clip.span[0]:g} {clip.span[1]:g}" if clip.span else "")


def write_clips(file: Path, dataset: Dataset, rows: Sequence[Predicted], thresholds: Sequence[float]) -> None:
    """Writes the clips, those first whose label is probably wrong.

    These are the clips that the model takes for another label, by the probability that it leaves their own. Of several
    labels, those that reach their `thresholds` are predicted, and the one that agrees least with the clip counts.
    """
    known: dict[str, str] = {}

    def suspicion(row: Predicted) -> tuple[bool, bool, float]:
        if row.probabilities is None:
            return True, True, 0.0
        return False, _answer(row.probabilities, dataset, thresholds) == row.clip.labels, _own(row, dataset)

    with atomic_file(file) as path, path.open("w", newline="", encoding="utf-8") as out:
        table = csv.DictWriter(out, _COLUMNS, restval="")
        table.writeheader()
        for row in sorted(rows, key=suspicion):
            clip = row.clip
            values = {"file": clip.file, "label": clip.label, "side": "held out" if clip.held_out else "trained"}
            values["sha256"] = fingerprint(dataset, clip, known).split(" ")[0]
            if clip.span:
                values |= {"onset": f"{clip.span[0]:g}", "offset": f"{clip.span[1]:g}"}
            if row.probabilities is not None:
                values["predicted"] = dataset.separator.join(_answer(row.probabilities, dataset, thresholds))
                values["probability"] = f"{row.probabilities.max():.3f}"
                values["probability_of_label"] = f"{_own(row, dataset):.3f}"
            table.writerow(values)


@dataclass(frozen=True)
class Sides:
    """Which clips a model was trained on, and which were held out."""

    named: dict[tuple[str, str], bool]  # whether a clip was held out, by file and fingerprint
    trained: frozenset[str]  # the fingerprints of the others
    known: frozenset[str]  # all fingerprints

    def is_held_out(self, file: str, mark: str) -> bool:
        """Whether the model has not learned from a clip; a copy under another name counts as the clip itself."""
        return self.named.get((file, mark), mark not in self.trained)


def read_sides(model: Path) -> Sides | None:
    """The sides of a model's clips; `None` for a model without the file."""
    file = model / CLIPS
    if not file.is_file():
        return None
    try:
        with file.open(newline="", encoding="utf-8") as text:
            named = {
                (row["file"], row["sha256"] + (f" {row['onset']} {row['offset']}" if row["onset"] else "")): row["side"]
                == "held out"
                for row in csv.DictReader(text)
            }
    except (OSError, KeyError) as error:
        raise TrainingError(f"{file} is not the file that training wrote: {error}") from error
    trained = frozenset(mark for (_, mark), is_held_out in named.items() if not is_held_out)
    return Sides(named, trained, frozenset(mark for _, mark in named))


def _answer(probabilities: np.ndarray, dataset: Dataset, thresholds: Sequence[float]) -> tuple[str, ...]:
    """The predicted label, or the labels that reach their thresholds."""
    if not dataset.separator:
        return (dataset.labels[int(probabilities.argmax())],)
    return tuple(label for label, p, least in zip(dataset.labels, probabilities, thresholds) if p >= least)


def _own(row: Predicted, dataset: Dataset) -> float:
    """The probability of the clip's label or, of several labels, the least that one is as in the clip."""
    assert row.probabilities is not None, "asked for only of clips that were classified"
    if dataset.separator:
        has = [label in row.clip.labels for label in dataset.labels]
        return float(np.where(has, row.probabilities, 1 - row.probabilities).min())
    return float(row.probabilities[dataset.labels.index(row.clip.label)])
