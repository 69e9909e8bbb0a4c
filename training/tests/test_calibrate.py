"""Thresholds by hand."""

from __future__ import annotations

import numpy as np
import pytest

from classifier_training.calibrate import best_threshold, best_thresholds


@pytest.mark.parametrize(
    ("positive", "negative", "expected"),
    [
        # Nothing in common: in the middle between them.
        ([0.8, 0.9], [0.1, 0.5], 0.65),
        # 0.7 is wrong once above 0.6 and 0.65; leaving out the positive at 0.6 costs more than the negative at 0.7.
        ([0.6, 0.8, 0.9, 0.9], [0.1, 0.2, 0.7], 0.5),
        # Many negatives: better without the positive among them.
        ([0.5, 0.8, 0.9], [0.45, 0.55, 0.6, 0.6, 0.65], 0.725),
        # Below what ends an event no threshold can be.
        ([0.2, 0.3], [0.1, 0.1], 0.675),
        ([0.99, 0.99], [0.1, 0.1], 0.675),
    ],
)
def test_the_best_f1(positive: list[float], negative: list[float], expected: float) -> None:
    found = best_threshold(np.array(positive), np.array(negative), 0.4)
    assert found == pytest.approx(expected)


def test_thresholds_of_labels() -> None:
    truth = np.eye(3, dtype=bool)[[0, 0, 0, 1, 1, 1, 2]]
    peaks = np.array([[0.9, 0.1, 0]] * 3 + [[0.5, 0.8, 0]] * 3 + [[0.1, 0.1, 0.9]])
    nothing = np.zeros((0, 3))
    found = best_thresholds(["a", "b", "c"], [], truth, peaks, nothing, 0.4)
    assert found == {"a": pytest.approx(0.7), "b": pytest.approx(0.6)}
    assert "a" not in best_thresholds(["a", "b", "c"], ["a"], truth, peaks, nothing, 0.4)
    # Other sound in which a label comes up to 0.8 is to be kept out as well.
    other = np.array([[0.8, 0.1, 0.3], [0.7, 0.2, 0.1]])
    assert best_thresholds(["a", "b", "c"], [], truth, peaks, other, 0.4)["a"] == pytest.approx(0.85)
