"""Events of a whole stream at once: the rule of docs/model-format.md, and the program's own events."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from classifier_training.decide import events_of, levels_of, rises_of
from classifier_training.frontend import Frontend

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


FRONTEND = Frontend(sample_rate=1000, bands=1, hop=10, window_length=25, fft_length=32, center=False)


def test_levels_are_those_of_the_samples_since_the_token_before() -> None:
    samples = np.repeat([0.5, 0.05, 0.0], [55, 40, 60]).astype(np.float32)
    # Four frames of 10 samples a token: the first one ends with sample 3 * 10 + 25 = 55.
    assert levels_of(samples, FRONTEND, 4) == pytest.approx([-6.0206, -26.0206, -120], abs=1e-3)


def test_levels_of_centred_frames_end_with_the_samples() -> None:
    centred = replace(FRONTEND, center=True)
    assert levels_of(np.full(100, 0.1, np.float32), centred, 1) == pytest.approx([-20] * 10 + [-120], abs=1e-4)


def test_a_rise_is_between_the_two_half_seconds() -> None:
    quiet, loud = [-60.0] * 13, [-20.0] * 12  # 0.52 s and 0.48 s
    found = rises_of(np.array(loud + quiet + loud + [-20.0, -20.0, -20.0]), SECONDS, 8)
    assert found[12] and not found[13], "there is nothing to compare with in the first half second"
    assert found.tolist() == [expected(loud + quiet + loud + [-20.0] * 3, token) for token in range(len(found))]


def expected(levels: list[float], token: int) -> bool:
    """The definition of docs/model-format.md, by times."""
    times = [SECONDS * (number + 1) for number in range(token + 1)]
    middle = times[token] - 0.5
    before = [10 ** (level / 10) for level, time in zip(levels, times) if middle - 0.5 < time <= middle]
    after = [level for level, time in zip(levels, times) if time > middle]
    return not before or max(after) - 10 * np.log10(np.mean(before)) >= 8


def test_events_start_only_where_the_level_rises() -> None:
    probabilities = np.concatenate([np.full(5, 0.1), np.full(5, 0.7), np.full(5, 0.1), np.full(5, 0.7)])
    rises = np.zeros(20, bool)
    rises[6:16] = True
    assert events_of(probabilities, SECONDS, **RULE, rises=rises).tolist() == [[15, 20]]


def test_where_the_level_has_not_risen_an_event_reaches_a_higher_threshold() -> None:
    runs = [(5, 0.1), (3, 0.7), (3, 0.95), (2, 0.7), (5, 0.1), (5, 0.7), (5, 0.1), (5, 0.95)]
    probabilities = np.concatenate([np.full(count, value) for count, value in runs])
    rises = np.arange(len(probabilities)) == 6  # inside the first run
    found = events_of(probabilities, SECONDS, **RULE, rises=rises, steady_threshold=0.9)
    assert found.tolist() == [[5, 13], [28, 33]]
    assert events_of(probabilities, SECONDS, **RULE, rises=rises).tolist() == []
