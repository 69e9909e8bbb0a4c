"""The decision of docs/model-format.md: its thresholds, and its events in a whole stream, without the program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .frontend import Frontend

_RISE_SECONDS = 0.5  # on both sides of a rise
_ROUNDING = 1e-6  # of comparisons of times, in seconds
_LEAST_POWER = 1e-12  # of a token


def label_thresholds(decision: dict[str, Any], labels: Sequence[str]) -> list[float]:
    """The threshold of each label in the `decision` of a config.json."""
    own = decision.get("class_thresholds", {})
    return [own.get(label, decision["threshold"]) for label in labels]


def events_of(
    probabilities: np.ndarray,
    token_seconds: float,
    *,
    threshold: float,
    threshold_off: float,
    min_duration_ms: int,
    max_gap_ms: int,
    refractory_ms: int,
    rises: np.ndarray | None = None,
    steady_threshold: float = 1.0,
) -> np.ndarray:
    """(events, 2): the tokens at which each event of one label starts and behind which it ends.

    `probabilities` (tokens,) are those of the label. An event that starts where `rises` (tokens,) is false reaches
    `steady_threshold`.
    """
    held = np.flatnonzero(probabilities >= min(threshold, threshold_off))
    on = held[probabilities[held] >= threshold]
    if len(on) == 0:
        return np.zeros((0, 2), int)
    breaks = np.flatnonzero(np.diff(held) > 1)
    first, last = held[np.concatenate([[0], breaks + 1])], held[np.concatenate([breaks, [-1]])] + 1
    reached = on[np.minimum(np.searchsorted(on, first), len(on) - 1)]  # the first token of a run that may start one
    is_event = (reached >= first) & (reached < last)
    if rises is not None:
        largest = np.maximum.reduceat(probabilities[held], np.concatenate([[0], breaks + 1]))
        is_event &= rises[reached] | (largest >= steady_threshold)
    starts: list[int] = []
    ends: list[int] = []  # of events, behind their last tokens
    gap, pause, least = (ms / 1000 / token_seconds for ms in (max_gap_ms, refractory_ms, min_duration_ms))
    for start, end in zip(reached[is_event].tolist(), last[is_event].tolist()):
        if ends and start - ends[-1] <= gap:
            ends[-1] = end
            continue
        starts.append(start)
        ends.append(end)
    kept: list[tuple[int, int]] = []
    free = -np.inf
    for start, end in zip(starts, ends):
        if end - start >= least and start >= free:
            kept.append((start, end))
            free = end + pause
    return np.array(kept, int).reshape(-1, 2)


def levels_of(samples: np.ndarray, frontend: Frontend, frames: int) -> np.ndarray:
    """(tokens,) the level, in dB relative to full scale, of the samples since the token before.

    A token has so many `frames`.
    """
    ends = np.arange(frames - 1, frontend.frames(len(samples)), frames) * frontend.hop + frontend.span
    ends = np.minimum(ends, len(samples))
    sums = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    power = np.diff(sums[ends], prepend=0.0) / np.maximum(np.diff(ends, prepend=0), 1)
    return np.asarray(10 * np.log10(np.maximum(power, _LEAST_POWER)))


def rises_of(levels: np.ndarray, token_seconds: float, least: float) -> np.ndarray:
    """(tokens,) whether an event may start: whether the level has risen by `least` dB.

    The largest of the `levels` of the half second up to the token is compared with the mean power of the half second
    before, if there is one.
    """
    half, whole = (int(np.ceil((count * _RISE_SECONDS - _ROUNDING) / token_seconds)) for count in (1, 2))
    sums = np.concatenate([[0.0], np.cumsum(10 ** (levels / 10))])
    ends = np.arange(1, len(levels) + 1)
    middle, start = np.maximum(ends - half, 0), np.maximum(ends - whole, 0)
    power = np.maximum((sums[middle] - sums[start]) / np.maximum(middle - start, 1), _LEAST_POWER)
    largest = np.array([levels[first:end].max() for first, end in zip(middle, ends)])
    return np.asarray((middle == start) | (largest - 10 * np.log10(power) >= least))
