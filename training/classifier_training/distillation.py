"""Sequences mixed of sounds without labels, with a teacher's outputs as targets."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .dataset import AUDIO_SUFFIXES, Clip, Dataset
from .effects import amplitude, colour, resample
from .errors import TrainingError
from .feed import Chunk
from .inputs import CHUNK, FrozenStem
from .program import Program
from .recipe import Recipe
from .recordings import Recordings
from .store import Store

_LEAST_LEVEL = 1e-6  # (RMS or peak) that is raised to another one
_SECOND_DB = (-20.0, 0.0)  # a second layer's level, in relation to the first one's
_PIECE_SECONDS = (0.5, 10.0)


def read_recordings(folder: Path, held_out: str) -> Dataset:
    """Reads all audio files below `folder`; those whose path there matches `held_out` are held out.

    A file's label is its folder at the top: sounds are drawn from each of them equally often.
    """
    files = sorted(
        file.relative_to(folder).as_posix()
        for file in folder.glob("**/*")
        if file.suffix.lower() in AUDIO_SUFFIXES and file.is_file()
    )
    if not files:
        raise TrainingError(f"no audio files in {folder}", 66)
    clips = tuple(Clip(file, file.split("/")[0], file, bool(held_out and re.search(held_out, file))) for file in files)
    if all(clip.held_out for clip in clips):
        raise TrainingError(f"all files in {folder} match `{held_out}`: none is left to train on", 64)
    return Dataset(folder, tuple(sorted({clip.label for clip in clips})), clips, ())


def raised(mixtures: np.ndarray, dbfs: float) -> np.ndarray:
    """(count, samples) with quieter rows raised to this level (RMS), and louder ones lowered to peaks of 1."""
    level = np.sqrt(np.mean(np.square(mixtures), axis=1, keepdims=True))
    peak = np.abs(mixtures).max(1, keepdims=True)
    gain = np.maximum(1, 10 ** (dbfs / 20) / np.maximum(level, _LEAST_LEVEL))
    return (mixtures * np.minimum(gain, 1 / np.maximum(peak, _LEAST_LEVEL))).astype(np.float32)


# (sequences, samples) and their features to the teacher's output at each token, (sequences, tokens, values), and to a
# mask (tokens) of the tokens at which it has one.
TeacherTargets = Callable[[np.ndarray, Tensor], tuple[np.ndarray, np.ndarray]]


class Mixtures:
    """Sequences of one or two layers of sounds, as a `SequenceSource`; the held-out sounds come alone."""

    def __init__(
        self,
        dataset: Dataset,
        store: Store,
        targets: TeacherTargets,
        program: Program,
        frames_per_token: int,
        recipe: Recipe,
    ) -> None:
        self._store, self._targets, self._program = store, targets, program
        self._options, self._evaluation = recipe.training, recipe.evaluation
        self._frames_per_token, self._rate = frames_per_token, program.frontend.sample_rate
        self._held_out = dataset.of(held_out=True)
        self._recordings = Recordings(dataset, store, self._rate)
        self._length = round(recipe.training.clip_seconds * self._rate)
        self.count = max(1, round(recipe.training.hours * 3600 / recipe.training.clip_seconds))
        self.has_held_out = bool(self._held_out)

    def samples(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """(count, samples) of training sequences."""
        return np.clip(np.stack([self._mixture(rng) for _ in range(count)]), -1, 1)

    def chunk(self, numbers: np.ndarray, rng: np.random.Generator) -> Chunk:
        mixtures = np.stack([self._mixture(rng) for _ in numbers])
        return self._chunk(np.clip(mixtures, -1, 1), raised(mixtures, self._options.teacher_dbfs))

    def shares(self, balance: float) -> None:
        """`None`: sequences have no one label."""

    def stem_cache(self, stem: FrozenStem, fill: Tensor, folder: Path) -> None:
        """`None`: sequences are mixed of samples, not of a stem's features."""

    def held_out(self, mid_stream: bool) -> Iterator[Chunk]:
        before = round(self._evaluation.mid_stream_seconds * self._rate) if mid_stream else 0
        for start in range(0, len(self._held_out), CHUNK):
            part = self._held_out[start : start + CHUNK]
            samples = np.zeros((len(part), before + self._length), np.float32)
            ends = np.zeros(len(part), np.int64)
            for index, clip in enumerate(part):
                ends[index] = before + self._insert(samples[index, before:], clip)
                other = zlib.crc32(clip.file.encode()) % len(self._held_out)
                self._insert(samples[index, :before], self._held_out[other])
            chunk = self._chunk(samples)
            # A clip is decided at its own last token, not at that of the silence after it.
            tokens = np.array([self._program.frontend.frames(int(end)) // self._frames_per_token for end in ends])
            last = np.minimum(chunk.last.numpy(), np.maximum(0, tokens - 1))
            yield replace(chunk, last=torch.from_numpy(last))

    def _insert(self, row: np.ndarray, clip: Clip) -> int:
        samples = self._store.samples(clip.file)[: len(row)]
        row[: len(samples)] = samples
        return len(samples)

    def _chunk(self, samples: np.ndarray, heard: np.ndarray | None = None) -> Chunk:
        """Sequences with the teacher's outputs; tokens without one have the weight 0.

        The teacher hears the same sequences at the level of `heard`.
        """
        features = torch.from_numpy(np.ascontiguousarray(self._program.features(samples)))
        taught = features
        if heard is not None:
            taught = torch.from_numpy(np.ascontiguousarray(self._program.features(heard)))
        with torch.autocast("cpu", torch.bfloat16, enabled=self._options.precision == "bfloat16"):
            targets, mask = self._targets(samples if heard is None else heard, taught)
        weights = np.tile(mask.astype(np.float32), (len(samples), 1))
        last = np.full(len(samples), int(np.flatnonzero(mask)[-1]))
        return Chunk(features, *map(torch.from_numpy, (targets, weights, last)))

    def _mixture(self, rng: np.random.Generator) -> np.ndarray:
        """(samples,): a layer of sounds, often a second one; samples may be beyond ±1."""
        out = self._layer(rng, amplitude(self._options.mixture_dbfs, rng))
        if rng.random() < self._options.noise_probability:
            level = np.float32(np.sqrt(np.mean(np.square(out)))) * amplitude(_SECOND_DB, rng)
            out += self._layer(rng, level)
        return out

    def _layer(self, rng: np.random.Generator, level: np.float32) -> np.ndarray:
        """Sounds one after the other, each at about this level (RMS)."""
        out, at = np.zeros(self._length, np.float32), 0
        while at < self._length:
            piece = self._piece(rng)[: self._length - at]
            rms = np.float32(np.sqrt(np.mean(np.square(piece)) + 1e-10))
            gain = level * amplitude(self._options.gain_db, rng) / max(rms, np.float32(1e-4))
            out[at : at + len(piece)] = piece * gain
            at += len(piece) + int(rng.exponential(0.1) * self._rate)
        return out

    def _piece(self, rng: np.random.Generator) -> np.ndarray:
        """A part of a recording, at another speed and tone colour."""
        samples = self._recordings.draw(rng)
        count = min(len(samples), int(rng.uniform(*_PIECE_SECONDS) * self._rate))
        start = int(rng.integers(len(samples) - count + 1))
        piece = resample(samples[start : start + count], rng.uniform(*self._options.speed))
        echo = rng.random() < self._options.echo_probability
        return colour(piece, self._rate, self._options.colour_db, echo, rng)
