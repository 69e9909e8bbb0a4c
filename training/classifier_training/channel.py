"""The way of a sound to the program: the room, the band of a telephone, the level of a microphone."""

from __future__ import annotations

import numpy as np

from .effects import amplitude
from .options import TrainingOptions

_ROOM_SECONDS = (0.2, 1.2)  # in which an echo falls by 60 dB
_ROOM_RATIO = (0.1, 1.0)  # of the echo's energy to that of the direct sound, as amplitudes
_FIRST_ECHO_SECONDS = 0.004
_TELEPHONE_LOW_HZ, _TELEPHONE_HIGH_HZ = (150.0, 350.0), (3200.0, 3800.0)
_EDGE = 6  # order of the band's edges


class Channel:
    """Random changes of a whole sequence, as a recipe has them."""

    def __init__(self, options: TrainingOptions, rate: int) -> None:
        self._options, self._rate = options, rate

    def apply(self, samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """(samples,) as they come out at the other end."""
        options = self._options
        in_room, in_band = rng.random() < options.room_probability, rng.random() < options.telephone_probability
        if in_room or in_band:
            samples = self._filtered(samples, in_room, in_band, rng)
        if rng.random() < options.level_probability:
            samples = samples * amplitude(options.level_db, rng)
        return samples

    def _filtered(self, samples: np.ndarray, in_room: bool, in_band: bool, rng: np.random.Generator) -> np.ndarray:
        count = len(samples)
        length = 1 << (count + (round(_ROOM_SECONDS[1] * self._rate) if in_room else 0) - 1).bit_length()
        response = np.fft.rfft(room(self._rate, rng), length) if in_room else np.ones(length // 2 + 1)
        if in_band:
            frequency = np.fft.rfftfreq(length, 1 / self._rate) + 1e-3
            low, high = rng.uniform(*_TELEPHONE_LOW_HZ), rng.uniform(*_TELEPHONE_HIGH_HZ)
            response = response * band(frequency, low, high)
        return np.fft.irfft(np.fft.rfft(samples, length) * response, length)[:count].astype(np.float32)


def band(frequency: np.ndarray, low: float, high: float) -> np.ndarray:
    """The response of a band at some frequencies, in hertz above zero."""
    return 1 / np.sqrt((1 + (low / frequency) ** (2 * _EDGE)) * (1 + (frequency / high) ** (2 * _EDGE)))


def room(rate: int, rng: np.random.Generator, seconds: float | None = None, ratio: float | None = None) -> np.ndarray:
    """The impulse response of a room: a direct sound, and noise that decays."""
    seconds = seconds or rng.uniform(*_ROOM_SECONDS)
    ratio = ratio or rng.uniform(*_ROOM_RATIO)
    time = np.arange(int(seconds * rate)) / rate
    echo = rng.standard_normal(len(time)) * 10 ** (-3 * time / seconds)
    echo[: int(_FIRST_ECHO_SECONDS * rate)] = 0
    echo *= ratio / np.sqrt(np.dot(echo, echo))
    echo[0] = 1
    return echo
