"""The paired bootstrap over clips (Efron, Tibshirani 1993), for every claim of "as accurate as"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from classifier_training.metrics import Ranking


@dataclass(frozen=True)
class Difference:
    """A difference in a metric, with the interval that holds 95 % of its resampled values."""

    value: float
    low: float
    high: float

    @property
    def includes_zero(self) -> bool:
        return self.low <= 0 <= self.high

    @staticmethod
    def of(value: float, resampled: Sequence[float] | np.ndarray) -> Difference:
        low, high = np.nanpercentile(np.asarray(resampled, float), [2.5, 97.5])
        return Difference(value, float(low), float(high))


def paired_accuracy(one: np.ndarray, other: np.ndarray, resamples: int = 10_000, seed: int = 0) -> Difference:
    """The difference in accuracy, from (seeds, clips) whether each clip was right; clips are resampled."""
    differences = (one.astype(float) - other.astype(float)).mean(0)
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(len(differences), np.full(len(differences), 1 / len(differences)), resamples)
    return Difference.of(float(differences.mean()), counts @ differences / len(differences))


def paired_precision(
    one: np.ndarray,
    other: np.ndarray,
    positive: np.ndarray,
    clips: np.ndarray,
    judged: np.ndarray | None = None,
    resamples: int = 200,
    seed: int = 0,
) -> Difference:
    """The difference in mean average precision, from scores and truth (rows, labels).

    `clips` (rows,) are the numbers of the clips of the rows, which are resampled together; `judged` (rows, labels) are
    the rows that count.
    """
    columns = [label for label in range(positive.shape[1]) if positive[:, label].any()]
    known = np.ones(positive.shape, bool) if judged is None else judged
    rankings = [
        [Ranking(scores[known[:, label], label], positive[known[:, label], label]) for scores in (one, other)]
        for label in columns
    ]
    rng = np.random.default_rng(seed)
    count = int(clips.max()) + 1

    def difference(weights: np.ndarray) -> float:
        values = [
            [ranking.average_precision(weights[known[:, label]]) for ranking in pair]
            for label, pair in zip(columns, rankings)
        ]
        first, second = np.nanmean(np.array(values), 0)
        return float(first - second)

    resampled = [
        difference(rng.multinomial(count, np.full(count, 1 / count))[clips].astype(float)) for _ in range(resamples)
    ]
    return Difference.of(difference(np.ones(len(clips))), resampled)
