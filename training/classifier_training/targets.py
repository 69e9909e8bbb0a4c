"""What each token of running audio should say, and how much that counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .frontend import Frontend

_RELEASE_SECONDS = 0.2  # after a clip's end its label fades out: tokens there count for nothing


@dataclass(frozen=True)
class TargetRule:
    """How targets follow from where a sound is; times in seconds after the piece's first sample."""

    silence: int | None  # index of the label of silence; None: silence counts for nothing
    ramp: tuple[float, float]  # parts of the sound after which its label begins to count, and counts in full
    silence_weight: float
    last_weight: float
    memory: float  # seconds after a sound in which its label may still stand

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

        Weights of NaN count for nothing and are not overwritten by silence.
        `times` (tokens) are those of the tokens' newest samples. The sound lies in [onset, end) of a piece of
        `length`; `label` is None for silence and noise; a sound that was cut, `complete` being false, counts
        for nothing.
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
            heard = inside & (times >= begin)
            weights[heard] = rising[heard]
            if last is not None:
                weights[last] = self.last_weight
        # Where the label fades out, silence does not count yet, whatever piece comes next.
        weights[(times > length) & (times <= max(length + _RELEASE_SECONDS, end + self.memory))] = np.nan
        return last

    def _quiet(self, where: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> None:
        where = where & ~np.isnan(weights)
        labels[where] = 0 if self.silence is None else self.silence
        weights[where] = 0 if self.silence is None else self.silence_weight


def token_times(frontend: Frontend, frames_per_token: int, samples: int) -> np.ndarray:
    """(tokens,) seconds from the first sample of a sequence to the end of what each of its tokens covers."""
    tokens = frontend.frames(samples) // frames_per_token
    newest_frame = np.arange(1, tokens + 1) * frames_per_token - 1
    return (newest_frame * frontend.hop + frontend.span) / frontend.sample_rate
