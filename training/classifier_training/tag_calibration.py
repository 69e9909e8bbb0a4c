"""Calibration of a model that tags sounds: offsets of its logits, and thresholds, by recordings of known sound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .decide import events_of

_PIECE_SECONDS = 5.0
_STEPS, _LARGEST_STEP = 80, 0.5  # of Newton's method
_THRESHOLDS = tuple(np.round(np.arange(0.2, 0.96, 0.05), 2).tolist())
_OFF = 0.6  # threshold_off as a share of the common threshold
_PERHAPS = 4.0  # times the target is allowed of labels that a recording may have
# What may be heard behind any sound, and beside a label; and what is not, though the tree has it below the label.
_ANYWHERE = "Speech"
_MAYBE = {"Music": ("Singing",)}
_NEVER = {"Speech": ("Speech synthesizer",)}


@dataclass(frozen=True)
class Known:
    """A recording of which the sound is known, as a model hears it."""

    kind: str
    logits: np.ndarray  # (tokens, labels)
    truth: np.ndarray  # (labels,) 1: is heard, 0: is not, NaN: is unknown


class Tree:
    """Labels with those above and below them."""

    def __init__(self, labels: Sequence[str], parents: dict[str, list[str]]) -> None:
        self._places = {label: index for index, label in enumerate(labels)}
        self._above = {label: self._ancestors(label, parents) for label in labels}
        self._below: dict[str, set[str]] = {label: set() for label in labels}
        for label, above in self._above.items():
            for one in above:
                self._below[one].add(label)

    def truth(self, names: Sequence[str], logits: np.ndarray) -> np.ndarray:
        """(labels,) what is heard in a recording that goes by any of `names`: the one that the model finds most likely.

        Its other names and what is above and below them are unknown; what is not related to them is not heard.
        """
        known = [name for name in names if name in self._places]
        unknown = {one for name in known for one in (name, *self._above[name], *self._below[name])}
        for maybe in (_ANYWHERE, *(one for name in known for one in _MAYBE.get(name, ()))):
            unknown |= {maybe, *self._below.get(maybe, ())}
        truth = np.zeros(len(self._places))
        truth[[self._places[one] for one in unknown if one in self._places]] = np.nan
        truth[[self._places[one] for name in known for one in _NEVER.get(name, ()) if one in self._places]] = 0
        truth[max((self._places[name] for name in known), key=lambda place: logits[:, place].max())] = 1
        return truth

    @staticmethod
    def _ancestors(label: str, parents: dict[str, list[str]]) -> set[str]:
        found, left = set(), [label]
        while left:
            new = [one for one in parents.get(left.pop(), []) if one not in found]
            found.update(new)
            left += new
        return found


def fit_offsets(known: Sequence[Known], token_seconds: float, common: float, spread: float) -> np.ndarray:
    """(labels,) offsets of the logits: `common`, less what a label says too often where it is not heard.

    The offset c of each label is the most likely one a posteriori, of the largest logits z in pieces of 5 s, with
    probabilities 1 / (1 + exp(-z - c)) (Platt, "Probabilistic Outputs for Support Vector Machines", 1999, with a slope
    of 1) and a normal distribution of standard deviation `spread` around the one offset that fits all labels best. What
    is above that one is left out: it favours the labels that happen to be in the recordings.
    """
    length = max(1, round(_PIECE_SECONDS / token_seconds))
    z = np.concatenate([_peaks(one.logits, length) for one in known])
    y = np.repeat([one.truth for one in known], [-(-len(one.logits) // length) for one in known], axis=0)
    weight = ~np.isnan(y)
    y = np.nan_to_num(y)
    shared = 0.0
    for _ in range(_STEPS):
        p = probability(z + shared)
        shared -= float(_step((weight * (p - y)).sum(), (weight * p * (1 - p)).sum() + 1e-9))
    offsets = np.full(z.shape[1], shared)
    for _ in range(_STEPS):
        p = probability(z + offsets)
        slope = (weight * (p - y)).sum(0) + (offsets - shared) / spread**2
        offsets -= _step(slope, (weight * p * (1 - p)).sum(0) + spread**-2)
    return np.asarray(common + np.minimum(offsets - shared, 0))


def fit_decision(
    config: dict[str, Any], known: Sequence[Known], token_seconds: float, common: float, target: float
) -> dict[str, Any]:
    """The model's decision with the threshold `common`, or a higher one of a label that is often reported wrongly.

    In each kind of recordings at most `target` events an hour of a label are in recordings where it is not heard, and
    at most four times as many where it may be. `known` has the logits with their offsets.
    """
    off = round(_OFF * common, 3)
    settings = {key: config["decision"][key] for key in ("min_duration_ms", "max_gap_ms", "refractory_ms")}
    kinds = sorted({one.kind for one in known})
    hours = {kind: sum(len(one.logits) for one in known if one.kind == kind) * token_seconds / 3600 for kind in kinds}
    thresholds = [common, *(each for each in _THRESHOLDS if each > common)]
    counts = np.zeros((len(thresholds), len(config["labels"]), len(kinds), 2))  # where it is not heard; may be heard
    for one in known:
        p, kind = probability(one.logits), kinds.index(one.kind)
        heard = np.flatnonzero((p.max(0) >= common) & (one.truth != 1))
        for label, (row, threshold) in ((label, each) for label in heard for each in enumerate(thresholds)):
            found = events_of(p[:, label], token_seconds, threshold=threshold, threshold_off=off, **settings)
            counts[row, label, kind, int(np.isnan(one.truth[label]))] += len(found) / hours[one.kind]
    allowed = np.asarray(((counts[..., 0] <= target) & (counts[..., 1] <= _PERHAPS * target)).all(2))
    allowed[-1] = True
    chosen = {label: thresholds[int(allowed[:, place].argmax())] for place, label in enumerate(config["labels"])}
    own = {label: value for label, value in chosen.items() if value > common and label not in config["background"]}
    return {**config["decision"], "threshold": common, "threshold_off": off, "class_thresholds": own}


def probability(logits: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-logits)))


def _peaks(logits: np.ndarray, length: int) -> np.ndarray:
    """(pieces, labels) the largest logits of each piece of `length` tokens."""
    return np.maximum.reduceat(logits, np.arange(0, len(logits), length), axis=0)


def _step(slope: Any, curvature: Any) -> Any:
    return np.clip(slope / curvature, -_LARGEST_STEP, _LARGEST_STEP)
