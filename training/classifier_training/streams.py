"""Long streams of clips and of other sounds, with the places of both, as a daemon hears them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from .dataset import Clip
from .effects import rms
from .store import Store

_PAUSE_SECONDS = (0.8, 2.0)  # before each clip, and after the last one
_LATE_SECONDS = 0.5  # after a clip's end, or a spoken word's, in which its event may still start
_EARLY_SECONDS = 0.2  # before a spoken word, whose times are those of a recogniser
_RMS = 0.05  # of a clip's sound, and the middle of other sounds'
_SPREAD_DB = (-12.0, 6.0)  # of other sounds' levels


class Word(NamedTuple):
    """A label's word in a sound without labels, in seconds from the sound's or the stream's start."""

    label: str
    start: float
    end: float


class Sound(NamedTuple):
    """A sound without labels."""

    group: str  # the speaker or album
    samples: np.ndarray
    words: tuple[Word, ...] = ()


@dataclass(frozen=True)
class Place:
    """A sound's place in a stream, in seconds."""

    start: float
    end: float
    labels: frozenset[str]
    group: str  # the speaker or recording


@dataclass(frozen=True)
class Stream:
    """Samples, and the places of all sounds in them, in order."""

    samples: np.ndarray
    rate: int
    places: tuple[Place, ...]
    words: tuple[Word, ...] = field(default=())  # spoken in sounds without labels, in order

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate

    def with_samples(self, samples: np.ndarray) -> Stream:
        return replace(self, samples=samples)

    def place(self, second: float) -> Place | None:
        """The sound in which an event starts, or that it follows at once; `None` in a pause."""
        index = bisect_left(self.places, second, key=lambda place: place.end + _LATE_SECONDS)
        found = self.places[index] if index < len(self.places) else None
        return found if found and found.start <= second else None

    def is_spoken(self, label: str, second: float) -> bool:
        """Whether an event that starts at this time is a word that is spoken there."""
        return any(
            word.label == label and word.start - _EARLY_SECONDS <= second <= word.end + _LATE_SECONDS
            for word in self.words
        )


def stream_of_clips(clips: Sequence[Clip], store: Store, rate: int, rng: np.random.Generator) -> Stream:
    """The clips in random order at one level, with pauses between them."""
    parts = [_pause(rate, rng)]
    places, at = [], len(parts[0])
    for index in rng.permutation(len(clips)):
        clip = clips[index]
        samples, region = store.samples(clip), store.region(clip)
        loud = rms(samples[region.start : region.end])
        places.append(Place(at / rate, (at + len(samples)) / rate, frozenset(clip.labels), clip.group))
        parts += [samples * np.float32(_RMS / loud), _pause(rate, rng)]
        at += len(parts[-2]) + len(parts[-1])
    return Stream(np.clip(np.concatenate(parts), -1, 1), rate, tuple(places))


def stream_of_sounds(sounds: Sequence[Sound], rate: int, rng: np.random.Generator) -> Stream:
    """Sounds without any of the labels, in random order, one after the other, each at a level of its own."""
    parts, places, words, at = [], [], [], 0
    for index in rng.permutation(len(sounds)):
        group, samples, spoken = sounds[index]
        level = _RMS * 10 ** (rng.uniform(*_SPREAD_DB) / 20)
        parts.append(np.clip(samples * np.float32(level / rms(samples)), -1, 1))
        places.append(Place(at / rate, (at + len(samples)) / rate, frozenset(), group))
        words += [Word(word.label, at / rate + word.start, at / rate + word.end) for word in spoken]
        at += len(samples)
    return Stream(np.concatenate(parts), rate, tuple(places), tuple(words))


def false_events(stream: Stream, events: Sequence[dict[str, Any]]) -> dict[str, tuple[float, list[str]]]:
    """The seconds of each group of a stream without labels, and the labels reported in them but for spoken words."""
    found: dict[str, tuple[float, list[str]]] = {}
    for place in stream.places:
        seconds, labels = found.get(place.group, (0.0, []))
        found[place.group] = (seconds + place.end - place.start, labels)
    for event in events:
        if stream.is_spoken(event["label"], event["t0"]):
            continue
        starts_in = next((p for p in stream.places if event["t0"] < p.end), stream.places[-1])
        found[starts_in.group][1].append(event["label"])
    return found


def reports(stream: Stream, events: Sequence[dict[str, Any]]) -> list[tuple[str, bool, bool]]:
    """For each clip its group, whether events of its labels start in it, and whether one of another label does."""
    labels: dict[Place, set[str]] = {place: set() for place in stream.places}
    for event in events:
        if place := stream.place(event["t0"]):
            labels[place].add(event["label"])
    return [(p.group, p.labels <= found, bool(found - p.labels)) for p, found in labels.items()]


def _pause(rate: int, rng: np.random.Generator) -> np.ndarray:
    return np.zeros(round(rng.uniform(*_PAUSE_SECONDS) * rate), np.float32)
