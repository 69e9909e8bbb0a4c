"""Clips with any number of labels (`--separator`): the targets of tokens, and mixtures with the labels of both."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from .dataset import TABLE, Dataset
from .errors import TrainingError
from .pieces import Sequences
from .recipe import Recipe


def check_separator(recipe: Recipe, given: dict[str, dict[str, Any]], data: Path | None) -> None:
    """Refuses options that mean nothing with several labels or without; `data` is what is read, if it has labels."""
    training, own = recipe.training, given.get("training", {})
    wrong = ""
    if not recipe.data.separator:
        if own.get("overlay"):
            wrong = "--overlay unites the labels of two sounds, which needs --separator"
    elif data is None:
        wrong = "--separator is for labelled sounds (train, cross-validate); this command reads no labels"
    elif data.is_dir() and not (data / TABLE).is_file():
        wrong = f"{data} is a folder: --separator needs a CSV file, because a clip is in the folder of one label"
    elif recipe.data.unknown:
        wrong = "--unknown adds the label `_unknown_`; with --separator a sound without any of the labels has no label"
    elif training.unknown_offset:
        wrong = "--unknown-offset changes the label `_unknown_`, which a model has not with --separator"
    elif own.get("overlay") and training.stem_rate == 0:
        wrong = "--overlay mixes sounds, and --stem-rate 0 trains on features of single sounds: leave one of them out"
    if wrong:
        raise TrainingError(wrong, 64)


def multi_hot(dataset: Dataset) -> np.ndarray:
    """(combinations, labels) float32: one where a combination of the data set contains a label."""
    of_name = {clip.label: clip.labels for clip in dataset.clips}
    rows = np.zeros((len(dataset.combinations), len(dataset.labels)), np.float32)
    for row, name in zip(rows, dataset.combinations):
        row[[dataset.labels.index(label) for label in of_name.get(name, ())]] = 1
    return rows


def overlaid(sequences: Sequences, share: float, rng: np.random.Generator) -> Sequences:
    """Lays other sequences over a share of the sequences. Their labels (sequences, tokens, labels) are united.

    A token has a weight only where both sequences have one: elsewhere one of the two sounds has no target yet.
    """
    count = len(sequences.samples)
    rows = np.flatnonzero(rng.random(count) < share)
    if count < 2 or not len(rows):
        return sequences
    others = (rows + rng.integers(1, count, len(rows))) % count
    samples, labels, weights = sequences.samples.copy(), sequences.labels.copy(), sequences.weights.copy()
    samples[rows] = np.clip(sequences.samples[rows] + sequences.samples[others], -1, 1)
    labels[rows] = np.maximum(sequences.labels[rows], sequences.labels[others])
    first, second = sequences.weights[rows], sequences.weights[others]
    weights[rows] = np.where(np.minimum(first, second) > 0, np.maximum(first, second), 0)
    return replace(sequences, samples=samples, labels=labels, weights=weights)
