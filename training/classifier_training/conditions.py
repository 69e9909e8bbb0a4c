"""The conditions in which a stream of clips is heard: noise, levels, a telephone, MP3, rooms."""

from __future__ import annotations

import inspect
import io
from collections.abc import Callable

import numpy as np

from .channel import band, room
from .streams import Stream

SNR_DB = (20, 10, 5, 0)
GAINS_DB = (-40, -30, -20, -10, 10, 20)
ROOM_SECONDS = (0.3, 0.6, 1.0)
_ROOM_RATIO = 0.7  # of an echo's level to that of the direct sound
_TELEPHONE_HZ = (300.0, 3400.0)
_CLIP_RMS = 0.05
_MP3_BITS, _MP3_LOWEST, _MP3_HIGHEST = 32, 8, 160  # kbit/s, the range at 16 kHz
_MP3_DELAY = 1105  # samples that LAME and the decoder put before the sound
_BLOCK = 1 << 20

Condition = Callable[[Stream], np.ndarray]


def conditions(noise: np.ndarray | None) -> dict[str, Condition]:
    """The conditions by name; with noise (samples, at a level of 1) only if there is some."""
    found: dict[str, Condition] = {"quiet": lambda stream: stream.samples}
    if noise is not None:
        found |= {f"noise at {snr} dB": _with_noise(noise, snr) for snr in SNR_DB}
    found |= {f"gain of {gain:+} dB": _with_gain(gain) for gain in GAINS_DB}
    found |= {"telephone band": _telephone}
    if _has_mp3():
        found |= {f"MP3, {_MP3_BITS} kbit/s": _mp3}
    return found | {f"echo of {seconds:g} s": _in_room(seconds) for seconds in ROOM_SECONDS}


def _with_noise(noise: np.ndarray, snr: float) -> Condition:
    def apply(stream: Stream) -> np.ndarray:
        level = np.float32(_CLIP_RMS * 10 ** (-snr / 20))
        return np.clip(stream.samples + level * np.resize(noise, len(stream.samples)), -1, 1)

    return apply


def with_gain(samples: np.ndarray, gain: float) -> np.ndarray:
    """The samples louder by `gain` decibels, and clipped."""
    return np.clip(samples * np.float32(10 ** (gain / 20)), -1, 1)


def _with_gain(gain: float) -> Condition:
    return lambda stream: with_gain(stream.samples, gain)


def _telephone(stream: Stream) -> np.ndarray:
    length = 4096
    response = band(np.fft.rfftfreq(length, 1 / stream.rate) + 1e-3, *_TELEPHONE_HZ)
    kernel = np.roll(np.fft.irfft(response), length // 2) * np.hanning(length)
    return convolved(stream.samples, kernel)[length // 2 :][: len(stream.samples)]


def _in_room(seconds: float) -> Condition:
    def apply(stream: Stream) -> np.ndarray:
        echo = room(stream.rate, np.random.default_rng(round(1000 * seconds)), seconds, _ROOM_RATIO)
        return np.clip(convolved(stream.samples, echo)[: len(stream.samples)], -1, 1)

    return apply


def convolved(samples: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """(samples + kernel - 1,) of a long signal through a short response, block by block."""
    length = 1 << (_BLOCK + len(kernel) - 1).bit_length()
    response = np.fft.rfft(kernel, length)
    out = np.zeros(len(samples) + len(kernel) - 1, np.float32)
    for start in range(0, len(samples), _BLOCK):
        part = np.fft.irfft(np.fft.rfft(samples[start : start + _BLOCK], length) * response, length)
        stop = min(len(out), start + length)
        out[start:stop] += part[: stop - start].astype(np.float32)
    return out


def _has_mp3() -> bool:
    try:
        import soundfile
    except ImportError:
        return False
    return "MP3" in soundfile.available_formats() and "bitrate_mode" in inspect.signature(soundfile.write).parameters


def _mp3(stream: Stream) -> np.ndarray:
    """The stream through MP3, with the encoder's delay taken out."""
    import soundfile

    level = (_MP3_HIGHEST - _MP3_BITS) / (_MP3_HIGHEST - _MP3_LOWEST)
    coded = io.BytesIO()
    settings = {"bitrate_mode": "CONSTANT", "compression_level": level}
    soundfile.write(coded, stream.samples, stream.rate, format="MP3", subtype="MPEG_LAYER_III", **settings)
    coded.seek(0)
    samples = np.asarray(soundfile.read(coded, dtype="float32")[0])[_MP3_DELAY:]
    return np.pad(samples, (0, max(0, len(stream.samples) - len(samples))))[: len(stream.samples)]
