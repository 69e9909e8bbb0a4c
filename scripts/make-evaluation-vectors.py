#!/usr/bin/env python3
"""Writes the reference values of `evaluate`: what sed_eval and scikit-learn say of random events and scores.

    pip install -r scripts/evaluation-requirements.txt
    python3 scripts/make-evaluation-vectors.py       # writes to Tests/AudioClassifierTests/Resources/

`evaluation.json` has cases of events (given and reported, [onset, offset, label] by file) with the counts and measures
of sed_eval, and cases of scores with those of scikit-learn. Undefined measures are null.
"""

import json
import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import sed_eval
from sklearn.calibration import calibration_curve
from sklearn.metrics import average_precision_score, confusion_matrix, precision_recall_fscore_support

RESOURCES = Path(__file__).resolve().parent.parent / "Tests" / "AudioClassifierTests" / "Resources"
LABELS = ["horn", "dog", "quiet"]
Span = tuple[float, float, str]


def finite(value: float) -> float | None:
    """Return the value, or None where it is undefined."""
    return None if math.isnan(value) else float(value)


def given(random_: random.Random, count: int) -> list[Span]:
    """Return random events, some of which overlap, some without a whole number of segments."""
    spans = []
    for _ in range(count):
        onset = round(random_.uniform(0, 30), 3)
        spans.append((onset, round(onset + random_.choice([0.05, 0.4, 1.0, 3.7]), 3), random_.choice(LABELS)))
    return spans


def reported(random_: random.Random, spans: list[Span], extra: int) -> list[Span]:
    """Return events near the given ones, some of them doubled, missing, or of another label."""
    result = given(random_, extra)
    for onset, offset, label in spans:
        for _ in range(random_.choice([0, 1, 1, 2])):
            moved = max(0.0, round(onset + random_.choice([-0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3]), 3))
            end = max(moved, round(offset + random_.choice([-2.0, -0.2, 0.0, 0.2, 0.6, 2.0]), 3))
            other = random_.choice(LABELS) if random_.random() < 0.1 else label
            result.append((moved, end, other))
    return result


def events(spans: list[Span]) -> list[dict[str, Any]]:
    """Return the events as sed_eval takes them."""
    return [{"event_onset": a, "event_offset": b, "event_label": label, "filename": "a.wav"} for a, b, label in spans]


def measures(metrics: Any) -> dict[str, Any]:
    """Return the counts and measures of sed_eval, overall and by label."""
    overall = metrics.results_overall_metrics()["f_measure"]
    by_label = metrics.results_class_wise_metrics()
    average = metrics.results_class_wise_average_metrics()["f_measure"]
    return {
        "micro": {key: finite(overall[key]) for key in ("precision", "recall", "f_measure")},
        "macro": {key: finite(average[key]) for key in ("precision", "recall", "f_measure")},
        "labels": {
            label: {
                "given": int(metrics.class_wise[label]["Nref"]),
                "reported": int(metrics.class_wise[label]["Nsys"]),
                "right": int(metrics.class_wise[label]["Ntp"]),
                "f_measure": finite(by_label[label]["f_measure"]["f_measure"]),
            }
            for label in LABELS
        },
    }


def event_case(seed: int) -> dict[str, Any]:
    """Return recordings with given and reported events, and what sed_eval says of them."""
    random_ = random.Random(seed)
    collar = random_.choice([0.2, 0.2, 0.25, 0.05])
    segment = random_.choice([1.0, 1.0, 0.5, 0.1])
    onset_only = seed % 3 == 1
    by_events = sed_eval.sound_event.EventBasedMetrics(
        event_label_list=LABELS, t_collar=collar, evaluate_offset=not onset_only
    )
    by_segments = sed_eval.sound_event.SegmentBasedMetrics(event_label_list=LABELS, time_resolution=segment)
    files = []
    for _ in range(3):
        truth = given(random_, random_.choice([1, 6, 20]))
        found = reported(random_, truth, random_.choice([1, 5]))
        by_events.evaluate(events(truth), events(found))
        by_segments.evaluate(events(truth), events(found))
        files.append({"given": truth, "reported": found})
    return {
        "collar": collar,
        "onset_only": onset_only,
        "segment": segment,
        "files": files,
        "event_based": measures(by_events),
        "segment_based": measures(by_segments),
    }


def score_case(seed: int) -> dict[str, Any]:
    """Return recordings with scores and one label each, and what scikit-learn says of them."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, len(LABELS) - seed % 2, 40)
    # Coarse scores, so that some are equal.
    scores = np.round(np.clip(generator.random((40, len(LABELS))) * 0.6 + 0.4 * np.eye(len(LABELS))[truth], 0, 1), 1)
    first = scores.argmax(1)
    columns = list(range(len(LABELS)))
    precision, recall, f1, _ = precision_recall_fscore_support(truth, first, labels=columns, zero_division=np.nan)
    confidence = np.asarray(scores.max(1), np.float32).astype(float)
    share, mean = calibration_curve(first == truth, confidence, n_bins=10)
    # The bins of calibration_curve that are not empty, with their numbers of values.
    bins = np.searchsorted(np.linspace(0, 1, 11)[1:-1], confidence)
    weights = np.bincount(bins, minlength=10)
    weights = weights[weights > 0]
    return {
        "truth": truth.tolist(),
        "scores": scores.tolist(),
        "precision": [finite(value) for value in precision],
        "recall": [finite(value) for value in recall],
        "f1": [finite(value) for value in f1],
        "average_precision": [
            float(average_precision_score(truth == each, scores[:, each])) if (truth == each).any() else None
            for each in columns
        ],
        "confusion": confusion_matrix(truth, first, labels=columns).tolist(),
        "calibration_error": float((np.abs(share - mean) * weights).sum() / weights.sum()),
    }


def main() -> None:
    """Write the cases."""
    cases = {
        "labels": LABELS,
        "events": [event_case(seed) for seed in range(12)],
        "scores": [score_case(seed) for seed in range(6)],
    }
    RESOURCES.mkdir(exist_ok=True)
    (RESOURCES / "evaluation.json").write_text(json.dumps(cases) + "\n")


if __name__ == "__main__":
    main()
