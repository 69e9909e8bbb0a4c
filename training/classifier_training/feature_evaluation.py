"""The metrics of a model on held-out streams of features: cold, and in one long stream."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from . import metrics
from .encoding import encode
from .feature_streams import FeatureStream, StreamSet
from .progress import bar, say

# Streams (steps, width), each from an empty state, to their logits (tokens, labels).
EncodeAll = Callable[[list[np.ndarray]], list[np.ndarray]]
TOLERANCES = (1, 2, 5, 10)  # seconds at which starts are compared
_BATCH_STEPS = 16384  # of the streams that a process encodes, unless one alone has more
_PARTS = 32  # streams of the long setting, so that several can be computed at a time


@dataclass(frozen=True)
class Scored:
    """The logits of each held-out stream's tokens, and the labels of these tokens."""

    streams: tuple[FeatureStream, ...]
    logits: list[np.ndarray]  # (tokens, labels)
    positive: list[np.ndarray]  # (tokens, labels) bool
    judged: list[np.ndarray]  # (tokens, labels) bool


def program_encoder(program: Path, model: Path, threads: int = 1) -> EncodeAll:
    """The logits of a model directory, as the program computes them."""

    def encode_all(streams: list[np.ndarray]) -> list[np.ndarray]:
        say(f"measuring {len(streams)} streams with {program.name}")
        batches = _equally_long(streams)
        logits: list[np.ndarray] = [np.zeros(0)] * len(streams)
        with ThreadPoolExecutor(threads) as pool:
            work = pool.map(lambda batch: encode(program, model, np.stack([streams[each] for each in batch])), batches)
            for batch, found in zip(batches, bar(work, len(batches), "batches of streams")):
                for index, row in zip(batch, found):
                    logits[index] = row
        return logits

    return encode_all


