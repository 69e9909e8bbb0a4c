"""Sounds as a stem that does not learn sees them, made once; running audio is composed of their columns.

A copy holds every clip once, augmented anew, and other sounds to be heard between them. Which clips are held out
does not matter to a copy, so that the models of all folds share it.
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
from .compose import Composer, Piece
from .dataset import Clip
from .feed import Chunk
from .files import atomic_directory
from .program import Program
from .progress import bar
from .recipe import TrainingOptions
from .targets import token_times
from .teacher import Teacher

_FILLINGS = 64  # pieces of noise, hiss and silence in a copy
_LEAD_TOKENS = 8  # of other sound before a piece, so that no zeros of the stem's padding tell where it begins
_BATCH = 64  # pieces that go through program and stem at a time
_ROUNDING = 1e-9  # seconds, more than sums of times lose
_FILLING = 0.2  # share of the sounds around a clip that are no clips


@dataclass(frozen=True)
class Sound:
    """A piece of sound in a copy."""

    start: int  # its first row in the copy's arrays
    tokens: int
    onset: float  # seconds
    end: float
    cold: bool  # it begins as a stream does, with the stem's padding before it


@dataclass(frozen=True)
class Copy:
    """All sounds, one after the other."""

    sounds: list[Sound]  # the clips, in the data set's order; fillings; recordings without labels
    columns: np.ndarray  # (rows, channels, bands) float16
    taught: np.ndarray | None  # (rows, labels) float16, a teacher's logits
    heard: np.ndarray  # (rows,) bool, whether the teacher says anything


class ClipColumns:
    """Makes copies, keeps them in a folder, and composes training sequences of them."""

    def __init__(
        self,
        clips: tuple[Clip, ...],
        composer: Composer,
        program: Program,
        options: TrainingOptions,
        begin: Callable[[Tensor], Tensor],
        fill: Tensor,
        teacher: Teacher | None,
        folder: Path,
    ) -> None:
        """`begin` is the stem, (batch, frames, bands) to (batch, channels, tokens, bands); `fill` (bands) is what
        masked features become; without `teacher` nothing is taught."""
        self._clips, self._composer, self._program = clips, composer, program
        self._options, self._begin, self._fill = options, begin, fill
        self._teacher, self._folder = teacher, folder
        self._trained = [index for index, clip in enumerate(clips) if not clip.held_out]
        self._recordings = round(options.recordings_share * len(clips)) if composer.has_recordings else 0
        frontend = program.frontend
        self._seconds = composer.frames_per_token * frontend.hop / frontend.sample_rate  # of a token
        self._times = token_times(frontend, composer.frames_per_token, composer.length)
        self._length = len(self._times)

    @property
    def count(self) -> int:
        """Sequences of an epoch: around each clip, and of recordings without labels."""
        return len(self._trained) + round(self._options.recordings_share * len(self._trained)) * bool(self._recordings)

    def chunk(self, number: int, places: np.ndarray, rng: np.random.Generator) -> Chunk:
        """Sequences composed of the copy `number`; `places` count from 0 to `count`."""
        copy, tokens = self._copy(number), self._length
        shape = (len(places), tokens)
        inputs = np.zeros((*shape, *copy.columns.shape[1:]), np.float16)
        labels, weights = np.zeros(shape, np.int64), np.zeros(shape, np.float32)
        labels[:] = self._composer.rule.silence or 0
        last = np.zeros(len(places), np.int64)
        taught = None if copy.taught is None else np.zeros((*shape, copy.taught.shape[1]), np.float16)
        heard = np.zeros(shape, bool)
        for row, place in enumerate(places):
            for index, at, skip in self._sequence(copy, int(place), rng):
                sound = copy.sounds[index]
                count = min(sound.tokens - skip, tokens - at)
                source, target = slice(sound.start + skip, sound.start + skip + count), slice(at, at + count)
                inputs[row, target] = copy.columns[source]
                heard[row, target] = copy.heard[source]
                if taught is not None and copy.taught is not None:
                    taught[row, target] = copy.taught[source]
                if index >= len(self._clips) + _FILLINGS:
                    continue
                begins = (at - skip) * self._seconds
                heard_until = float(self._times[skip + count - 1]) + _ROUNDING
                end = self._composer.rule.apply(
                    np.where(np.arange(tokens) >= at, self._times - begins, -1),
                    labels[row],
                    weights[row],
                    label=self._label(index),
                    onset=sound.onset,
                    end=min(sound.end, heard_until),
                    length=heard_until,
                    complete=sound.onset >= skip * self._seconds and skip + count == sound.tokens,
                )
                if index == self._own(int(place)):
                    last[row] = end or 0
        np.nan_to_num(weights, copy=False)
        return Chunk(
            torch.from_numpy(inputs).transpose(1, 2),
            torch.from_numpy(labels),
            torch.from_numpy(weights),
            torch.from_numpy(last),
            None if taught is None else torch.from_numpy(taught),
            torch.from_numpy(heard),
        )

    def _own(self, place: int) -> int:
        """The clip that a sequence is about; -1: none."""
        return self._trained[place] if place < len(self._trained) else -1

    def _label(self, index: int) -> int | None:
        return self._composer.label(self._clips[index]) if index < len(self._clips) else None

    def _sequence(self, copy: Copy, place: int, rng: np.random.Generator) -> Iterator[tuple[int, int, int]]:
        """The sounds of a sequence: index, first token, and how many of its own tokens are left out."""
        own, at = self._own(place), 0
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
                # What the sequence begins with was going on before, and what comes before the clip is cut by it.
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
            if rng.random() < _FILLING:
                return len(self._clips) + int(rng.integers(_FILLINGS))
            index = self._trained[rng.integers(len(self._trained))]
            if not copy.sounds[index].cold:
                return index

    def _copy(self, number: int) -> Copy:
        place = self._folder / f"copy-{number}"
        if not place.exists():
            with atomic_directory(place) as fresh:
                self._make(number, fresh)
        taught = place / "taught.npy"
        return Copy(
            [Sound(*values) for values in json.loads((place / "sounds.json").read_text(encoding="utf-8"))],
            np.load(place / "columns.npy", mmap_mode="r"),
            np.load(taught, mmap_mode="r") if taught.exists() else None,
            np.load(place / "heard.npy"),
        )

    def _make(self, number: int, folder: Path) -> None:
        total = len(self._clips) + _FILLINGS + self._recordings
        sounds: list[Sound] = []
        parts: list[tuple[np.ndarray, np.ndarray | None, np.ndarray]] = []
        batches = range(0, total, _BATCH)
        for start in bar(batches, len(batches), f"copy {number + 1}"):
            pieces = [self._piece(number, index) for index in range(start, min(total, start + _BATCH))]
            for piece, cold, columns, taught, heard in self._through(number, start, pieces):
                rate = self._program.frontend.sample_rate
                row = sum(len(part[2]) for part in parts)
                sounds.append(Sound(row, len(heard), piece.onset / rate, piece.end / rate, cold))
                parts.append((columns, taught, heard))
        np.save(folder / "columns.npy", np.concatenate([part[0] for part in parts]))
        np.save(folder / "heard.npy", np.concatenate([part[2] for part in parts]))
        if self._teacher:
            np.save(folder / "taught.npy", np.concatenate([part[1] for part in parts if part[1] is not None]))
        values = [[s.start, s.tokens, float(s.onset), float(s.end), s.cold] for s in sounds]
        (folder / "sounds.json").write_text(json.dumps(values), encoding="utf-8")

    def _piece(self, number: int, index: int) -> tuple[Piece, bool, np.random.Generator]:
        name = self._clips[index].name if index < len(self._clips) else str(index)
        rng = np.random.default_rng((self._options.seed, number, zlib.crc32(name.encode())))
        cold = index < len(self._clips) and rng.random() < self._options.cold_fraction
        if index < len(self._clips):
            return self._composer.clip_in_noise(self._clips[index], rng), cold, rng
        if index < len(self._clips) + _FILLINGS:
            return self._composer.filling_without_clip(rng), False, rng
        return self._composer.recording(rng), False, rng

    @torch.no_grad()
    def _through(
        self, number: int, start: int, pieces: list[tuple[Piece, bool, np.random.Generator]]
    ) -> Iterator[tuple[Piece, bool, np.ndarray, np.ndarray | None, np.ndarray]]:
        """Each piece's columns and what the teacher says of them."""
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
        features = torch.from_numpy(np.ascontiguousarray(self._program.features(samples)))
        options = self._options
        random = torch.Generator().manual_seed(zlib.crc32(f"{options.seed} {number} {start}".encode()))
        masked = mask_features(features, self._fill, options.time_mask_frames, options.band_mask_bands, random)
        with torch.autocast("cpu", torch.bfloat16, enabled=options.precision == "bfloat16"):
            begun = self._begin(masked).half().permute(0, 2, 1, 3)
            taught, heard = (
                self._teacher.token_logits(features, per_token)
                if self._teacher
                else (None, np.zeros(begun.shape[1], bool))
            )
        for index, (piece, cold, _) in enumerate(pieces):
            skip = 0 if cold else _LEAD_TOKENS
            count = max(1, frontend.frames(max(len(piece.samples), least)) // per_token)
            rows = slice(skip, skip + count)
            columns = begun[index, rows].contiguous().numpy()
            said = None if taught is None else np.ascontiguousarray(taught[index, rows])
            yield piece, cold, columns, said, heard[rows]
