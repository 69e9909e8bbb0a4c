"""Chooses when a model reports events: by the false events an hour in streams without its sounds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .decide import events_of, levels_of, rises_of
from .program import Program
from .streams import Stream

_THRESHOLDS = tuple(np.round(np.arange(0.2, 0.96, 0.05), 2).tolist())
_DURATIONS_MS = (0, 80, 160, 240, 320, 400, 480, 600)
_OFF = (0.1, 0.2, 0.3)  # probabilities below which events end
_LONG_SECONDS = 5.0  # a longer false event counts as several: otherwise one that never ends would be the best
_WEIGHTS = tuple(np.geomspace(1e-5, 0.3, 60).tolist())  # of a false event an hour against a share of the clips
_PREFERENCE = 1e-4  # for a low threshold over a high one with the same figures


@dataclass(frozen=True)
class Chosen:
    """A decision with its figures."""

    decision: dict[str, Any]
    reported: float  # mean share of the clips
    false: float  # false events an hour of the kind with most
    confused: float  # events an hour of other labels than the clip's, in the clips


@dataclass(frozen=True)
class _Label:
    """The figures of a label at each threshold."""

    reported: np.ndarray  # (thresholds,) clips of its own, in all conditions
    wrong: np.ndarray  # (thresholds, kinds) false events an hour; the last kind is clips of other labels


def choose_decision(
    model: Path,
    config: dict[str, Any],
    clips: Sequence[Sequence[tuple[Path, Stream]]],
    others: dict[str, Stream],
    program: Program,
    target: float,
    confused: float = math.inf,
) -> Chosen:
    """The duration, and each label's threshold, that report most clips with at most `target` false events an hour.

    At most `confused` events an hour in the clips are of another label than the clip's.

    `clips` has, for each condition in which they are heard, their streams, each with the model that hears it.
    """
    heard = [[_hear(each, config, stream, program) for each, stream in streams] for streams in clips]
    without = [_hear(model, config, stream, program) for stream in others.values()]
    seconds = token_seconds(config, program)
    labels = [label for label in config["labels"] if label not in config["background"]]
    total = max(1, sum(len(stream.places) for streams in clips for _, stream in streams))
    best: Chosen | None = None
    for duration, off in itertools.product(_DURATIONS_MS, _OFF):
        decision = {**config["decision"], "min_duration_ms": duration, "threshold_off": off}
        figures = [_label(label, config, decision, heard, without, seconds) for label in labels]
        for weight in _WEIGHTS:
            places = [
                int((f.reported / total - weight * f.wrong.max(1) - _PREFERENCE * np.array(_THRESHOLDS)).argmax())
                for f in figures
            ]
            reported = float(sum(f.reported[place] for f, place in zip(figures, places))) / total
            false = float(np.sum([f.wrong[place, :-1] for f, place in zip(figures, places)], 0).max())
            thresholds = {label: _THRESHOLDS[place] for label, place in zip(labels, places)}
            mistaken = float(sum(f.wrong[place, -1] for f, place in zip(figures, places))) / max(1, len(heard))
            now = Chosen(_decision(decision, thresholds), reported, false, mistaken)
            if best is None or _rank(now, target, confused) > _rank(best, target, confused):
                best = now
    assert best is not None, "the grid is not empty"
    return best


def token_seconds(config: dict[str, Any], program: Program) -> float:
    """The time from token to token."""
    return _frames(config) * program.frontend.hop / program.frontend.sample_rate


def _frames(config: dict[str, Any]) -> int:
    """The frames of a token."""
    strides = [layer["time_stride"] for layer in config["stem"].get("layers", [])]
    return int(np.prod(strides)) if strides else config["stem"]["frames"]


class _Heard(NamedTuple):
    """What a model says of a stream."""

    stream: Stream
    probabilities: np.ndarray  # (tokens, labels)
    rises: np.ndarray | None  # (tokens,) whether the level has risen; everywhere if it is None


def _hear(model: Path, config: dict[str, Any], stream: Stream, program: Program) -> _Heard:
    probabilities = program.probabilities(model, config, stream.samples)
    rises = None
    if least := config["decision"].get("min_rise_db", 0):
        levels = levels_of(stream.samples, program.frontend, _frames(config))[: len(probabilities)]
        rises = rises_of(levels, token_seconds(config, program), least)
    return _Heard(stream, probabilities, rises)


def _label(
    label: str,
    config: dict[str, Any],
    decision: dict[str, Any],
    heard: Sequence[Sequence[_Heard]],
    without: Sequence[_Heard],
    seconds: float,
) -> _Label:
    column = config["labels"].index(label)
    reported = np.zeros(len(_THRESHOLDS))
    wrong = np.zeros((len(_THRESHOLDS), len(without) + 1))
    for row, threshold in enumerate(_THRESHOLDS):
        settings = {
            **{key: decision[key] for key in ("threshold_off", "min_duration_ms", "max_gap_ms", "refractory_ms")},
            "threshold": threshold,
            "steady_threshold": decision.get("steady_threshold", 1.0),
        }
        for streams in heard:
            hours = sum(each.stream.seconds for each in streams) / 3600
            for stream, probabilities, rises in streams:
                starts = events_of(probabilities[:, column], seconds, **settings, rises=rises)[:, 0] * seconds
                found = {place for start in starts if (place := stream.place(start)) is not None}
                reported[row] += sum(label in place.labels for place in found)
                wrong[row, -1] += sum(label not in place.labels for place in found) / hours
        for kind, (stream, probabilities, rises) in enumerate(without):
            events = events_of(probabilities[:, column], seconds, **settings, rises=rises)
            events = events[[not stream.is_spoken(label, start * seconds) for start in events[:, 0]]]
            lengths = (events[:, 1] - events[:, 0]) * seconds
            wrong[row, kind] = np.maximum(1, lengths / _LONG_SECONDS).sum() / (stream.seconds / 3600)
    return _Label(reported, wrong)


def _decision(decision: dict[str, Any], thresholds: dict[str, float]) -> dict[str, Any]:
    """The model's `decision` with a threshold of its own for each label that differs from the middle one."""
    middle = float(np.median(list(thresholds.values())))
    return {
        **decision,
        "threshold": round(middle, 2),
        "threshold_off": min(decision["threshold_off"], round(middle, 2)),
        "class_thresholds": {label: value for label, value in thresholds.items() if value != round(middle, 2)},
    }


def _rank(chosen: Chosen, target: float, confused: float) -> tuple[bool, bool, float]:
    """Decisions within both limits first, by the clips that they report; the others by what is above the limits."""
    within = chosen.false <= target, chosen.confused <= confused
    return *within, chosen.reported if all(within) else -chosen.confused if within[0] else -chosen.false
