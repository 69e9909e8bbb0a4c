"""The targets of a model that tags sounds: YAMNet's probabilities, or a mean of EfficientAT's and YAMNet's.

Zero-shot on folds 1 to 3 of ESC-50, clips by the mean over time: YAMNet 66.3 %; EfficientAT 62.8 % in windows of 1 s,
75.1 % in windows of 3 s, 77.4 % in one of 5 s; with a fifth of YAMNet's probabilities 75.0 %, with half of them 74.2 %.
The mean of logits is worse (half: 72 %): one network's certainty that a sound is not there outweighs the other's
that it is.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .efficientat import HOP, RATE, EfficientAT
from .frontend import Frontend
from .targets import token_times
from .teacher import Teacher

_LARGEST = 15.0  # a logit, whose probability is not 1 in single precision
_SECONDS = 3.0  # of sound that EfficientAT hears; of less it recognises fewer sounds, of more it forgets them later
_HOP_SECONDS = 0.96  # between two of its windows
_SHARES = Path(__file__).parent / "data" / "audioset-shares.json"  # of clips of AudioSet's balanced training part
_RARE = 0.003  # the share of most labels
_WITHOUT = (1, 2, 12, 32, 33, 277)  # AudioSet's labels that YAMNet does not have


@dataclass(frozen=True)
class TagTeacher:
    """YAMNet, alone or with EfficientAT."""

    yamnet: Teacher
    frontend: Frontend  # YAMNet's
    per_token: int  # frames of the student's token
    other: EfficientAT | None = None
    share: float = 0.8  # of the other one's probabilities in the mean; YAMNet's hear short sounds at once

    @property
    def name(self) -> str:
        return "YAMNet" if self.other is None else "YAMNet and EfficientAT"

    def token_logits(self, samples: np.ndarray, features: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """(sequences, samples) and their features (sequences, frames, bands) to logits (sequences, tokens, labels) of
        what is heard at the end of each token, and a mask (tokens) of the tokens that have some."""
        logits, mask = self.yamnet.token_logits(features, self.per_token)
        if self.other is None:
            return logits, mask
        ends = token_times(self.frontend, self.per_token, samples.shape[1])[: logits.shape[1]]
        heard = self._heard(self.other, samples, ends[mask])
        logits[:, mask] = self._mean(logits[:, mask].astype(np.float32), heard)
        return logits, mask

    def scores(self, samples: np.ndarray, features: Tensor) -> np.ndarray:
        """(samples,) and their features (frames, bands) to the mean probabilities (labels,) over the tokens."""
        logits, mask = self.token_logits(samples[None], features[None])
        return np.asarray(sigmoid(logits[0, mask].astype(np.float32)).mean(0))

    def _mean(self, logits: np.ndarray, others: np.ndarray) -> np.ndarray:
        """The logits of the mean probabilities."""
        mean = (1 - self.share) * sigmoid(logits) + self.share * sigmoid(others)
        return np.log(mean / (1 - mean))

    def _heard(self, network: EfficientAT, samples: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """(sequences, ends, labels) logits of the newest seconds before each time; between two windows, of both."""
        frames = network.frames(torch.from_numpy(np.array(samples)), self.frontend.sample_rate)
        first, last = float(ends[0]), float(ends[-1])
        times = np.linspace(first, last, 1 + max(1, round((last - first) / _HOP_SECONDS)))
        newest = np.minimum((times * RATE / HOP).astype(int) + 1, frames.shape[1])
        oldest = np.maximum(0, newest - round(_SECONDS * RATE / HOP))
        windows: dict[int, list[int]] = {}
        for index, length in enumerate(newest - oldest):
            windows.setdefault(int(length), []).append(index)
        found = np.zeros((len(samples), len(times), network.labels), np.float32)
        for group in windows.values():
            parts = torch.cat([frames[:, oldest[index] : newest[index]] for index in group])
            logits = network.logits(parts).float().numpy()
            found[:, group] = logits.reshape(len(group), len(samples), -1).transpose(1, 0, 2)
        found = np.delete(found, _WITHOUT, axis=2)
        place = (ends - first) / max(last - first, 1e-9) * (len(times) - 1)
        before = np.minimum(place.astype(int), len(times) - 2)
        part = (place - before)[:, None].astype(np.float32)
        return found[:, before] * (1 - part) + found[:, before + 1] * part


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Probabilities of logits, never 0 or 1."""
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -_LARGEST, _LARGEST))))


def frequency_offsets(labels: Sequence[str], share: float) -> np.ndarray:
    """(labels,) to be taken from logits: `share` of the logarithm of a label's frequency beside that of most labels.

    Speech is in a quarter of AudioSet's clips, a sneeze in 0.3 %, so that its taggers say "Speech" of what they do not
    know. Menon et al., "Long-tail learning via logit adjustment" (arXiv 2007.07314), section 4.
    """
    shares = json.loads(_SHARES.read_text(encoding="utf-8"))
    excess = [max(shares.get(label, _RARE) / _RARE, 1) for label in labels]
    return np.asarray(share * np.log(excess), np.float32)
