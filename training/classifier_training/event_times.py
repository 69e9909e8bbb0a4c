"""Where a model's events begin and end, compared with the sounds that they report."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .dataset import Clip
from .effects import rms
from .program import Event, Program
from .store import Store, active_region

_FALL_DB = 15.0  # of the level, with which a sound has ended
_SOUNDS = 200  # of a model, in a stream
_PAUSE_SECONDS = (6.0, 9.0)  # after each of them
_RMS, _NOISE_DB = 0.05, -70.0  # of each sound, and of the noise in decibels of full scale
_EARLY_SECONDS, _LATE_SECONDS = 0.5, 1.0  # before a sound and after it, in which its event may start
_SOON = 0.1  # share of the events that end sooner after the sound than the delay of the ends
_TIMES = ("onset_delay_ms", "offset_delay_ms", "offset_fall_db")


class LabelledSound(NamedTuple):
    """A sound that events should report."""

    samples: Callable[[], np.ndarray]
    labels: Sequence[str]  # an event with one of them names the sound


Heard = Sequence[tuple[Path, Sequence[LabelledSound]]]  # models, each with the sounds that it hears


class _Place(NamedTuple):
    """A sound in a stream, in seconds."""

    start: float
    end: float
    labels: Sequence[str]


def clip_sounds(clips: Sequence[Clip], background: Sequence[str], store: Store) -> list[LabelledSound]:
    """The clips of the labels that events have."""
    labelled = [clip for clip in clips if not set(clip.labels) <= set(background)]
    return [LabelledSound(partial(store.samples, clip), clip.labels) for clip in labelled]


def event_delays(heard: Heard, program: Program) -> dict[str, Any]:
    """The keys of a `decision` about the times of events; none if no sound is reported.

    `onset_delay_ms` is the median delay of the first predictions. `offset_delay_ms` is a delay of the last predictions
    that nine of ten events exceed, so that few sounds are cut. Events that last into the next sound do not count.
    """
    delays = _errors(heard, program, as_heard=True)
    delays = delays[delays[:, 1] < _PAUSE_SECONDS[0]]
    if not len(delays):
        return {}
    onset, offset = np.median(delays[:, 0]), np.quantile(delays[:, 1], _SOON)
    return {
        "onset_delay_ms": _tenths(onset),
        "offset_delay_ms": _tenths(offset),
        "offset_fall_db": _FALL_DB,
    }


def event_times(name: str, heard: Heard, program: Program) -> dict[str, Any]:
    """A row of the card's `event_times`: median errors of the events that name sounds in a quiet stream, in seconds."""
    found: dict[str, Any] = {"name": name, "sounds": sum(min(len(sounds), _SOUNDS) for _, sounds in heard)}
    for suffix in ("_before", ""):
        errors = np.abs(_errors(heard, program, as_heard=suffix == "_before"))
        found["reported"] = len(errors)
        for index, key in enumerate(("onset", "offset")):
            found[f"{key}{suffix}"] = round(float(np.median(errors[:, index])), 2) if len(errors) else None
    return found


def _tenths(seconds: float) -> int:
    """Milliseconds in whole tenths of a second."""
    return max(0, round(float(seconds) * 10) * 100)


def _errors(heard: Heard, program: Program, *, as_heard: bool) -> np.ndarray:
    """(events, 2) how many seconds too late the events begin and end; those of their predictions if `as_heard`."""
    errors = []
    for model, sounds in heard:
        stream, places = _stream(sounds, program.frontend.sample_rate)
        with tempfile.TemporaryDirectory() as folder:
            events = program.whole_events(_without_times(model, Path(folder)) if as_heard else model, stream)
        errors += [error for place in places if (error := _error(place, events))]
    return np.array(errors).reshape(-1, 2)


def _without_times(model: Path, folder: Path) -> Path:
    """A copy of a model that reports the times of its predictions."""
    plain = folder / model.name
    shutil.copytree(model, plain)
    config = json.loads((plain / "config.json").read_text(encoding="utf-8"))
    config["decision"] = {key: value for key, value in config["decision"].items() if key not in _TIMES}
    (plain / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return plain


def _stream(sounds: Sequence[LabelledSound], rate: int) -> tuple[np.ndarray, list[_Place]]:
    """Some of the sounds in a quiet stream."""
    rng = np.random.default_rng(0)
    parts, places, at = [np.zeros(rate * 3, np.float32)], [], 3 * rate
    for index in rng.permutation(len(sounds))[:_SOUNDS]:
        samples = sounds[index].samples()
        region = active_region(samples, rate)
        pause = np.zeros(int(rng.uniform(*_PAUSE_SECONDS) * rate), np.float32)
        places.append(_Place((at + region.start) / rate, (at + region.end) / rate, sounds[index].labels))
        parts += [samples * np.float32(_RMS / rms(samples[region.start : region.end])), pause]
        at += len(samples) + len(pause)
    stream = np.clip(np.concatenate(parts), -1, 1)
    stream += rng.normal(0, 10 ** (_NOISE_DB / 20), len(stream)).astype(np.float32)
    return stream, places


def _error(place: _Place, events: Sequence[Event]) -> tuple[float, float] | None:
    """How many seconds after a sound's start and its end the first event that names it starts and ends."""
    for event in events:
        if event.label in place.labels and place.start - _EARLY_SECONDS <= event.start <= place.end + _LATE_SECONDS:
            return event.start - place.start, event.end - place.end
    return None
