"""The agreement of a model with its teacher, on held-out recordings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .dataset import Dataset
from .metrics import average_precision
from .program import Program
from .progress import bar
from .store import Store
from .tag_teacher import TagTeacher
from .teacher import PATCH

_ESC50 = Path(__file__).parent / "data" / "esc50-audioset.json"  # AudioSet's names of ESC-50's classes
TAG = 0.3  # a label is a recording's tag if the teacher's mean score is at least this


def clip_scores(
    model: Path, dataset: Dataset, store: Store, teacher: TagTeacher, program: Program, threads: int
) -> tuple[np.ndarray, np.ndarray]:
    """Mean scores (recordings, labels) of the held-out recordings, the model's and the teacher's.

    The program runs the model. Both means are over the tokens from the end of YAMNet's first patch on.
    """
    clips = dataset.of(held_out=True)

    def scores(number: int) -> tuple[np.ndarray, np.ndarray]:
        samples = store.samples(clips[number].file)
        if (short := (PATCH + 2) * program.frontend.hop - len(samples)) > 0:
            samples = np.pad(samples, (0, short))
        features = program.features(samples[None])[0]
        logits = program.encode(model, features)
        first = -(-PATCH * len(logits) // len(features)) - 1
        mean = (1 / (1 + np.exp(-logits[min(first, len(logits) - 1) :]))).mean(0)
        return mean, teacher.scores(samples, torch.from_numpy(np.ascontiguousarray(features)))

    with ThreadPoolExecutor(threads) as pool:
        found = list(bar(pool.map(scores, range(len(clips))), len(clips), "held-out recordings"))
    return np.stack([mean for mean, _ in found]), np.stack([reference for _, reference in found])


def zero_shot(
    scores: np.ndarray, labels: Sequence[str], clips: Sequence[tuple[int, str]], names: dict[str, list[str]]
) -> float:
    """The share of the clips whose most probable label is a name of their class.

    `names` are the labels of each class; only these labels compete. `scores` are (recordings, labels); `clips` are the
    rows of the recordings that have a class, with its name.
    """
    index_of = {label: index for index, label in enumerate(labels)}
    columns = sorted({index_of[label] for group in names.values() for label in group})
    right = 0
    for row, name in clips:
        predicted = columns[int(scores[row, columns].argmax())]
        right += labels[predicted] in names[name]
    return right / max(1, len(clips))


def measure_agreement(
    model: Path,
    dataset: Dataset,
    store: Store,
    teacher: TagTeacher,
    program: Program,
    threads: int,
    classes: dict[str, str],
) -> dict[str, Any]:
    """Mean average precision against the teacher's tags, and the share of recordings with the same most probable label.

    `classes` are the ESC-50 classes of the held-out files that have one. For these files the result has the share whose
    most probable label, of those in data/esc50-audioset.json, is one of their class, by the model and by the teacher.
    """
    scores, reference = clip_scores(model, dataset, store, teacher, program, threads)
    tags = reference >= TAG
    present = np.flatnonzero(tags.any(0))
    return {
        "teacher": teacher.name,
        "recordings": len(scores),
        "tag_threshold": TAG,
        "labels": len(present),
        "mean_average_precision": round(
            float(np.mean([average_precision(scores[:, label], tags[:, label]) for label in present])), 4
        ),
        "same_first_label": round(float((scores.argmax(1) == reference.argmax(1)).mean()), 4),
        **_classes(scores, reference, dataset, teacher, classes),
    }


def _classes(
    scores: np.ndarray, reference: np.ndarray, dataset: Dataset, teacher: TagTeacher, classes: dict[str, str]
) -> dict[str, Any]:
    files = [Path(clip.file).name for clip in dataset.of(held_out=True)]
    known = [(row, classes[file]) for row, file in enumerate(files) if file in classes]
    if not known:
        return {}
    names = json.loads(_ESC50.read_text(encoding="utf-8"))
    return {
        "zero_shot": {
            "recordings": len(known),
            "accuracy": round(zero_shot(scores, teacher.yamnet.labels, known, names), 4),
            "teacher": round(zero_shot(reference, teacher.yamnet.labels, known, names), 4),
        }
    }