def _equally_long(streams: list[np.ndarray]) -> list[list[int]]:
    """The indices of streams with one number of steps, in batches: a process for each stream costs more than the
    encoding of a short one."""
    by_length: dict[int, list[int]] = defaultdict(list)
    for index, stream in enumerate(streams):
        by_length[len(stream)].append(index)
    batches = []
    for length, indices in by_length.items():
        size = max(1, _BATCH_STEPS // max(length, 1))
        batches += [indices[at : at + size] for at in range(0, len(indices), size)]
    return batches


def cold(streams: StreamSet, encode_all: EncodeAll, frames: int) -> Scored:
    """Each stream by itself, from an empty state."""
    held_out = streams.of(held_out=True)
    ends = [np.arange(frames - 1, len(stream), frames) for stream in held_out]
    return _scored(streams, held_out, encode_all([stream.features for stream in held_out]), ends)


def long(
    streams: StreamSet, encode_all: EncodeAll, frames: int, lead: int, seed: int = 0, parts: int = _PARTS
) -> Scored:
    """The streams one after the other, in random order, in up to `parts` long streams.

    Each of these begins with at least `lead` steps of other held-out streams, which are not scored, so that every
    window is full. A token that straddles two streams belongs to the one of its last step.
    """
    held_out = streams.of(held_out=True)
    order = np.random.default_rng(seed).permutation(len(held_out))
    groups = np.array_split(order, max(1, min(parts, len(held_out) // 4)))
    joined, begins = [], []
    for group in groups:
        others = np.random.default_rng((seed, int(group[0]))).permutation(np.setdiff1d(order, group))
        ahead: list[np.ndarray] = []
        at = 0
        while at < lead and len(others):
            ahead.append(held_out[others[len(ahead) % len(others)]].features)
            at += len(ahead[-1])
        begins.append(at)
        joined.append(np.concatenate([*ahead, *(held_out[index].features for index in group)]))
    found: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    for group, at, logits in zip(groups, begins, encode_all(joined)):
        for index in group:
            end = at + len(held_out[index])
            steps = np.arange(frames - 1, end, frames)
            steps = steps[steps >= at]
            found[int(index)] = logits[steps // frames], steps - at
            at = end
    numbers = range(len(held_out))
    return _scored(streams, held_out, [found[each][0] for each in numbers], [found[each][1] for each in numbers])


def _scored(
    streams: StreamSet, held_out: Sequence[FeatureStream], logits: list[np.ndarray], ends: list[np.ndarray]
) -> Scored:
    kept = [index for index, tokens in enumerate(ends) if len(tokens)]
    return Scored(
        tuple(held_out[index] for index in kept),
        [logits[index] for index in kept],
        [streams.positive(held_out[index])[ends[index]] for index in kept],
        [streams.judged(held_out[index])[ends[index]] for index in kept],
    )


def figures(streams: StreamSet, scored: Scored, token_seconds: float, thresholds: Sequence[float]) -> dict[str, Any]:
    """The metrics of the field, as JSON values.

    Streams with labels of their own: accuracy (softmax) or mean average precision (sigmoid) at the last token, and of
    the mean probability over the tokens. Labels of steps: average precision and calibrated average precision over the
    judged tokens, and with `thresholds` of the labels the delays and the point-level average precision of starts.
    """
    found: dict[str, Any] = {"streams": len(scored.streams), "tokens": sum(map(len, scored.logits))}
    if streams.has_steps:
        return {**found, **_steps(streams, scored, token_seconds, thresholds)}
    last = np.stack([logits[-1] for logits in scored.logits])
    mean = np.stack([probabilities(logits, streams.exclusive).mean(0) for logits in scored.logits])
    truth = np.stack([positive[-1] for positive in scored.positive])
    if streams.exclusive:
        found["accuracy"] = round(metrics.accuracy(last, truth.argmax(1)), 4)
        found["accuracy_of_mean"] = round(metrics.accuracy(mean, truth.argmax(1)), 4)
        tokens, true = np.concatenate(scored.logits), np.concatenate(scored.positive)
        found["token_accuracy"] = round(metrics.accuracy(tokens, true.argmax(1)), 4)
    last = probabilities(last, streams.exclusive)
    for name, scores in (("", last), ("_of_mean", mean)):
        found |= _mean(f"mean_average_precision{name}", metrics.mean_average_precision(scores, truth), streams)
    return found


def _steps(streams: StreamSet, scored: Scored, token_seconds: float, thresholds: Sequence[float]) -> dict[str, Any]:
    scores = [probabilities(logits, streams.exclusive) for logits in scored.logits]
    columns = [index for index in range(len(streams.labels)) if index != streams.background]
    precision, calibrated = [], []
    labels: dict[str, Any] = {}
    for label in columns:
        # A stream of which some steps are not judged has no starts that could be compared.
        whole = [index for index, judged in enumerate(scored.judged) if judged[:, label].all()]
        known = np.concatenate([judged[:, label] for judged in scored.judged])
        score = np.concatenate([each[:, label] for each in scores])[known]
        true = np.concatenate([each[:, label] for each in scored.positive])[known]
        ranking = metrics.Ranking(score, true)
        precision.append(ranking.average_precision())
        calibrated.append(ranking.average_precision(calibrated=True))
        labels[streams.labels[label]] = {
            "steps": int(known.sum()),
            "positive": int(true.sum()),
            "average_precision": _rounded(precision[-1]),
            "calibrated_average_precision": _rounded(calibrated[-1]),
            **_starts(
                [scores[index][:, label] for index in whole],
                [scored.positive[index][:, label] for index in whole],
                token_seconds,
                thresholds[label],
            ),
        }
    return {
        **_mean("mean_average_precision", metrics.MeanOverLabels(tuple(precision)), streams, columns),
        "mean_calibrated_average_precision": _rounded(metrics.MeanOverLabels(tuple(calibrated)).mean),
        "labels": labels,
    }


def _starts(
    scores: list[np.ndarray], positive: list[np.ndarray], token_seconds: float, threshold: float
) -> dict[str, Any]:
    """The delays at the threshold, and the point-level average precision at each tolerance."""
    delays = metrics.detection_delays(scores, positive, threshold)
    detected = metrics.detected_starts(scores, threshold)
    true = [metrics.Start(number, int(step)) for number, each in enumerate(positive) for step in metrics.starts(each)]
    return {
        "threshold": threshold,
        "spans": delays.spans,
        "found": _rounded(delays.found),
        "mean_delay_seconds": _rounded(delays.mean * token_seconds),
        "detections": len(detected),
        "point_average_precision": {
            f"{seconds:g}": _rounded(metrics.point_average_precision(detected, true, round(seconds / token_seconds)))
            for seconds in TOLERANCES
        },
    }


def probabilities(logits: np.ndarray, exclusive: bool) -> np.ndarray:
    """Softmax or sigmoid of (..., labels), in float64."""
    logits = logits.astype(np.float64)
    if not exclusive:
        return 1 / (1 + np.exp(-np.clip(logits, -700, 700)))
    exponentials = np.exp(logits - logits.max(-1, keepdims=True))
    return exponentials / exponentials.sum(-1, keepdims=True)


def best_thresholds(streams: StreamSet, scored: Scored) -> list[float]:
    """The threshold of each label with the best F1 over the judged tokens; 0.5 if the label never applies."""
    found = []
    for label in range(len(streams.labels)):
        known = np.concatenate([judged[:, label] for judged in scored.judged])
        score = np.concatenate([probabilities(each, streams.exclusive)[:, label] for each in scored.logits])[known]
        true = np.concatenate([each[:, label] for each in scored.positive])[known]
        if not true.any() or true.all():
            found.append(0.5)
            continue
        order = np.argsort(-score, kind="stable")
        right = np.cumsum(true[order])
        f1 = 2 * right / (np.arange(1, len(order) + 1) + true.sum())
        found.append(float(np.clip(score[order][f1.argmax()], 1e-3, 0.999)))
    return found


def _mean(
    name: str, values: metrics.MeanOverLabels, streams: StreamSet, columns: Sequence[int] | None = None
) -> dict[str, Any]:
    """The mean, and the labels without a positive, which it leaves out."""
    columns = range(len(streams.labels)) if columns is None else columns
    undefined = [streams.labels[columns[index]] for index in values.undefined]
    return {name: _rounded(values.mean), "labels_without_a_positive": undefined}


def _rounded(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)


def text(found: dict[str, Any], setting: str) -> str:
    """The figures of a setting as lines of text."""
    lines = [f"{setting}: {found['streams']} held-out streams, {found['tokens']} tokens"]
    names = {
        "accuracy": "accuracy at the last token",
        "accuracy_of_mean": "accuracy of the mean probability",
        "token_accuracy": "accuracy of tokens",
        "mean_average_precision": "mean average precision",
        "mean_average_precision_of_mean": "mean average precision of the mean probability",
        "mean_calibrated_average_precision": "mean calibrated average precision",
    }
    for key, name in names.items():
        if key in found:
            lines.append(f"  {name}: {'undefined' if found[key] is None else format(found[key], '.4f')}")
    if missing := found.get("labels_without_a_positive"):
        shown = ", ".join(missing[:8]) + (", ..." if len(missing) > 8 else "")
        lines.append(f"  without a positive, so that their AP is undefined and in no mean: {len(missing)} ({shown})")
    for label, values in found.get("labels", {}).items():
        point = ", ".join(f"{key} s {_shown(value)}" for key, value in values["point_average_precision"].items())
        lines.append(
            f"  {label}: AP {_shown(values['average_precision'])}, cAP "
            f"{_shown(values['calibrated_average_precision'])} ({values['positive']} of {values['steps']} tokens); "
            f"{_shown(values['found'])} of {values['spans']} spans found at {values['threshold']:.3f}, mean delay "
            f"{_shown(values['mean_delay_seconds'])} s; point-level AP within {point}"
        )
    return "\n".join(lines)


def _shown(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"
