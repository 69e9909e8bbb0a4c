"""How right a model is on held-out clips, as the program itself runs it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .compose import Composer, Sequences
from .dataset import Dataset
from .program import Program
from .progress import bar

_CHUNK = 256  # sequences in memory at a time


@dataclass(frozen=True)
class Confusion:
    """How often clips of each label (rows) were taken for each label (columns)."""

    labels: tuple[str, ...]
    counts: np.ndarray  # (labels, labels) int

    @property
    def accuracy(self) -> float:
        return float(np.trace(self.counts) / self.counts.sum())

    @property
    def recall(self) -> np.ndarray:
        """(labels,) share of a label's clips that were found."""
        return np.diag(self.counts) / np.maximum(1, self.counts.sum(axis=1))

    @property
    def precision(self) -> np.ndarray:
        """(labels,) share of the clips that were taken for a label and have it."""
        return np.diag(self.counts) / np.maximum(1, self.counts.sum(axis=0))

    def json(self) -> dict[str, Any]:
        return {
            "accuracy": round(self.accuracy, 4),
            "clips": int(self.counts.sum()),
            "recall": dict(zip(self.labels, self.recall.round(4).tolist())),
            "confusion": self.counts.tolist(),
        }

    def table(self) -> str:
        """Markdown: a row per label, with recall, precision and the confusions."""
        head = ["label", "recall", "precision", *self.labels]
        rows = [
            [label, f"{recall:.1%}", f"{precision:.1%}", *map(str, counts)]
            for label, recall, precision, counts in zip(self.labels, self.recall, self.precision, self.counts)
        ]
        return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, ["---"] * len(head), *rows])


@dataclass(frozen=True)
class Report:
    """Both measurements on the same clips."""

    cold: Confusion  # the clip is the first sound that the model hears
    mid_stream: Confusion  # it comes after a second of other sound

    def json(self) -> dict[str, Any]:
        return {"cold": self.cold.json(), "mid_stream": self.mid_stream.json()}

    def text(self) -> str:
        return "\n\n".join(
            f"{name}: {confusion.accuracy:.2%} of {confusion.counts.sum()} clips\n\n{confusion.table()}"
            for name, confusion in (("Cold", self.cold), ("Mid-stream", self.mid_stream))
        )


def evaluate(model: Path, dataset: Dataset, composer: Composer, program: Program, threads: int) -> Report:
    """Runs a model directory with the program on the held-out clips; what counts is a clip's last token."""
    clips = dataset.of(held_out=True)

    def confusion(mid_stream: bool, name: str) -> Confusion:
        counts = np.zeros((len(dataset.labels), len(dataset.labels)), int)
        chunks = composer.held_out(clips, mid_stream, _CHUNK)
        for chunk in bar(chunks, -(-len(clips) // _CHUNK), name):
            for right, said in _answers(
                chunk,
                program.features(chunk.samples),
                lambda features: program.encode(model, features),
                threads,
            ):
                counts[right, said] += 1
        return Confusion(dataset.labels, counts)

    return Report(confusion(False, "cold"), confusion(True, "mid-stream"))


def _answers(
    chunk: Sequences, features: np.ndarray, encode: Callable[[np.ndarray], np.ndarray], threads: int
) -> Iterable[tuple[int, int]]:
    """The right and the given label of each sequence's clip."""
    with ThreadPoolExecutor(threads) as pool:
        for labels, last, logits in zip(chunk.labels, chunk.last, pool.map(encode, features)):
            yield int(labels[last]), int(logits[last].argmax())
