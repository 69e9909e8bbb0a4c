"""Events of a whole stream at once: the rule of docs/model-format.md, and the program's own events."""

from __future__ import annotations

from typing import Any

import numpy as np

from classifier_training.decide import events_of

SECONDS = 0.04  # of a token
RULE: dict[str, Any] = {
    "threshold": 0.6,
    "threshold_off": 0.3,
    "min_duration_ms": 0,
    "max_gap_ms": 0,
    "refractory_ms": 0,
}


def starts(runs: list[tuple[int, float]], **changes: Any) -> list[int]:
    """The events of probabilities that are given as (tokens, probability)."""
    probabilities = np.concatenate([np.full(count, value) for count, value in runs])
    return events_of(probabilities, SECONDS, **{**RULE, **changes})[:, 0].tolist()


def test_an_event_starts_at_its_threshold_and_lasts_to_the_lower_one() -> None:
    assert starts([(5, 0.1), (5, 0.5), (5, 0.7), (5, 0.4), (5, 0.7), (5, 0.1), (5, 0.7)]) == [10, 30]


def test_a_sound_below_the_threshold_is_no_event() -> None:
    assert starts([(5, 0.1), (50, 0.59), (5, 0.1)]) == []


def test_short_events_are_dropped() -> None:
    runs = [(5, 0.1), (9, 0.7), (20, 0.1), (10, 0.7), (5, 0.1)]
    assert starts(runs, min_duration_ms=400) == [34]


def test_a_gap_joins_two_events() -> None:
    runs = [(5, 0.1), (5, 0.7), (3, 0.1), (5, 0.7), (4, 0.1), (5, 0.7)]
    assert starts(runs, max_gap_ms=120) == [5, 22]


def test_no_event_starts_soon_after_the_last_one() -> None:
    runs = [(5, 0.1), (5, 0.7), (10, 0.1), (5, 0.7), (13, 0.1), (5, 0.7)]
    assert starts(runs, refractory_ms=500) == [5, 38]


def test_an_event_ends_below_the_lower_threshold() -> None:
    probabilities = np.concatenate([np.full(5, 0.1), np.full(5, 0.7), np.full(4, 0.4), np.full(5, 0.1)])
    assert events_of(probabilities, SECONDS, **RULE).tolist() == [[5, 14]]
