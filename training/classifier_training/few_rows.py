"""The rows of context vectors that a few recordings of a sound give."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .contexts import Contexts
from .few_background import TOKENS, FewBackground

_GAINS_DB = (0.0, -12.0, -24.0)
_HISS_DBFS = (-80.0, -60.0, -50.0)
_BEFORE_SECONDS, _AFTER_SECONDS = 1.2, 0.6
_SETTLED_SECONDS = 0.25  # after the beginning of the sound
_LATE_SECONDS = 0.3  # after its end, in which the newest part of the sound is still heard
_LONGEST_SECONDS = 8.0
_LOUD = 0.7  # RMS of the loudest sample before hiss is added, at most


def few_rows(
    examples: Sequence[np.ndarray], background: FewBackground, contexts: Contexts, rate: int, seconds: float
) -> list[np.ndarray]:
    """For each recording the rows (rows, components) inside its sound, at several levels, in hiss.

    `seconds` is the time from token to token.
    """
    rng, rows = np.random.default_rng(0), []
    for sound in examples:
        sound = sound[: round(_LONGEST_SECONDS * rate)]
        parts: list[np.ndarray] = []
        places: list[tuple[float, float]] = []
        at = 0
        for gain, hiss in zip(_GAINS_DB, _HISS_DBFS):
            before, after = (np.zeros(round(s * rate), np.float32) for s in (_BEFORE_SECONDS, _AFTER_SECONDS))
            level = _LOUD / max(1e-6, float(np.abs(sound).max())) * 10 ** (gain / 20)
            part = np.concatenate([before, sound * np.float32(level), after])
            part += rng.standard_normal(len(part), dtype=np.float32) * np.float32(10 ** (hiss / 20))
            begin = at / rate + _BEFORE_SECONDS
            places.append((begin, begin + len(sound) / rate))
            parts.append(part)
            at += len(part)
        vectors = contexts(np.clip(np.concatenate(parts), -1, 1))
        times = np.arange(1, len(vectors) + 1) * seconds
        pairs = (vectors[TOKENS - 1 :] + vectors[: len(vectors) - TOKENS + 1]) / TOKENS
        times = times[TOKENS - 1 :]
        inside = np.zeros(len(times), bool)
        for begin, end in places:
            first = min(begin + _SETTLED_SECONDS, end)
            inside |= (times >= first) & (times <= end + _LATE_SECONDS)
        rows.append(background.components(pairs[inside]))
    return rows
