"""How far a model says what its teacher says, on recordings that it never heard."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .dataset import Dataset
from .program import Program
from .progress import bar
from .store import Store
from .teacher import PATCH, Teacher

_ESC50 = Path(__file__).parent / "data" / "esc50-audioset.json"  # AudioSet's names of ESC-50's classes
TAG = 0.3  # a label is a recording's tag where the teacher's mean score is at least this


def clip_scores(
    model: Path, dataset: Dataset, store: Store, teacher: Teacher, program: Program, threads: int
) -> tuple[np.ndarray, np.ndarray]:
    """(recordings, labels) of the held-out recordings: the model's mean score, as the program runs it, over the
    tokens that end one of the teacher's patches or come after; and the teacher's mean score over its patches."""
    clips = dataset.of(held_out=True)

    def scores(number: int) -> tuple[np.ndarray, np.ndarray]:
        samples = store.samples(clips[number].file)
        if (short := (PATCH + 2) * program.frontend.hop - len(samples)) > 0:
            samples = np.pad(samples, (0, short))
        features = program.features(samples[None])[0]
        logits = program.encode(model, features)
        first = -(-PATCH * len(logits) // len(features)) - 1
        mean = (1 / (1 + np.exp(-logits[min(first, len(logits) - 1) :]))).mean(0)
        taught = teacher.patch_logits(torch.from_numpy(np.ascontiguousarray(features))[None])
        return mean, taught.sigmoid()[0].mean(0).numpy()

    with ThreadPoolExecutor(threads) as pool:
        found = list(bar(pool.map(scores, range(len(clips))), len(clips), "held-out recordings"))
    return np.stack([mean for mean, _ in found]), np.stack([taught for _, taught in found])


def average_precision(scores: np.ndarray, positive: np.ndarray) -> float:
    """The mean, over the positives, of the precision at their place in the order of falling scores."""
    right = positive[np.argsort(-scores, kind="stable")]
    return float((np.cumsum(right) / np.arange(1, len(right) + 1))[right].mean())


def zero_shot(
    scores: np.ndarray, labels: Sequence[str], clips: Sequence[tuple[int, str]], names: dict[str, list[str]]
) -> float:
    """How often the most probable of the labels that `names` gives the data set's classes is one of the right class's.

    `scores` (recordings, labels); `clips` are the recordings that have a class, by their row, with its name.
    """
    place = {label: index for index, label in enumerate(labels)}
    columns = sorted({place[label] for group in names.values() for label in group})
    right = 0
    for row, name in clips:
        said = columns[int(scores[row, columns].argmax())]
        right += labels[said] in names[name]
    return right / max(1, len(clips))


def measure_agreement(
    model: Path,
    dataset: Dataset,
    store: Store,
    teacher: Teacher,
    program: Program,
    threads: int,
    classes: dict[str, str],
) -> dict[str, Any]:
    """Mean average precision against the teacher's tags, and how often the most probable label is the same.

    `classes` names the ESC-50 class of held-out files that have one: of them is told how often the most probable of
    the labels of data/esc50-audioset.json is one of their class's, by the model and by the teacher.
    """
    scores, taught = clip_scores(model, dataset, store, teacher, program, threads)
    tags = taught >= TAG
    heard = np.flatnonzero(tags.any(0))
    return {
        "recordings": len(scores),
        "tag_threshold": TAG,
        "labels": len(heard),
        "mean_average_precision": round(
            float(np.mean([average_precision(scores[:, label], tags[:, label]) for label in heard])), 4
        ),
        "same_first_label": round(float((scores.argmax(1) == taught.argmax(1)).mean()), 4),
        **_classes(scores, taught, dataset, teacher, classes),
    }


def _classes(
    scores: np.ndarray, taught: np.ndarray, dataset: Dataset, teacher: Teacher, classes: dict[str, str]
) -> dict[str, Any]:
    files = [Path(clip.file).name for clip in dataset.of(held_out=True)]
    known = [(row, classes[file]) for row, file in enumerate(files) if file in classes]
    if not known:
        return {}
    names = json.loads(_ESC50.read_text(encoding="utf-8"))
    return {
        "zero_shot": {
            "recordings": len(known),
            "accuracy": round(zero_shot(scores, teacher.labels, known, names), 4),
            "teacher": round(zero_shot(taught, teacher.labels, known, names), 4),
        }
    }
