"""The accuracy of a model on held-out clips, as the program runs it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .compose import Composer
from .dataset import Clip, Dataset
from .feature_evaluation import probabilities
from .program import Program
from .progress import bar
from .tag_report import TagReport

_CHUNK = 256  # sequences in memory at a time
_LARGEST_MATRIX = 16  # labels; a wider table cannot be read
_CONFUSIONS = 3  # of a label, in the table of many labels


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

    @property
    def counts_in_words(self) -> str:
        """What the columns of the table after recall and precision count."""
        if self._is_wide:
            return "the last column counts the other labels that the clips were most often taken for"
        return "the columns after precision count what the clips were taken for"

    def table(self) -> str:
        """Markdown: a row per label, with recall, precision and the confusions; of many labels the most frequent."""
        head = ["label", "recall", "precision", *(["taken for"] if self._is_wide else self.labels)]
        rows = [
            [
                label,
                f"{recall:.1%}" if counts.any() else "no clips",
                f"{precision:.1%}" if self.counts[:, row].any() else "-",
                *([self._most_frequent(row)] if self._is_wide else map(str, counts)),
            ]
            for row, (label, recall, precision, counts) in enumerate(
                zip(self.labels, self.recall, self.precision, self.counts)
            )
        ]
        return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, ["---"] * len(head), *rows])

    @property
    def _is_wide(self) -> bool:
        return len(self.labels) > _LARGEST_MATRIX

    def _most_frequent(self, row: int) -> str:
        """The labels that the clips of a label were most often taken for, with the number of clips."""
        counts = self.counts[row].copy()
        counts[row] = 0
        order = np.argsort(-counts, kind="stable")[:_CONFUSIONS]
        return ", ".join(f"{self.labels[column]} {counts[column]}" for column in order if counts[column])


@dataclass(frozen=True)
class Report:
    """Both measurements on the same clips."""

    cold: Confusion  # the clip is the first sound of the stream
    mid_stream: Confusion  # it comes after other sound
    truth: np.ndarray  # (clips,) int, the labels
    peaks: np.ndarray  # (clips, labels) each label's highest probability inside the clip, mid-stream
    decided: np.ndarray  # (clips, labels) probabilities at the token at which the clip is decided, mid-stream

    key = "accuracy"  # in the card

    def at(self, decision: dict[str, Any]) -> Report:
        """The report itself: no figure depends on a threshold."""
        return self

    @property
    def labels(self) -> tuple[str, ...]:
        return self.mid_stream.labels

    @property
    def has(self) -> np.ndarray:
        """(clips, labels) whether a clip has a label."""
        return self.truth[:, None] == np.arange(len(self.labels))

    @property
    def confidence(self) -> tuple[np.ndarray, np.ndarray]:
        """The probability of each clip's first label, and whether it is right."""
        return self.decided.max(1), self.decided.argmax(1) == self.truth

    def short(self) -> str:
        return f"cold {self.cold.accuracy:.2%}, mid-stream {self.mid_stream.accuracy:.2%}"

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


@dataclass(frozen=True)
class _Scored:
    """A clip in its sequence."""

    right: np.ndarray  # (tokens,) the index of its label, or of its combination of labels
    last: int  # the token at which it is decided
    inside: np.ndarray  # (tokens,) bool
    logits: np.ndarray  # (tokens, labels)


def _scored(
    model: Path, clips: list[Clip], mid_stream: bool, name: str, composer: Composer, program: Program, threads: int
) -> Iterator[_Scored]:
    """Runs a model with the program on clips."""
    chunks = composer.held_out(clips, mid_stream, _CHUNK)
    for chunk in bar(chunks, -(-len(clips) // _CHUNK), name):
        features = program.features(chunk.samples)
        with ThreadPoolExecutor(threads) as pool:
            found = pool.map(lambda each: program.encode(model, each), features)
            yield from map(_Scored, chunk.labels, chunk.last, chunk.weights > 0, found)


def evaluate(model: Path, dataset: Dataset, composer: Composer, program: Program, threads: int) -> Report | TagReport:
    """Runs a model with the program on the held-out clips."""
    clips = dataset.of(held_out=True)
    if not composer.has_one_label:
        return _tags(model, dataset, composer, program, threads)
    confusions, truth, peaks, decided = [], [], [], []  # of both settings; mid-stream
    for mid_stream, name in ((False, "cold"), (True, "mid-stream")):
        result = Confusion(dataset.labels, np.zeros((len(dataset.labels), len(dataset.labels)), int), 0, 0)
        for clip in _scored(model, clips, mid_stream, name, composer, program, threads):
            result += _answer(dataset.labels, clip.right, clip.last, clip.inside, clip.logits.argmax(1))
            if mid_stream:
                truth.append(clip.right[clip.last])
                scores = _softmax(clip.logits)
                peaks.append(scores[clip.inside].max(0))
                decided.append(scores[clip.last])
        confusions.append(result)
    cold, mid = confusions
    return Report(cold, mid, np.array(truth), np.array(peaks), np.array(decided))


def _tags(model: Path, dataset: Dataset, composer: Composer, program: Program, threads: int) -> TagReport:
    clips = dataset.of(held_out=True)
    has, cold, peaks, mid = [], [], [], []
    for clip in _scored(model, clips, False, "cold", composer, program, threads):
        scores = probabilities(clip.logits, exclusive=False)
        has.append(composer.targets(clip.right[clip.last]) > 0)
        cold.append(scores[clip.last])
        peaks.append(scores[clip.inside].max(0))
    for clip in _scored(model, clips, True, "mid-stream", composer, program, threads):
        mid.append(probabilities(clip.logits[clip.last], exclusive=False))
    return TagReport(dataset.labels, np.array(has), np.array(cold), np.array(mid), np.array(peaks))


def cold_probabilities(
    model: Path, clips: list[Clip], composer: Composer, program: Program, threads: int
) -> np.ndarray:
    """(clips, labels) probabilities at the last token of each clip, as the first sound of a stream."""
    scores = _softmax if composer.has_one_label else partial(probabilities, exclusive=False)
    scored = _scored(model, clips, False, "clips, cold", composer, program, threads)
    return np.array([scores(each.logits[each.last : each.last + 1])[0] for each in scored])


def peaks_in(model: Path, sounds: list[np.ndarray], program: Program, has_one_label: bool = True) -> np.ndarray:
    """(pieces, labels) each label's highest probability in pieces of about a second of consecutive sounds."""
    stream = np.concatenate([*sounds, np.zeros(program.frontend.window_length, np.float32)])
    if program.frontend.frames(len(stream)) < 1:
        stream = np.zeros(program.frontend.window_length, np.float32)
    logits = program.encode(model, program.features(stream[None])[0])
    scores = _softmax(logits) if has_one_label else probabilities(logits, exclusive=False)
    count = max(1, round(len(stream) / program.frontend.sample_rate))
    parts = [part.max(0) for part in np.array_split(scores, count) if len(part)]
    return np.stack(parts) if parts else scores  # without a token there is no piece


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
