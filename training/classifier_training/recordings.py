"""Recordings without labels, as noise, and as sounds for a teacher."""

from __future__ import annotations

import zlib
from collections import defaultdict

import numpy as np

from .dataset import Dataset
from .store import Store

_SHORTEST_SECONDS = 0.1
_KEPT = 5  # one of so many files is kept


class Recordings:
    """Draws from the folders of a data set equally often, whatever their sizes."""

    def __init__(self, dataset: Dataset, store: Store, rate: int, keep: bool = True) -> None:
        """With `keep` a fifth of the files, by a hash of their names, is never drawn."""
        self._store = store
        self._kept: list[str] = []
        groups: dict[str, list[str]] = defaultdict(list)
        for clip in dataset.of(held_out=False):
            if len(store.samples(clip.file)) >= _SHORTEST_SECONDS * rate:
                kept = keep and zlib.crc32(clip.file.encode()) % _KEPT == 0
                (self._kept if kept else groups[clip.label]).append(clip.file)
        self._groups = list(groups.values())

    def kept(self) -> list[np.ndarray]:
        """The recordings that are never drawn, (samples,) each."""
        return [self._store.samples(file) for file in self._kept]

    def all(self) -> list[np.ndarray]:
        """Every recording, (samples,) each."""
        return self.kept() + [self._store.samples(file) for group in self._groups for file in group]

    def named(self) -> list[tuple[str, np.ndarray]]:
        """Every recording with its path."""
        files = sorted([*self._kept, *(file for group in self._groups for file in group)])
        return [(file, self._store.samples(file)) for file in files]

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """(samples,) of a whole recording; not to be written to."""
        group = self._groups[rng.integers(len(self._groups))]
        return self._store.samples(group[rng.integers(len(group))])

    def stretch(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """(count,) samples: a part of a recording, or several recordings one after the other."""
        parts: list[np.ndarray] = []
        while (rest := count - sum(map(len, parts))) > 0:
            samples = self.draw(rng)
            start = int(rng.integers(max(1, len(samples) - rest + 1)))
            parts.append(samples[start : start + rest])
        return np.concatenate(parts)
