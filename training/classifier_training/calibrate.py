"""The probability at which each label is reported, chosen on clips that the model was not trained on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_LEAST_CLIPS = 3  # of a label with fewer clips nothing can be said
_HIGHEST = 0.95


def best_threshold(positive: np.ndarray, negative: np.ndarray, lowest: float) -> float:
    """The threshold with the best F1 of clips that have a label against those that have not, by the highest
    probability in each; where several are as good, in the middle of the widest stretch of them."""
    edges = np.unique(np.clip(np.concatenate([positive, negative, [lowest, _HIGHEST]]), lowest, _HIGHEST))
    middles = (edges[1:] + edges[:-1]) / 2
    if len(middles) == 0:
        return lowest
    found = (positive[None] >= middles[:, None]).sum(1)
    wrong = (negative[None] >= middles[:, None]).sum(1)
    score = 2 * found / (found + wrong + len(positive))
    width = np.where(score >= score.max() - 1e-9, edges[1:] - edges[:-1], 0)
    return float(middles[int(width.argmax())])


def label_thresholds(
    labels: Sequence[str],
    background: Sequence[str],
    truth: np.ndarray,
    peaks: np.ndarray,
    other: np.ndarray,
    lowest: float,
) -> dict[str, float]:
    """Each label's threshold but for the background's, from each clip's label (clips) and the highest probability of
    all labels in it (clips, labels), and in stretches of other sound (stretches, labels). Labels of few clips have
    none."""
    thresholds = {}
    for index, label in enumerate(labels):
        has = truth == index
        if label not in background and has.sum() >= _LEAST_CLIPS:
            negative = np.concatenate([peaks[~has, index], other[:, index]])
            thresholds[label] = round(best_threshold(peaks[has, index], negative, lowest), 2)
    return thresholds
