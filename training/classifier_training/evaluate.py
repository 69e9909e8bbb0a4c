"""The accuracy of a model on held-out clips, as the program runs it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .compose import Composer
from .dataset import Clip, Dataset
from .program import Program
from .progress import bar

_CHUNK = 256  # sequences in memory at a time


@dataclass(frozen=True)
class Confusion:
    """Counts of the clips of each label (rows) by the predicted label (columns)."""

    labels: tuple[str, ...]
    counts: np.ndarray  # (labels, labels) int
    right_tokens: int
    tokens: int  # of all clips, from their start to their end

    def __add__(self, other: Confusion) -> Confusion:
        return Confusion(
            self.labels,
            self.counts + other.counts,
            self.right_tokens + other.right_tokens,
            self.tokens + other.tokens,
        )

    @staticmethod
    def read(labels: tuple[str, ...], values: dict[str, Any]) -> Confusion:
        """Reads the values of `json`."""
        return Confusion(labels, np.array(values["confusion"]), values["right_tokens"], values["tokens"])

    @property
    def accuracy(self) -> float:
        return float(np.trace(self.counts) / self.counts.sum())

    @property
    def recall(self) -> np.ndarray:
        """(labels,) the share of a label's clips that are predicted correctly."""
        return np.diag(self.counts) / np.maximum(1, self.counts.sum(axis=1))

    @property
    def precision(self) -> np.ndarray:
        """(labels,) the share of the clips with a predicted label that have this label."""
        return np.diag(self.counts) / np.maximum(1, self.counts.sum(axis=0))

    def json(self) -> dict[str, Any]:
        return {
            "accuracy": round(self.accuracy, 4),
            "clips": int(self.counts.sum()),
            "token_accuracy": round(self.right_tokens / self.tokens, 4),
            "right_tokens": self.right_tokens,
            "tokens": self.tokens,
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

    cold: Confusion  # the clip is the first sound of the stream
    mid_stream: Confusion  # it comes after other sound
    truth: np.ndarray  # (clips,) int, the labels
    peaks: np.ndarray  # (clips, labels) each label's highest probability inside the clip, mid-stream
    decided: np.ndarray  # (clips, labels) probabilities at the token at which the clip is decided, mid-stream

    def __add__(self, other: Report) -> Report:
        return Report(
            self.cold + other.cold,
            self.mid_stream + other.mid_stream,
            np.concatenate([self.truth, other.truth]),
            np.concatenate([self.peaks, other.peaks]),
            np.concatenate([self.decided, other.decided]),
        )

    def json(self) -> dict[str, Any]:
        return {"cold": self.cold.json(), "mid_stream": self.mid_stream.json()}

    def text(self) -> str:
        return "\n\n".join(
            f"{name}: {confusion.accuracy:.2%} of {confusion.counts.sum()} clips, "
            f"{confusion.right_tokens / confusion.tokens:.2%} of their tokens\n\n{confusion.table()}"
            for name, confusion in (("Cold", self.cold), ("Mid-stream", self.mid_stream))
        )


def evaluate(model: Path, dataset: Dataset, composer: Composer, program: Program, threads: int) -> Report:
    """Runs a model with the program on the held-out clips."""
    clips, truth, peaks, decided = dataset.of(held_out=True), [], [], []

    def encode(features: np.ndarray) -> np.ndarray:
        return program.encode(model, features)

    def confusion(mid_stream: bool, name: str) -> Confusion:
        result = Confusion(dataset.labels, np.zeros((len(dataset.labels), len(dataset.labels)), int), 0, 0)
        chunks = composer.held_out(clips, mid_stream, _CHUNK)
        for chunk in bar(chunks, -(-len(clips) // _CHUNK), name):
            features = program.features(chunk.samples)
            with ThreadPoolExecutor(threads) as pool:
                for right, last, inside, logits in zip(
                    chunk.labels, chunk.last, chunk.weights > 0, pool.map(encode, features)
                ):
                    result += _answer(dataset.labels, right, last, inside, logits.argmax(1))
                    if mid_stream:
                        truth.append(right[last])
                        probabilities = _softmax(logits)
                        peaks.append(probabilities[inside].max(0))
                        decided.append(probabilities[last])
        return result

    cold, mid = confusion(False, "cold"), confusion(True, "mid-stream")
    return Report(cold, mid, np.array(truth), np.array(peaks), np.array(decided))


def cold_probabilities(
    model: Path, clips: list[Clip], composer: Composer, program: Program, threads: int
) -> np.ndarray:
    """(clips, labels) probabilities at the last token of each clip, as the first sound of a stream."""
    found: list[np.ndarray] = []
    for chunk in bar(composer.held_out(clips, False, _CHUNK), -(-len(clips) // _CHUNK), "clips trained on"):
        with ThreadPoolExecutor(threads) as pool:
            logits = pool.map(lambda features: program.encode(model, features), program.features(chunk.samples))
            found += [_softmax(each[last : last + 1])[0] for each, last in zip(logits, chunk.last)]
    return np.array(found)


def peaks_in(model: Path, sounds: list[np.ndarray], program: Program) -> np.ndarray:
    """(pieces, labels) each label's highest probability in pieces of about a second of consecutive sounds."""
    stream = np.concatenate([*sounds, np.zeros(program.frontend.window_length, np.float32)])
    if program.frontend.frames(len(stream)) < 1:
        stream = np.zeros(program.frontend.window_length, np.float32)
    probabilities = _softmax(program.encode(model, program.features(stream[None])[0]))
    count = max(1, round(len(stream) / program.frontend.sample_rate))
    parts = [part.max(0) for part in np.array_split(probabilities, count) if len(part)]
    return np.stack(parts) if parts else probabilities  # without a token there is no piece


def _softmax(logits: np.ndarray) -> np.ndarray:
    terms = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(terms / terms.sum(1, keepdims=True))


def _answer(
    labels: tuple[str, ...], right: np.ndarray, last: int, inside: np.ndarray, predicted: np.ndarray
) -> Confusion:
    """The confusion of one sequence.

    `right` and `predicted` (tokens) are its labels, `last` is the token at which its clip is decided, and `inside` is a
    mask of the tokens inside the clip.
    """
    counts = np.zeros((len(labels), len(labels)), int)
    counts[right[last], predicted[last]] = 1
    return Confusion(labels, counts, int((right == predicted)[inside].sum()), int(inside.sum()))
