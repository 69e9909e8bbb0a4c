"""Counts the program's events in running audio: clips found in noise, and false events in other sound."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .dataset import Clip, Dataset
from .effects import rms
from .program import Program
from .recordings import Recordings
from .store import Store

_SNR_DB = 10.0
_PAUSE_SECONDS = 1.0  # between two clips in noise
_LATE_SECONDS = 0.5  # after a clip's end its event may still start
_RMS = 0.05  # of every sound
_SHARE_OF_NOISE = 0.3  # of the audio without any of the labels' sounds
_SEED = 0


@dataclass(frozen=True)
class Events:
    """The counts."""

    clips: int
    found: int
    minutes: float  # without any of the labels' sounds
    false: int

    def json(self) -> dict[str, Any]:
        return {
            "snr_db": _SNR_DB,
            "clips": self.clips,
            "found": self.found,
            "minutes": round(self.minutes, 2),
            "false": self.false,
        }

    def text(self) -> str:
        return (
            f"Events: {self.found / max(1, self.clips):.1%} of {self.clips} clips found in running noise at "
            f"{_SNR_DB:g} dB; {self.false} false events in {self.minutes:.1f} minutes of other sound"
        )


def measure_events(
    model: Path,
    dataset: Dataset,
    store: Store,
    program: Program,
    background: tuple[str, ...],
    other: Recordings | None,
) -> Events:
    """Counts events in a stream of the held-out clips in noise, and in one without any of the labels' sounds.

    A clip is found if all of its labels are.

    The second stream consists of `other`, of the held-out clips of the background, and of noise. The seed is fixed.
    """
    rate, rng = program.frontend.sample_rate, np.random.default_rng(_SEED)
    clips = [clip for clip in dataset.of(held_out=True) if not set(clip.labels) <= set(background)]
    noise = list(dataset.noise)
    samples, starts = _in_noise(clips, noise, store, rate, rng)
    reported = program.events(model, samples)
    found = 0
    for clip, start in zip(clips, starts):
        end = start + len(store.samples(clip)) / rate + _LATE_SECONDS
        found += set(clip.labels) <= {event["label"] for event in reported if start <= event["t0"] <= end}
    without = _without_labels(dataset, background, noise, store, other, rate, rng)
    false = len(program.events(model, without)) if len(without) else 0
    return Events(len(clips), found, len(without) / rate / 60, false)


def _level(samples: np.ndarray, wanted: float) -> np.ndarray:
    return samples * (np.float32(wanted) / rms(samples))


def _noise(noise: list[str], store: Store, count: int, rng: np.random.Generator) -> np.ndarray:
    """(count,) samples at a level (RMS) of 1: recordings of noise, or hiss if there are none."""
    if not noise:
        return rng.standard_normal(count, dtype=np.float32)
    parts: list[np.ndarray] = []
    while sum(map(len, parts)) < count:
        parts.append(_level(store.samples(noise[rng.integers(len(noise))]), 1))
    return np.concatenate(parts)[:count]


def _in_noise(
    clips: list[Clip], noise: list[str], store: Store, rate: int, rng: np.random.Generator
) -> tuple[np.ndarray, list[float]]:
    """(samples,) of all clips with pauses, in noise; and the start of each clip, in seconds."""
    pause = np.zeros(round(_PAUSE_SECONDS * rate), np.float32)
    parts, starts = [pause], []
    for clip in clips:
        starts.append(sum(map(len, parts)) / rate)
        region = store.region(clip)
        samples = store.samples(clip)
        parts += [samples * (np.float32(_RMS) / rms(samples[region.start : region.end])), pause]
    stream = np.concatenate(parts)
    stream += _noise(noise, store, len(stream), rng) * np.float32(_RMS * 10 ** (-_SNR_DB / 20))
    return np.clip(stream, -1, 1), starts


def _without_labels(
    dataset: Dataset,
    background: tuple[str, ...],
    noise: list[str],
    store: Store,
    other: Recordings | None,
    rate: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """(samples,) of all sounds without a label, one after the other in random order."""
    parts = [store.samples(clip) for clip in dataset.of(held_out=True) if set(clip.labels) <= set(background)]
    parts += other.all() if other else []
    seconds = sum(map(len, parts)) / rate
    if noise:
        wanted = int(seconds * _SHARE_OF_NOISE * rate)
        while wanted > 0:
            parts.append(store.samples(noise[rng.integers(len(noise))]))
            wanted -= max(1, len(parts[-1]))
    order = rng.permutation(len(parts))
    levelled = [_level(parts[index], _RMS * 10 ** (rng.uniform(-12, 6) / 20)) for index in order]
    return np.clip(np.concatenate(levelled), -1, 1) if levelled else np.zeros(0, np.float32)
