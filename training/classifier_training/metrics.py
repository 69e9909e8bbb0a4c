"""The metrics of classification and of detection while it happens, for audio and for streams of features.

Every metric is compared with an independent implementation in tests/test_metrics.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


def accuracy(logits: np.ndarray, truth: np.ndarray) -> float:
    """The share of the rows (rows, labels) whose largest value is that of the true label (rows,)."""
    return float((logits.argmax(-1) == truth).mean()) if len(truth) else float("nan")


class Ranking:
    """Rows in the order of falling scores, for average precisions of several weightings of the same rows.

    Rows of equal scores count as one: they are above the same thresholds. The average precision is the sum, over the
    thresholds, of the precision at a threshold times the growth of the recall since the one before. That of no positive
    is undefined: not a number.
    """

    def __init__(self, scores: np.ndarray, positive: np.ndarray) -> None:
        """`scores` and `positive` are (rows,)."""
        self._order = np.argsort(-scores, kind="stable")
        ranked = scores[self._order]
        self._ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True)) if len(ranked) else np.zeros(0, int)
        self._positive = positive[self._order].astype(bool)

    def average_precision(self, weights: np.ndarray | None = None, calibrated: bool = False) -> float:
        """The average precision, with rows counted `weights` (rows,) times.

        With `calibrated` it is the calibrated average precision of De Geest et al., "Online Action Detection" (ECCV
        2016, arXiv 1604.06506): the precision is TP / (TP + FP / w), w being the number of negatives divided by that of
        positives, so that it does not depend on how rare a label is. A random order has 1/2.
        """
        counts = np.ones(len(self._order)) if weights is None else weights[self._order].astype(float)
        true = np.cumsum(np.where(self._positive, counts, 0.0))[self._ends]
        false = np.cumsum(np.where(self._positive, 0.0, counts))[self._ends]
        if not len(true) or true[-1] == 0:
            return float("nan")
        if calibrated and false[-1] > 0:
            false = false * (true[-1] / false[-1])
        growth = np.diff(true, prepend=0.0)
        found = growth > 0
        return float((growth[found] * true[found] / (true[found] + false[found])).sum() / true[-1])


def average_precision(scores: np.ndarray, positive: np.ndarray) -> float:
    """The average precision of (rows,); not a number if there is no positive."""
    return Ranking(scores, positive).average_precision()


def calibrated_average_precision(scores: np.ndarray, positive: np.ndarray) -> float:
    """The calibrated average precision of (rows,), see `Ranking`; not a number if there is no positive."""
    return Ranking(scores, positive).average_precision(calibrated=True)


@dataclass(frozen=True)
class MeanOverLabels:
    """A metric of each label, and its mean over the labels for which it is defined."""

    values: tuple[float, ...]  # not a number where it is undefined

    @property
    def mean(self) -> float:
        defined = [value for value in self.values if not np.isnan(value)]
        return float(np.mean(defined)) if defined else float("nan")

    @property
    def undefined(self) -> tuple[int, ...]:
        """The labels without a positive."""
        return tuple(index for index, value in enumerate(self.values) if np.isnan(value))


def mean_average_precision(scores: np.ndarray, positive: np.ndarray, calibrated: bool = False) -> MeanOverLabels:
    """The average precision of each label, from scores and truth (rows, labels); a row is a clip or a step."""
    columns = range(scores.shape[1])
    return MeanOverLabels(
        tuple(Ranking(scores[:, each], positive[:, each]).average_precision(calibrated=calibrated) for each in columns)
    )


def starts(active: np.ndarray) -> np.ndarray:
    """The steps at which a run of true values (steps,) begins."""
    return np.flatnonzero(active & ~np.concatenate([[False], active[:-1]]))


@dataclass(frozen=True)
class Delays:
    """The time from the beginning of each true span to its detection."""

    steps: tuple[int, ...]  # of the spans that were detected
    spans: int

    @property
    def found(self) -> float:
        """The share of the spans that were detected before their end."""
        return len(self.steps) / self.spans if self.spans else float("nan")

    @property
    def mean(self) -> float:
        """The mean delay of the detected spans, in steps."""
        return float(np.mean(self.steps)) if self.steps else float("nan")


def detection_delays(scores: Sequence[np.ndarray], truth: Sequence[np.ndarray], threshold: float) -> Delays:
    """The delays over several streams: each span's first step, of its own, with a score of at least the threshold.

    `scores` and `truth` are (steps,) of one label in each stream. A score above the threshold since before the span's
    beginning detects it at once.
    """
    found, spans = [], 0
    for score, true in zip(scores, truth):
        true = true.astype(bool)
        ends = np.flatnonzero(true & ~np.append(true[1:], False)) + 1
        for begin, end in zip(starts(true), ends):
            spans += 1
            above = np.flatnonzero(score[begin:end] >= threshold)
            if len(above):
                found.append(int(above[0]))
    return Delays(tuple(found), spans)


@dataclass(frozen=True)
class Start:
    """A detected or true start: its stream, its step, and the confidence of a detection."""

    stream: int
    step: int
    confidence: float = 1.0


def detected_starts(scores: Sequence[np.ndarray], threshold: float) -> list[Start]:
    """The steps at which a label's score reaches the threshold from below, each with its score as its confidence."""
    return [
        Start(number, int(step), float(score[step]))
        for number, score in enumerate(scores)
        for step in starts(score >= threshold)
    ]


def point_average_precision(detected: Sequence[Start], true: Sequence[Start], tolerance: int) -> float:
    """The point-level average precision of one label's starts, as online detection of action start has it.

    Shou et al., "Online Detection of Action Start in Untrimmed, Streaming Videos" (ECCV 2018, arXiv 1802.06822):
    detections, ranked by their confidence, are right if they are at most `tolerance` steps from a true start of the
    same stream. A true start counts once: a detection takes the nearest that is left. The average precision is the sum
    of the precisions at the right detections, divided by the number of true starts; not a number if there is none.
    """
    if not true:
        return float("nan")
    left: dict[int, list[int]] = {}
    for each in true:
        left.setdefault(each.stream, []).append(each.step)
    right, total = 0, 0.0
    ranked = sorted(detected, key=lambda each: (-each.confidence, each.stream, each.step))
    for rank, each in enumerate(ranked, 1):
        near = [step for step in left.get(each.stream, []) if abs(step - each.step) <= tolerance]
        if near:
            left[each.stream].remove(min(near, key=lambda step: (abs(step - each.step), step)))
            right += 1
            total += right / rank
    return total / len(true)
