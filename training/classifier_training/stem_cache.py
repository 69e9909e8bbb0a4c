"""Cached features of a frozen stem, of which running audio is composed.

A copy holds every clip once, differently augmented in each copy, and other sounds to go between the clips. It does not
depend on which clips are held out, so that the models of all folds share it.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .augment import mask_features
from .compose import Composer
from .dataset import Clip
from .feed import Chunk
from .files import atomic_directory
from .options import TrainingOptions
from .pieces import Piece
from .program import Program
from .progress import bar
from .targets import token_times

_FILLINGS = 64  # pieces of noise, hiss and silence in a copy
_RECORDINGS_SHARE = 0.5  # sequences of recordings without labels for each clip, if there are recordings
_LEAD_TOKENS = 8  # of other sound before a piece, so that no zeros of the stem's padding reveal where it begins
_BATCH = 64  # pieces that go through program and stem at a time
_ROUNDING = 1e-9  # seconds, more than the rounding error of sums of times
_OTHER = 0.35  # share of the sounds around a clip that are recordings, if these have a label
_FILLING = 0.2  # share of the sounds around a clip that are no clips


@dataclass(frozen=True)
class Sound:
    """A piece of sound in a copy."""

    start: int  # its first row in the copy's array
    tokens: int
    onset: float  # seconds
    end: float
    cold: bool  # it begins as a stream does, with the stem's padding before it


@dataclass(frozen=True)
class Copy:
    """The stem features of all sounds, one after the other."""

    sounds: list[Sound]  # the clips, in the data set's order; fillings; recordings without labels
    features: np.ndarray  # (rows, channels, bands) float16


class StemCache:
    """Makes copies, keeps them in a folder, and composes training sequences of them."""

    def __init__(
        self,
        clips: tuple[Clip, ...],
        composer: Composer,
        program: Program,
        options: TrainingOptions,
        stem: Callable[[Tensor], Tensor],
        fill: Tensor,
        folder: Path,
    ) -> None:
        """`stem` maps (batch, frames, bands) to (batch, channels, tokens, bands); `fill` (bands) replaces masked
        features."""
        self._clips, self._composer, self._program = clips, composer, program
        self._options, self._stem, self._fill, self._folder = options, stem, fill, folder
        self._trained = [index for index, clip in enumerate(clips) if not clip.held_out]
        self._recordings = round(_RECORDINGS_SHARE * len(clips)) if composer.has_recordings else 0
        frontend = program.frontend
        self._seconds = composer.frames_per_token * frontend.hop / frontend.sample_rate  # of a token
        self._times = token_times(frontend, composer.frames_per_token, composer.length)
        self._length = len(self._times)

    @property
    def count(self) -> int:
        """Sequences of an epoch: around each clip, and of recordings without labels."""
        return len(self._trained) + round(_RECORDINGS_SHARE * len(self._trained)) * bool(self._recordings)

    def chunk(self, number: int, indices: np.ndarray, rng: np.random.Generator) -> Chunk:
        """The sequences with these indices, from 0 to `count`, composed of the copy `number`."""
        copy, tokens = self._copy(number), self._length
        shape = (len(indices), tokens)
        inputs = np.zeros((*shape, *copy.features.shape[1:]), np.float16)
        labels, weights = np.zeros(shape, np.int64), np.zeros(shape, np.float32)
        labels[:] = self._composer.rule.quiet or 0
        last = np.zeros(len(indices), np.int64)
        for row, sequence in enumerate(map(int, indices)):
            for index, at, skip in self._sequence(copy, sequence, rng):
                sound = copy.sounds[index]
                count = min(sound.tokens - skip, tokens - at)
                inputs[row, at : at + count] = copy.features[sound.start + skip : sound.start + skip + count]
                if index >= len(self._clips) + _FILLINGS and self._composer.unknown is None:
                    continue
                begins = (at - skip) * self._seconds
                ends = float(self._times[skip + count - 1]) + _ROUNDING
                end = self._composer.rule.apply(
                    np.where(np.arange(tokens) >= at, self._times - begins, -1),
                    labels[row],
                    weights[row],
                    label=self._label(index),
                    onset=sound.onset,
                    end=min(sound.end, ends),
                    length=ends,
                    complete=sound.onset >= skip * self._seconds and skip + count == sound.tokens,
                )
                if index == self._own(sequence):
                    last[row] = end or 0
        np.nan_to_num(weights, copy=False)
        np.abs(weights, out=weights)
        targets = self._composer.targets(labels)
        return Chunk(torch.from_numpy(inputs).transpose(1, 2), *map(torch.from_numpy, (targets, weights, last)))

    def _own(self, sequence: int) -> int:
        """The clip that a sequence is made around; -1: none."""
        return self._trained[sequence] if sequence < len(self._trained) else -1

    def _label(self, index: int) -> int | None:
        if index < len(self._clips):
            return self._composer.label(self._clips[index])
        return self._composer.unknown if index >= len(self._clips) + _FILLINGS else None

    def _sequence(self, copy: Copy, sequence: int, rng: np.random.Generator) -> Iterator[tuple[int, int, int]]:
        """The sounds of a sequence: index, first token, and how many of its own tokens are left out."""
        own, at = self._own(sequence), 0
        first = len(self._clips) + _FILLINGS
        if own < 0:
            while at < self._length:
                index = int(rng.integers(first, len(copy.sounds)))
                yield index, at, 0
                at += copy.sounds[index].tokens
            return
        if not copy.sounds[own].cold:
            until = int(rng.uniform(0.1, 1) * self._options.context_seconds / self._seconds)
            while at < until:
                index = self._other(copy, rng)
                # The first sound of the sequence has begun before it, and the sound before the clip is cut by it.
                skip = max(0, copy.sounds[index].tokens - until) if at == 0 and rng.random() < 0.5 else 0
                yield index, at, skip
                at += copy.sounds[index].tokens - skip
            at = min(at, until)
        yield own, at, 0
        at += copy.sounds[own].tokens
        while at < self._length:
            index = self._other(copy, rng)
            yield index, at, 0
            at += copy.sounds[index].tokens

    def _other(self, copy: Copy, rng: np.random.Generator) -> int:
        while True:
            if self._composer.unknown is not None and self._recordings and rng.random() < _OTHER:
                return int(rng.integers(len(self._clips) + _FILLINGS, len(copy.sounds)))
            if rng.random() < _FILLING:
                return len(self._clips) + int(rng.integers(_FILLINGS))
            index = self._trained[rng.integers(len(self._trained))]
            if not copy.sounds[index].cold:
                return index

    def _copy(self, number: int) -> Copy:
        folder = self._folder / f"copy-{number}"
        if not folder.exists():
            with atomic_directory(folder) as fresh:
                self._make(number, fresh)
        values = json.loads((folder / "sounds.json").read_text(encoding="utf-8"))
        return Copy([Sound(*each) for each in values], np.load(folder / "features.npy", mmap_mode="r"))

    def _make(self, number: int, folder: Path) -> None:
        total = len(self._clips) + _FILLINGS + self._recordings
        sounds: list[Sound] = []
        parts: list[np.ndarray] = []
        batches = range(0, total, _BATCH)
        rate, row = self._program.frontend.sample_rate, 0
        for start in bar(batches, len(batches), f"copy {number + 1}"):
            pieces = [self._piece(number, index) for index in range(start, min(total, start + _BATCH))]
            for piece, cold, features in self._features(number, start, pieces):
                sounds.append(Sound(row, len(features), piece.onset / rate, piece.end / rate, cold))
                parts.append(features)
                row += len(features)
        np.save(folder / "features.npy", np.concatenate(parts))
        values = [[s.start, s.tokens, float(s.onset), float(s.end), s.cold] for s in sounds]
        (folder / "sounds.json").write_text(json.dumps(values), encoding="utf-8")

    def _piece(self, number: int, index: int) -> tuple[Piece, bool, np.random.Generator]:
        name = self._clips[index].name if index < len(self._clips) else str(index)
        rng = np.random.default_rng((self._options.seed, number, zlib.crc32(name.encode())))
        cold = index < len(self._clips) and rng.random() < self._options.cold_fraction
        if index < len(self._clips):
            piece = self._composer.clip_in_noise(self._clips[index], rng)
        elif index < len(self._clips) + _FILLINGS:
            piece = self._composer.filling_without_clip(rng)
        else:
            piece = self._composer.recording(rng)
        return self._composer.through_channel(piece, rng), cold, rng

    @torch.no_grad()
    def _features(
        self, number: int, start: int, pieces: list[tuple[Piece, bool, np.random.Generator]]
    ) -> Iterator[tuple[Piece, bool, np.ndarray]]:
        """Each piece, and the stem's features of it."""
        frontend, per_token = self._program.frontend, self._composer.frames_per_token
        lead = _LEAD_TOKENS * per_token * frontend.hop
        least = per_token * frontend.hop + frontend.window_length
        length = lead + max(least, *(len(piece.samples) for piece, _, _ in pieces))
        samples = np.zeros((len(pieces), length), np.float32)
        for row, (piece, cold, rng) in zip(samples, pieces):
            if not cold:
                row[:lead] = self._composer.before(piece, lead, rng)
            begin = 0 if cold else lead
            row[begin : begin + len(piece.samples)] = piece.samples
        frames = torch.from_numpy(np.ascontiguousarray(self._program.features(samples)))
        options = self._options
        random = torch.Generator().manual_seed(zlib.crc32(f"{options.seed} {number} {start}".encode()))
        masked = mask_features(frames, self._fill, options.time_mask_frames, options.band_mask_bands, random)
        features = self._stem(masked).half().permute(0, 2, 1, 3)
        for index, (piece, cold, _) in enumerate(pieces):
            skip = 0 if cold else _LEAD_TOKENS
            count = max(1, frontend.frames(max(len(piece.samples), least)) // per_token)
            yield piece, cold, features[index, skip : skip + count].contiguous().numpy()
