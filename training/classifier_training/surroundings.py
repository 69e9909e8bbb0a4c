"""The sound behind and between clips: noise, babble, running recordings and word-like parts of them."""

from __future__ import annotations

import numpy as np

from .effects import amplitude, colour, resample
from .fragments import fragment
from .options import TrainingOptions
from .pieces import Piece
from .recordings import Recordings
from .store import Store

HISS_DBFS = (-80.0, -45.0)
_BABBLE_VOICES = (1, 6)  # recordings at once, as noise


class Surroundings:
    """Draws from files of noise, and from recordings without labels."""

    def __init__(
        self,
        noise: list[str],
        recordings: Recordings | None,
        store: Store,
        options: TrainingOptions,
        rate: int,
        unknown: int | None,
    ) -> None:
        """`unknown` is the label of recordings, if there is one."""
        self._noise, self._recordings, self._store = noise, recordings, store
        self._options, self._rate, self._unknown = options, rate, unknown

    @property
    def has_noise(self) -> bool:
        options = self._options
        return bool(self._noise or options.steady_noise or (self._recordings and options.recording_noise))

    def behind(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """(count,) samples of noise or of babble, at a level (RMS) of 1."""
        if self.is_steady(rng) or not (self._noise or self._recordings):
            return self.steady(count, rng)
        if self._recordings and (not self._noise or rng.random() < self._options.recording_noise):
            return self._babble(count, rng)
        return self.noise(count, rng)

    def is_steady(self, rng: np.random.Generator) -> bool:
        """Whether the next noise is a steady one; without these nothing is drawn from `rng`."""
        return self._options.steady_noise > 0 and rng.random() < self._options.steady_noise

    def steady(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """(count,) samples of noise between white and brown, as rain, wind and machines have it, at an RMS of 1."""
        length = 1 << max(1, count - 1).bit_length()
        bins = np.arange(1, length // 2 + 2, dtype=np.float32)
        phases = np.exp(2j * np.pi * rng.random(len(bins), dtype=np.float32))
        samples = np.fft.irfft(bins ** -rng.uniform(0, 1) * phases, length)[:count]
        return (samples / np.sqrt(np.mean(np.square(samples)))).astype(np.float32)

    def noise(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """(count,) of noise pieces, one after the other, at a level (RMS) of 1."""
        parts: list[np.ndarray] = []
        while sum(map(len, parts)) < count:
            part = self._store.samples(self._noise[rng.integers(len(self._noise))])
            part = part * (1 / (np.sqrt(np.dot(part, part) / len(part)) + 1e-5))
            parts.append(part[int(rng.integers(len(part) // 2)) if not parts else 0 :])
        return np.concatenate(parts)[:count]

    def _babble(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """(count,) samples of one recording or several at once, at a level (RMS) of 1."""
        assert self._recordings is not None, "asked for only where there are recordings"
        samples = np.zeros(count, np.float32)
        for _ in range(int(rng.integers(*_BABBLE_VOICES, endpoint=True))):
            part = self._recordings.stretch(count, rng)
            samples += part * (1 / (np.sqrt(np.dot(part, part) / count) + 1e-4))
        return samples * (1 / (np.sqrt(np.dot(samples, samples) / count) + 1e-5))

    def running(self, count: int, rng: np.random.Generator) -> Piece:
        """(count,) samples of a recording, at a random speed, colour and gain."""
        assert self._recordings is not None, "asked for only where there are recordings"
        speed = rng.uniform(*self._options.speed)
        samples = self._recordings.stretch(int(count * speed) + 2, rng)
        samples = resample(samples, speed)[:count]
        echo = rng.random() < self._options.echo_probability
        samples = colour(samples, self._rate, self._options.colour_db, echo, rng)
        samples *= amplitude(self._options.gain_db, rng)
        return Piece(samples, self._unknown, 0, len(samples), is_running=self._options.recording_weight > 0)

    def word_like(self, count: int, rng: np.random.Generator) -> Piece:
        """(count,) samples with a part of a recording that is as long as a word, and quiet around it."""
        cut = fragment(self.running(2 * count, rng).samples, self._rate, rng)[:count]
        samples = rng.standard_normal(count, dtype=np.float32) * amplitude(HISS_DBFS, rng)
        at = int(rng.integers(count - len(cut) + 1))
        samples[at : at + len(cut)] += cut
        return Piece(samples, self._unknown, at, at + len(cut))
