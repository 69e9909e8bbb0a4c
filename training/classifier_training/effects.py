"""Random changes of a sound: its speed, its tone colour and room, its level."""

from __future__ import annotations

import numpy as np

_COLOUR_POINTS = 6
_ECHO_SECONDS = 0.4
_CUT_SHARE = 0.5
_CUT_STEPS = 200


def resample(samples: np.ndarray, speed: float) -> np.ndarray:
    """Samples played at another speed, with linear interpolation: an augmentation, not a resampler."""
    positions = np.arange(int((len(samples) - 1) / speed), dtype=np.float32) * np.float32(speed)
    before = positions.astype(np.int32)
    part = positions - before
    return samples[before] * (1 - part) + samples[before + 1] * part


def colour(samples: np.ndarray, rate: int, largest_db: float, echo: bool, rng: np.random.Generator) -> np.ndarray:
    """Samples with the tone colour of another microphone and, with `echo`, of another room; as many as before."""
    count = len(samples)
    length = 1 << (count + (int(_ECHO_SECONDS * rate) if echo else 0) - 1).bit_length()
    gains = rng.uniform(-largest_db, largest_db, _COLOUR_POINTS)
    # Equally spaced over the fourth root of frequency, which is not far from the spacing of the ear's bands.
    position = np.linspace(0, 1, length // 2 + 1, dtype=np.float32) ** 0.25 * (_COLOUR_POINTS - 1)
    response: np.ndarray = 10 ** (np.interp(position, np.arange(_COLOUR_POINTS), gains) / 20)
    if echo:
        time = np.arange(int(_ECHO_SECONDS * rate)) / rate
        tail = rng.standard_normal(len(time)) * 10 ** (-3 * time / rng.uniform(0.05, _ECHO_SECONDS))
        tail *= rng.uniform(0.05, 0.6) / np.sqrt(np.dot(tail, tail))
        tail[0] = 1
        response = response * np.fft.rfft(tail, length)
    return np.fft.irfft(np.fft.rfft(samples, length) * response, length)[:count].astype(np.float32)


def rms(samples: np.ndarray) -> np.float32:
    """The level of samples, at least 1e-5, so that a sound in which nothing is heard, or without samples, has one."""
    return np.float32(np.sqrt(np.mean(np.square(samples)) + 1e-10)) if len(samples) else np.float32(1e-5)


def loud_cuts(samples: np.ndarray, count: int) -> np.ndarray:
    """Places where `count` samples begin that have at least half of the energy of the loudest such part.

    A steady sound may be cut almost anywhere; of a stroke, the part that decays does not tell what was struck.
    """
    energy = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    starts = np.unique(np.linspace(0, len(samples) - count, _CUT_STEPS).astype(int))
    parts = energy[starts + count] - energy[starts]
    return starts[parts >= _CUT_SHARE * parts.max()]


def amplitude(dbfs: tuple[float, float], rng: np.random.Generator) -> np.float32:
    """A factor drawn from a range of levels."""
    return np.float32(10 ** (rng.uniform(*dbfs) / 20))
