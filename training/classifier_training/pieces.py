"""Pieces of sound, and the sequences that are composed of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .effects import rms


@dataclass(frozen=True)
class Sequences:
    """Some sequences of equal length."""

    samples: np.ndarray  # (sequences, samples) float32
    labels: np.ndarray  # (sequences, tokens) int64; or truth values (sequences, tokens, labels) float32
    weights: np.ndarray  # (sequences, tokens) float32
    last: np.ndarray  # (sequences,) int64, the token at which each sequence's own clip is decided


@dataclass(frozen=True)
class Piece:
    """A piece of sound with the position of its labelled sound, in samples."""

    samples: np.ndarray
    label: int | None  # None: noise or silence
    onset: float
    end: float
    is_running: bool = False  # part of a sound that goes on: all of it has the label

    def without_start(self, count: int) -> Piece:
        return Piece(self.samples[count:], self.label, self.onset - count, self.end - count)

    def backwards(self, label: int) -> Piece:
        """The piece played backwards, as a sound with another label."""
        count = len(self.samples)
        return Piece(self.samples[::-1], label, count - self.end, count - self.onset)


def level_below(piece: Piece, snr_db: tuple[float, float], rng: np.random.Generator) -> np.float32:
    """The level (RMS) of noise behind a piece's sound, at a ratio drawn from `snr_db`."""
    sound = piece.samples[int(piece.onset) : int(piece.end)]
    ratio = 10 ** (-rng.uniform(*snr_db) / 20)
    return np.float32(rms(sound) * ratio)
