"""Epochs of training features, made in the background while the model trains on the ones before."""

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

from .compose import Sequences

_AHEAD = 2  # chunks that wait, ready, for the trainer


@dataclass(frozen=True)
class Chunk:
    """Sequences as the trainer sees them."""

    inputs: Tensor  # (sequences, frames, bands) features; or what the stem's first layers make of them
    labels: Tensor  # (sequences, tokens) int64; or (sequences, tokens, labels), a teacher's logits
    weights: Tensor  # (sequences, tokens) float32
    last: Tensor  # (sequences,) int64
    taught: Tensor | None = None  # (sequences, tokens, labels of a teacher), its logits
    heard: Tensor | None = None  # (sequences, tokens) bool, whether the teacher says anything

    @staticmethod
    def of(sequences: Sequences, features_of: Callable[[np.ndarray], np.ndarray]) -> Chunk:
        features = np.ascontiguousarray(features_of(sequences.samples))
        return Chunk(*map(torch.from_numpy, (features, sequences.labels, sequences.weights, sequences.last)))

    @property
    def said(self) -> Tensor:
        """(sequences, tokens) the label, or the most probable one of the teacher's."""
        return self.labels if self.labels.ndim == 2 else self.labels.argmax(-1)

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
            if (tensor := getattr(self, item.name)) is not None:
                np.save(folder / f"{item.name}.npy", tensor.numpy())

    @staticmethod
    def load(folder: Path) -> Chunk:
        """What `save` wrote."""
        files = {item.name: folder / f"{item.name}.npy" for item in fields(Chunk)}
        return Chunk(**{key: torch.from_numpy(np.load(file)) for key, file in files.items() if file.exists()})

    def batches(self, size: int) -> Iterator[Chunk]:
        """Slices of `size` sequences; the last one may be shorter."""
        for start in range(0, len(self), size):
            part = slice(start, start + size)
            yield self.taken(part)

    def taken(self, rows: slice | Tensor) -> Chunk:
        """These sequences."""
        tensors = {item.name: getattr(self, item.name) for item in fields(self)}
        return Chunk(**{name: tensor[rows] for name, tensor in tensors.items() if tensor is not None})


class Feed:
    """Chunks of epoch after epoch, from a thread of its own; to be used in a `with` statement.

    `make(epoch, part)` makes one chunk; it must depend on these two numbers only, so that a resumed training
    sees what an uninterrupted one would have seen. Composing and the program's features run beside the
    training's matrix products, which do not hold Python's lock.
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
        while self._thread.is_alive():  # it may wait for room
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
