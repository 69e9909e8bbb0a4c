"""Cuts of running sound that are as long as a word, and begin and end where it is quiet."""

from __future__ import annotations

import numpy as np

_SECONDS = (0.2, 0.85)
_SEARCH_SECONDS = 0.08  # on each side of a drawn place, in which the quietest one is the edge
_BLOCK_SECONDS = 0.005
_FADE_SECONDS = 0.008


def fragment(samples: np.ndarray, rate: int, rng: np.random.Generator) -> np.ndarray:
    """A cut of `samples`, from one quiet place to another."""
    block = round(_BLOCK_SECONDS * rate)
    power = np.square(samples[: len(samples) // block * block]).reshape(-1, block).mean(1)
    power = np.convolve(power, np.full(3, 1 / 3), mode="same")
    length = rng.uniform(*_SECONDS) / _BLOCK_SECONDS
    begin = rng.uniform(0, max(1.0, len(power) - length))
    first, last = _quietest(power, begin), _quietest(power, begin + length)
    cut = samples[first * block : max(last, first + round(_SECONDS[0] / _BLOCK_SECONDS)) * block].copy()
    fade = min(round(_FADE_SECONDS * rate), len(cut) // 2)
    ramp = np.linspace(0, 1, fade, dtype=np.float32)
    cut[:fade] *= ramp
    cut[len(cut) - fade :] *= ramp[::-1]
    return cut


def _quietest(power: np.ndarray, at: float) -> int:
    reach = round(_SEARCH_SECONDS / _BLOCK_SECONDS)
    middle = min(int(at), len(power) - 1)
    first = max(0, middle - reach)
    return first + int(np.argmin(power[first : middle + reach + 1]))
