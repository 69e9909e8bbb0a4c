"""The decision of docs/model-format.md: its thresholds, and its events in a whole stream, without the program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


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
) -> np.ndarray:
    """(events, 2): the tokens at which each event of one label starts and behind which it ends.

    `probabilities` (tokens,) are those of the label.
    """
    held = np.flatnonzero(probabilities >= min(threshold, threshold_off))
    on = held[probabilities[held] >= threshold]
    if len(on) == 0:
        return np.zeros((0, 2), int)
    breaks = np.flatnonzero(np.diff(held) > 1)
    first, last = held[np.concatenate([[0], breaks + 1])], held[np.concatenate([breaks, [-1]])] + 1
    reached = on[np.minimum(np.searchsorted(on, first), len(on) - 1)]  # the first token of a run that may start one
    is_event = (reached >= first) & (reached < last)
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
