"""A detector of one sound, fitted to few recordings of it and to background, and how well it does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from .few_background import FewBackground
from .intervals import Figure, rate
from .logistic import fit_logistic

_PENALTIES = (0.3, 0.1, 0.03, 0.01, 0.003)
_FOLDS = 5
_REFRACTORY_SECONDS = 1.0


# (rows, components) to the logit or likeness of each row.
Scorer = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Detector:
    """Weights (components,) and an offset: a row's logit, 0 at the threshold."""

    weights: np.ndarray
    offset: float

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        return np.asarray(rows @ self.weights + self.offset)


@dataclass(frozen=True)
class Measured:
    """What a detector does on sounds that it was not fitted to."""

    found: int  # of the recordings, each by a detector that was fitted to the others
    recordings: int
    false: dict[str, tuple[float, Figure]]  # hours, and false events an hour, by kind of background; "all" is first


def fit_detector(
    examples: Sequence[np.ndarray], background: FewBackground, target: float, others: Sequence[np.ndarray] = ()
) -> tuple[Detector, Measured]:
    """Fits to the rows (rows, components) of each recording; the threshold has at most `target` false events an hour.

    `others` are the rows of recordings of other sounds, which are background, too.
    """
    rng = np.random.default_rng(0)
    folds = [
        np.arange(len(examples)) % min(_FOLDS, len(examples)) == each for each in range(min(_FOLDS, len(examples)))
    ]
    order = rng.permutation(len(examples))
    negative = np.concatenate([*(rows for _, rows in background.of("fit")), *others])
    choose = background.of("choose")
    best: tuple[tuple[int, float], float, float] | None = None
    for penalty in _PENALTIES:
        scores: list[float] = []
        for fold in folds:
            kept, out = order[~fold], order[fold]
            detector = _fitted([examples[each] for each in kept], negative, penalty)
            threshold = threshold_for(detector, choose, background.seconds, target)
            scores += [float(detector(examples[each]).max()) - threshold for each in out]
        spread = float(np.std(detector(negative)))
        rank = (sum(score >= 0 for score in scores), float(np.minimum(scores, 0).sum()) / max(spread, 1e-9))
        if best is None or rank > best[0]:
            best = rank, penalty, min(scores)
    assert best is not None, "there are penalties"
    (found, _), penalty, least = best
    detector = _fitted(examples, negative, penalty)
    # Half-way between the background and the recording that was hardest to find, if all were found.
    threshold = threshold_for(detector, choose, background.seconds, target) + max(0.0, least) / 2
    detector = Detector(detector.weights, detector.offset - threshold)
    return detector, Measured(found, len(examples), false_events(detector, background))


def threshold_for(
    detector: Scorer, stretches: Sequence[tuple[object, np.ndarray]], seconds: float, target: float
) -> float:
    """The lowest logit at which background has at most `target` false events an hour."""
    scores = [detector(rows) for _, rows in stretches]
    hours = sum(map(len, scores)) * seconds / 3600
    allowed = int(target * hours)
    # The maxima of events at a threshold below all of them: each is an event as long as the threshold is below it.
    peaks = np.sort(np.concatenate([_peaks(each, seconds) for each in scores]))[::-1]
    highest = float(peaks[min(allowed, len(peaks) - 1)])
    margin = 0.05 * float(np.std(np.concatenate(scores)))
    return highest + margin


def false_events(detector: Scorer, background: FewBackground) -> dict[str, tuple[float, Figure]]:
    """The false events an hour in the background that nothing was chosen by."""
    counts: dict[str, list[tuple[str, float, float]]] = {"all": []}
    for stretch, rows in background.of("measure"):
        hours = len(rows) * background.seconds / 3600
        count = float((_peaks(detector(rows), background.seconds) >= 0).sum())
        for kind in ("all", stretch.kind):
            counts.setdefault(kind, []).append((stretch.group, count, hours))
    return {kind: (sum(hours for _, _, hours in found), rate(found)) for kind, found in counts.items()}


def nearest_neighbour(examples: Sequence[np.ndarray]) -> NearestNeighbour:
    """The baseline: a row's logit is its cosine to the most similar row of the recordings."""
    return NearestNeighbour(np.concatenate(examples))


@dataclass(frozen=True)
class NearestNeighbour:
    """Compares with all rows of the recordings."""

    rows: np.ndarray
    offset: float = 0.0

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        def unit(x: np.ndarray) -> np.ndarray:
            return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9)

        return np.asarray((unit(rows) @ unit(self.rows).T).max(1)) + self.offset


def _fitted(examples: Sequence[np.ndarray], negative: np.ndarray, penalty: float) -> Detector:
    """All recordings together count as much as all of the background, and each as much as the others."""
    shares = np.concatenate([np.full(len(rows), 1 / len(rows) / len(examples)) for rows in examples])
    x = np.concatenate([*examples, negative]).astype(float)
    y = np.concatenate([np.ones(len(shares)), np.zeros(len(negative))])
    weights, offset = fit_logistic(x, y, np.concatenate([shares, np.full(len(negative), 1 / len(negative))]), penalty)
    return Detector(weights, offset)


def _peaks(scores: np.ndarray, seconds: float) -> np.ndarray:
    """The highest scores of a stretch, one for each refractory time, from the highest on."""
    gap = max(1, round(_REFRACTORY_SECONDS / seconds))
    left, found = scores.astype(float).copy(), []
    for index in np.argsort(-scores):
        if np.isfinite(left[index]):
            found.append(float(scores[index]))
            left[max(0, index - gap) : index + gap + 1] = -np.inf
    return np.array(found)
