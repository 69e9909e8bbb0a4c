"""Training sequences of streams of features: each stream by itself, several one after the other, or windows of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from .errors import TrainingError
from .feature_options import StreamOptions
from .feature_streams import FeatureStream, StreamSet
from .feed import Chunk
from .inputs import FrozenStem
from .loss import TeacherLoss
from .stem_cache import StemCache

_SHORT_SHARE = 0.25  # of the chunks of windows, in which the windows are not full, as at a stream's beginning
_UNKNOWN = -1.0  # a target that is not judged


class FeatureSequences:
    """Sequences of one length for a chunk, with a target for each token.

    A token is `frames` steps, and has the labels of the last of them. An epoch has as many tokens as the streams do,
    but for windows, of which it has one a stream.
    """

    has_held_out = False

    def __init__(
        self,
        streams: StreamSet,
        options: StreamOptions,
        frames: int = 1,
        cold_fraction: float = 0.2,
        window: int = 0,
        last_weight: float = 1.0,
    ) -> None:
        """`cold_fraction` is the share of long sequences that begin with a stream's beginning. With a `window`
        sequences are single windows of so many tokens, with a target for the last. `last_weight` is the weight of a
        stream's last token."""
        self._set, self._options, self._frames = streams, options, frames
        self._streams = streams.of(held_out=False)
        if not self._streams:
            raise TrainingError("there are no streams to train on; those of the split `train` are")
        self._cold, self._window, self._last_weight = cold_fraction, window, last_weight
        if options.length and options.length < frames:
            raise TrainingError(f"--length is {options.length} steps, and a token has {frames}", 64)
        total = sum(map(len, self._streams))
        joined = bool(options.length) and not window
        self.count = max(1, round(total / options.length)) if joined else len(self._streams)
        self._check_learned(frames, windows=bool(window), joined=joined)
        self._deviation = _deviation(self._streams)

    def _check_learned(self, frames: int, windows: bool, joined: bool) -> None:
        """Refuses streams of which no token would be learned, however long the training."""
        if not joined:
            for stream in self._streams:
                if len(stream) < frames and (windows or max(map(len, self._streams)) < frames):
                    raise TrainingError(
                        f"{stream.origin}: stream `{stream.name}` has {len(stream)} steps, and a token has {frames}: "
                        "choose fewer --stem-frames, or leave the stream out"
                    )
        settle = self._options.settle
        for stream in self._streams:
            known = self._set.judged(stream)[settle:].copy()
            known[:, list(stream.assumed)] = True
            if (known.all(1) if self._set.exclusive else known.any(1)).any():
                return
        raise TrainingError(
            f"{self._streams[0].origin} and all others to train on: no step is learned; each is one that is not "
            f"judged, or one of a stream's first {settle} (--settle)"
        )

    def chunk(self, numbers: np.ndarray, rng: np.random.Generator) -> Chunk:
        if self._window:
            return self._windows(numbers, rng)
        if not self._options.length:
            return self._single([self._streams[number] for number in numbers], rng)
        length = self._options.length // self._frames * self._frames
        order = iter(np.zeros(0, int))
        rows = []
        for _ in numbers:
            skip = 0 if rng.random() < self._cold else None
            row, order = self._joined(length, skip, order, rng)
            rows.append(row)
        return self._chunk(rows, rng)

    def shares(self, balance: float) -> None:
        """`None`: sequences have no one label."""

    def stem_cache(self, stem: FrozenStem, fill: Tensor, folder: Path) -> StemCache | None:
        return None

    def held_out(self, mid_stream: bool) -> Iterator[Chunk]:
        return iter(())

    def _single(self, streams: list[FeatureStream], rng: np.random.Generator) -> Chunk:
        """Each stream by itself, and nothing after it."""
        longest = max(map(len, streams))
        length = -(-longest // self._frames) * self._frames
        return self._chunk([[(stream, 0, len(stream)), (None, 0, length - len(stream))] for stream in streams], rng)

    def _windows(self, numbers: np.ndarray, rng: np.random.Generator) -> Chunk:
        """Windows of streams in random order, of one size: most are full, the others at the beginning of a stream."""
        size, skip = self._window, None
        if rng.random() < _SHORT_SHARE:
            size, skip = int(rng.integers(1, self._window + 1)), 0
        order, rows = iter(np.zeros(0, int)), []
        for number in numbers:
            # A window ends in a stream of its own, so that every stream has one.
            if skip is None:
                end = self._frames * int(rng.integers(1, max(1, len(self._streams[number]) // self._frames) + 1))
                own = (self._streams[number], max(0, end - size * self._frames), end)
                before = size * self._frames - (own[2] - own[1])
                row, order = self._joined(before, None, order, rng) if before else ([], order)
                rows.append([*row, own])
            else:
                row, order = self._joined(size * self._frames, 0, order, rng)
                rows.append(row)
        chunk = self._chunk(rows, rng)
        weights = torch.zeros_like(chunk.weights)
        weights[:, -1] = chunk.weights[:, -1]
        return Chunk(chunk.inputs, chunk.labels, weights, chunk.last)

    def _joined(
        self, length: int, skip: int | None, order: Iterator[int], rng: np.random.Generator
    ) -> tuple[list[tuple[FeatureStream | None, int, int]], Iterator[int]]:
        """Parts (stream, first, end) of `length` steps together, of the streams in `order`, which is drawn anew when it
        ends; `skip` are steps of the first stream that are left out, any number for `None`."""
        row: list[tuple[FeatureStream | None, int, int]] = []
        while length > 0:
            number = next(order, None)
            if number is None:
                order = iter(rng.permutation(len(self._streams)).tolist())
                continue
            stream = self._streams[number]
            first = int(rng.integers(len(stream))) if skip is None else skip
            end = min(len(stream), first + length)
            row.append((stream, first, end))
            length, skip = length - (end - first), 0
        return row, order

    def _chunk(self, rows: list[list[tuple[FeatureStream | None, int, int]]], rng: np.random.Generator) -> Chunk:
        steps = sum(end - first for _, first, end in rows[0])
        count = len(self._set.labels)
        features = np.zeros((len(rows), steps, self._set.width), np.float32)
        targets = np.zeros((len(rows), steps, count), np.float32)
        weights = np.zeros((len(rows), steps), np.float32)
        for index, row in enumerate(rows):
            at = 0
            for stream, first, end in row:
                part = slice(at, at + end - first)
                at += end - first
                if stream is None:  # features like those before, which have no weight
                    features[index, part] = np.resize(features[index, : part.start], features[index, part].shape)
                    continue
                features[index, part] = stream.features[first:end]
                judged = self._set.judged(stream)[first:end]
                target, assumed = targets[index, part], list(stream.assumed)
                target[:] = np.where(judged, self._set.positive(stream)[first:end], _UNKNOWN)
                target[:, assumed] = np.where(judged[:, assumed], target[:, assumed], 1)
                weights[index, part] = (target != _UNKNOWN).any(1)
                weights[index, part][: max(0, self._options.settle - first)] = 0
                if end == len(stream) and stream.steps is None:
                    weights[index, at - 1] *= self._last_weight
        if self._options.noise:
            noise = rng.standard_normal(features.shape, np.float32)
            features += noise * (self._options.noise * self._deviation)
        kept = slice(self._frames - 1, None, self._frames)
        return self._tokens(features, targets[:, kept], weights[:, kept])

    def _tokens(self, features: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> Chunk:
        last = torch.full((len(features),), targets.shape[1] - 1)
        labels = torch.from_numpy(np.ascontiguousarray(targets))
        if self._set.exclusive:
            weights = weights * (targets.min(-1) >= 0)
            labels = labels.argmax(-1)
        return Chunk(torch.from_numpy(features), labels, torch.from_numpy(np.ascontiguousarray(weights)), last)


def label_loss(logits: Tensor, target: Tensor) -> Tensor:
    """(sequences, tokens) sum of the binary cross entropies of the labels that are judged.

    The gradients of their mean over hundreds of labels would be as small as the constant by which Adam keeps its step
    finite: AudioSet's 527 labels are then hardly learned.
    """
    loss = F.binary_cross_entropy_with_logits(logits, target.clamp(min=0), reduction="none")
    return (loss * (target >= 0)).sum(-1)


LABEL_LOSS: TeacherLoss = label_loss


def _deviation(streams: tuple[FeatureStream, ...], most: int = 2000) -> np.ndarray:
    """(width,) the standard deviation of each feature over a part of the streams."""
    chosen = streams[:: max(1, len(streams) // most)]
    return np.concatenate([stream.features for stream in chosen]).astype(np.float32).std(0)
