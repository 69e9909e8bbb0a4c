"""Chooses the probability at which each label is reported, on held-out clips."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_LEAST_CLIPS = 3  # of a label, for a threshold of its own
_HIGHEST = 0.95


def best_threshold(positive: np.ndarray, negative: np.ndarray, lowest: float) -> float:
    """The threshold with the best F1 for clips with a label against clips without, by their highest probability.

    If several are equally good, it is the middle of the widest interval of them.
    """
    edges = np.unique(np.clip(np.concatenate([positive, negative, [lowest, _HIGHEST]]), lowest, _HIGHEST))
    middles = (edges[1:] + edges[:-1]) / 2
    if len(middles) == 0:
        return lowest
    found = (positive[None] >= middles[:, None]).sum(1)
    wrong = (negative[None] >= middles[:, None]).sum(1)
    score = 2 * found / (found + wrong + len(positive))
    width = np.where(score >= score.max() - 1e-9, edges[1:] - edges[:-1], 0)
    return float(middles[int(width.argmax())])


def best_thresholds(
    labels: Sequence[str],
    background: Sequence[str],
    has: np.ndarray,
    peaks: np.ndarray,
    other: np.ndarray,
    lowest: float,
) -> dict[str, float]:
    """The thresholds of all labels but the background's; labels of few clips have none.

    `has` (clips, labels) is whether a clip has a label. `peaks` (clips, labels) are the highest probabilities in the
    clips; `other` (pieces, labels) are those in pieces of other sound.
    """
    thresholds = {}
    for index, label in enumerate(labels):
        own = has[:, index]
        if label not in background and own.sum() >= _LEAST_CLIPS:
            negative = np.concatenate([peaks[~own, index], other[:, index]])
            thresholds[label] = round(best_threshold(peaks[own, index], negative, lowest), 2)
    return thresholds
