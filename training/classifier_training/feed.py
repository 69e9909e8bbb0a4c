"""Epochs of training features, which a background thread makes ahead of the training."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .pieces import Sequences

CPU = torch.device("cpu")
_AHEAD = 2  # chunks that wait, ready, for the trainer


@dataclass(frozen=True)
class Chunk:
    """Sequences as the trainer sees them."""

    inputs: Tensor  # (sequences, frames, bands) features; or the output of frozen stem layers
    labels: Tensor  # (sequences, tokens) int64; or a teacher's outputs, or truth values (sequences, tokens, values)
    weights: Tensor  # (sequences, tokens) float32
    last: Tensor  # (sequences,) int64

    @staticmethod
    def of(sequences: Sequences, features_of: Callable[[np.ndarray], np.ndarray]) -> Chunk:
        features = np.ascontiguousarray(features_of(sequences.samples))
        return Chunk(*map(torch.from_numpy, (features, sequences.labels, sequences.weights, sequences.last)))

    def __len__(self) -> int:
        return len(self.inputs)

    def with_inputs(self, inputs: Tensor) -> Chunk:
        return replace(self, inputs=inputs)

    def shuffled(self, rng: np.random.Generator) -> Chunk:
        """In another order."""
        order = torch.from_numpy(rng.permutation(len(self)))
        return self.taken(order)

    def save(self, folder: Path) -> None:
        for item in fields(self):
            np.save(folder / f"{item.name}.npy", getattr(self, item.name).numpy())

    @staticmethod
    def load(folder: Path) -> Chunk:
        """Reads the files of `save`."""
        return Chunk(*(torch.from_numpy(np.load(folder / f"{item.name}.npy")) for item in fields(Chunk)))

    def batches(self, size: int, device: torch.device = CPU) -> Iterator[Chunk]:
        """Slices of `size` sequences on a device; the last one may be shorter."""
        for start in range(0, len(self), size):
            part = self.taken(slice(start, start + size))
            yield Chunk(*(getattr(part, item.name).to(device) for item in fields(part)))

    def taken(self, rows: slice | Tensor) -> Chunk:
        """These sequences."""
        return Chunk(*(getattr(self, item.name)[rows] for item in fields(self)))


class Feed:
    """The chunks of one epoch after the other, from a thread of its own, within a `with` statement.

    `make(epoch, part)` makes one chunk. It must depend on these two numbers only, so that a resumed training gets the
    same data as an uninterrupted one. Composing and the program's features run beside the training's matrix products,
    which do not hold Python's lock.
    """

    def __init__(self, make: Callable[[int, int], Chunk], parts: int, epochs: range) -> None:
        self._parts = parts
        self._ready: queue.Queue[Chunk | BaseException] = queue.Queue(_AHEAD)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(make, epochs), daemon=True)

    def __enter__(self) -> Feed:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        while self._thread.is_alive():  # it may wait for a place in the queue
            with contextlib.suppress(queue.Empty):
                self._ready.get(timeout=0.1)

    def epoch(self) -> Iterator[Chunk]:
        """The chunks of the next epoch."""
        for _ in range(self._parts):
            item = self._ready.get()
            if isinstance(item, BaseException):
                raise item
            yield item

    def _run(self, make: Callable[[int, int], Chunk], epochs: range) -> None:
        try:
            for epoch in epochs:
                for part in range(self._parts):
                    if self._stop.is_set():
                        return
                    self._ready.put(make(epoch, part))
        except BaseException as error:  # the trainer's thread raises it
            self._ready.put(error)
