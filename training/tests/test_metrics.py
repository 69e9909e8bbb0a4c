"""The metrics against scikit-learn, and against definitions written out as loops or worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from classifier_training import metrics
from classifier_training.metrics import Start


def random_ranking(seed: int, rows: int = 300, ties: bool = True) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    positive = rng.random(rows) < rng.uniform(0.02, 0.6)
    positive[0], positive[1] = True, False
    scores = rng.standard_normal(rows) + positive
    return (np.round(scores, 1) if ties else scores), positive


@pytest.mark.parametrize("seed", range(6))
def test_average_precision_is_that_of_scikit_learn(seed: int) -> None:
    sklearn = pytest.importorskip("sklearn.metrics")
    scores, positive = random_ranking(seed, ties=seed % 2 == 0)
    assert metrics.average_precision(scores, positive) == pytest.approx(
        sklearn.average_precision_score(positive, scores), abs=1e-12
    )
    weights = np.random.default_rng(seed).integers(0, 4, len(scores))
    weights[0] = 1
    found = metrics.Ranking(scores, positive).average_precision(weights)
    assert found == pytest.approx(sklearn.average_precision_score(positive, scores, sample_weight=weights), abs=1e-12)
    repeated = np.repeat(np.arange(len(scores)), weights)
    assert found == pytest.approx(metrics.average_precision(scores[repeated], positive[repeated]), abs=1e-12)


def test_mean_average_precision_leaves_labels_without_a_positive_out() -> None:
    sklearn = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    scores, truth = rng.random((80, 5)), rng.random((80, 5)) < 0.3
    truth[:, 3] = False
    found = metrics.mean_average_precision(scores, truth)
    kept = [0, 1, 2, 4]
    assert found.undefined == (3,) and np.isnan(found.values[3])
    assert found.mean == pytest.approx(
        sklearn.average_precision_score(truth[:, kept], scores[:, kept], average="macro")
    )
    nothing = metrics.mean_average_precision(scores[:, 3:4], truth[:, 3:4])
    assert np.isnan(nothing.mean) and nothing.undefined == (0,)


def calibrated_by_definition(scores: np.ndarray, positive: np.ndarray) -> float:
    """De Geest et al. 2016, section 4: cPrec = w TP / (w TP + FP), cAP = sum of cPrec(k) I(k) / P; without ties."""
    ratio = (~positive).sum() / positive.sum()
    total, true, false = 0.0, 0, 0
    for index in np.argsort(-scores):
        if positive[index]:
            true += 1
            total += ratio * true / (ratio * true + false)
        else:
            false += 1
    return total / int(positive.sum())


@pytest.mark.parametrize("seed", range(4))
def test_calibrated_average_precision_is_its_definition(seed: int) -> None:
    scores, positive = random_ranking(seed, ties=False)
    expected = calibrated_by_definition(scores, positive)
    assert metrics.calibrated_average_precision(scores, positive) == pytest.approx(expected, abs=1e-12)


def test_calibrated_average_precision_does_not_depend_on_the_share_of_positives() -> None:
    """Ten times the negatives, with the same scores: the AP falls, the cAP stays; a constant score has 1/2."""
    scores, positive = random_ranking(1)
    negatives = np.flatnonzero(~positive)
    many = np.concatenate([np.flatnonzero(positive), np.repeat(negatives, 10)])
    calibrated = metrics.calibrated_average_precision(scores, positive)
    assert metrics.calibrated_average_precision(scores[many], positive[many]) == pytest.approx(calibrated, abs=1e-12)
    assert metrics.average_precision(scores[many], positive[many]) < metrics.average_precision(scores, positive)
    assert metrics.calibrated_average_precision(np.zeros(len(positive)), positive) == pytest.approx(0.5)
    assert metrics.calibrated_average_precision(np.ones(3), np.ones(3, bool)) == 1
    assert np.isnan(metrics.calibrated_average_precision(np.ones(3), np.zeros(3, bool)))


def test_accuracy() -> None:
    sklearn = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    logits, truth = rng.standard_normal((50, 4)), rng.integers(0, 4, 50)
    assert metrics.accuracy(logits, truth) == sklearn.accuracy_score(truth, logits.argmax(1))
    assert np.isnan(metrics.accuracy(logits[:0], truth[:0]))


def test_delays_of_a_worked_example() -> None:
    """Spans 2-4, 7-8 (not found) and 10-11 (active before it begins) of one stream, 0-1 of another."""
    truth = np.array([0, 0, 1, 1, 1, 0, 0, 1, 1, 0, 1, 1])
    score = np.array([0, 0, 0.4, 0.4, 0.6, 0.9, 0, 0.1, 0.49, 0.7, 0.8, 0])
    other = np.array([1, 1, 0]), np.array([0.2, 0.5, 1])
    found = metrics.detection_delays([score, other[1]], [truth, other[0]], 0.5)
    assert found.steps == (2, 0, 1) and found.spans == 4
    assert found.found == 0.75 and found.mean == 1.0
    nothing = metrics.detection_delays([score], [np.zeros(12)], 0.5)
    assert nothing.spans == 0 and np.isnan(nothing.found) and np.isnan(nothing.mean)


def test_starts_are_where_a_score_reaches_its_threshold() -> None:
    scores = [np.array([0.9, 0.9, 0.1, 0.5, 0.4]), np.array([0.1, 0.2])]
    assert metrics.detected_starts(scores, 0.5) == [Start(0, 0, 0.9), Start(0, 3, 0.5)]


def test_point_average_precision_of_a_worked_example() -> None:
    """Shou et al. 2018: ranked by confidence, right within the tolerance, each true start counts once."""
    true = [Start(0, 10), Start(0, 20), Start(1, 5)]
    detected = [
        Start(0, 11, 0.9),  # right within 1
        Start(0, 9, 0.8),  # a duplicate of the same start
        Start(1, 8, 0.7),  # right within 3
        Start(0, 22, 0.6),  # right within 2
        Start(2, 5, 0.5),  # another stream
    ]
    found = [metrics.point_average_precision(detected, true, tolerance) for tolerance in (0, 1, 2, 3)]
    assert found[0] == 0
    assert found[1] == pytest.approx((1 / 1) / 3)
    assert found[2] == pytest.approx((1 / 1 + 2 / 4) / 3)
    assert found[3] == pytest.approx((1 / 1 + 2 / 3 + 3 / 4) / 3)
    assert metrics.point_average_precision([], true, 3) == 0
    assert np.isnan(metrics.point_average_precision(detected, [], 3))


@pytest.mark.parametrize("seed", range(5))
def test_point_average_precision_counts_as_a_table_of_distances_does(seed: int) -> None:
    """Another way to count: precision and recall at every cut of the ranking, of a table of distances."""
    rng = np.random.default_rng(seed)
    true = [Start(int(rng.integers(3)), int(step)) for step in rng.choice(60, 12, replace=False)]
    detected = [Start(int(rng.integers(3)), int(rng.integers(60)), float(score)) for score in rng.permutation(25)]
    order = np.argsort([-each.confidence for each in detected])
    distance = np.array(
        [[abs(d.step - t.step) if d.stream == t.stream else 99 for t in true] for d in (detected[i] for i in order)]
    ).astype(float)
    for tolerance in (0, 2, 6):
        table, hits = distance.copy(), []
        for row in range(len(table)):
            best = min(range(len(true)), key=lambda column: (table[row, column], true[column].step))
            hits.append(bool(table[row, best] <= tolerance))
            if hits[-1]:
                table[:, best] = np.inf
        recall = np.cumsum(hits) / len(true)
        precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
        expected = float(np.sum(np.diff(recall, prepend=0) * precision))
        assert metrics.point_average_precision(detected, true, tolerance) == pytest.approx(expected, abs=1e-12)
