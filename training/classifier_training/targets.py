"""The targets of the tokens of running audio, and their weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .frontend import Frontend

_SILENCE_WEIGHT = 0.1  # of tokens without a sound, which are many
_UNKNOWN_SILENCE_WEIGHT = 1.0  # where their label is `_unknown_`: with less, silence has that of the shortest sounds
_HOLD_SECONDS = 0.5  # after a sound's end, in which its label is to be held if `memory_weight` is not 0
_RELEASE_SECONDS = 0.2  # after a clip's end, in which its label fades out: tokens there have the weight 0


@dataclass(frozen=True)
class TargetRule:
    """How targets follow from the position of a sound; times are in seconds after the piece's first sample."""

    silence: int | None  # index of the label `_silence_`, if there is one
    quiet: int | None  # index of the label of tokens without a sound; None: they have the weight 0
    ramp: tuple[float, float]  # shares of the sound after which the weight of its label begins to rise, and is full
    last_weight: float
    memory: float  # seconds after a sound in which its label may still be reported
    memory_weight: float = 0.0  # of the tokens right after a sound, which hold its label

    def apply(
        self,
        times: np.ndarray,
        labels: np.ndarray,
        weights: np.ndarray,
        *,
        label: int | None,
        onset: float,
        end: float,
        length: float,
        complete: bool,
    ) -> int | None:
        """Writes labels and weights of the tokens of one piece; returns the index of its last token, if any.

        A weight of NaN stands for 0, a negative one for its absolute value; silence overwrites neither. `times`
        (tokens) are those of the tokens' newest samples. The sound lies in [onset, end) of a piece of `length`. `label`
        is None for silence and noise. A sound that was cut (`complete` is false) has the weight 0.
        """
        inside = (times > 0) & (times <= length)
        last = int(np.flatnonzero(inside)[-1]) if inside.any() else None
        if label is None or label == self.silence:
            self._quiet(inside, labels, weights)
            if label is not None and last is not None:
                weights[last] = self.last_weight
            return last
        self._quiet(inside & (times < onset), labels, weights)
        labels[inside & (times >= onset)] = label
        weights[inside & (times >= onset)] = 0
        if complete:
            begin, full = (onset + part * (end - onset) for part in self.ramp)
            rising = np.clip((times - begin) / max(full - begin, 1e-6), 0, 1)
            begun = inside & (times >= begin)
            weights[begun] = rising[begun]
            if last is not None:
                weights[last] = self.last_weight
        # While the label fades out, silence has no weight yet, whatever piece comes next.
        weights[(times > length) & (times <= max(length + _RELEASE_SECONDS, end + self.memory))] = np.nan
        if complete:
            self.hold(times - length, labels, weights, label)
        return last

    def hold(self, after: np.ndarray, labels: np.ndarray, weights: np.ndarray, label: int) -> None:
        """Has the tokens after a sound's end, at the times `after` (tokens), hold its label where quiet follows."""
        if self.memory_weight:
            held = (after > 0) & (after <= _HOLD_SECONDS)
            labels[held], weights[held] = label, -self.memory_weight

    @property
    def _quiet_weight(self) -> float:
        if self.quiet is None:
            return 0
        return _UNKNOWN_SILENCE_WEIGHT if self.silence is None else _SILENCE_WEIGHT

    def _quiet(self, where: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> None:
        where = where & ~np.isnan(weights) & (weights >= 0)
        labels[where] = 0 if self.quiet is None else self.quiet
        weights[where] = self._quiet_weight


def token_times(frontend: Frontend, frames_per_token: int, samples: int) -> np.ndarray:
    """(tokens,) seconds from the first sample of a sequence to the end of each of its tokens."""
    tokens = frontend.frames(samples) // frames_per_token
    newest_frame = np.arange(1, tokens + 1) * frames_per_token - 1
    return (newest_frame * frontend.hop + frontend.span) / frontend.sample_rate
