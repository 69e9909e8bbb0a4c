"""The decision of docs/model-format.md over a whole stream at once, to try many thresholds without the program."""

from __future__ import annotations

import numpy as np


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
    held = probabilities >= min(threshold, threshold_off)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], held.astype(np.int8), [0]])))
    on = np.flatnonzero(probabilities >= threshold)
    starts: list[int] = []
    ends: list[int] = []  # of events, behind their last tokens
    gap, pause, least = (ms / 1000 / token_seconds for ms in (max_gap_ms, refractory_ms, min_duration_ms))
    for first, last in zip(edges[::2], edges[1::2]):
        at = int(np.searchsorted(on, first))
        if at == len(on) or on[at] >= last:
            continue
        if ends and on[at] - ends[-1] <= gap:
            ends[-1] = int(last)
            continue
        starts.append(int(on[at]))
        ends.append(int(last))
    kept: list[tuple[int, int]] = []
    free = -np.inf
    for start, end in zip(starts, ends):
        if end - start >= least and start >= free:
            kept.append((start, end))
            free = end + pause
    return np.array(kept, int).reshape(-1, 2)
