"""Composes running audio of clips, with other sound before, behind and after each of them."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import numpy as np

from .channel import Channel
from .dataset import BACKGROUND, SILENCE, Clip, Dataset
from .effects import amplitude, colour, loud_cuts, resample
from .frontend import Frontend
from .label_sets import multi_hot
from .pieces import Piece, Sequences, level_below
from .recipe import Recipe
from .recordings import Recordings
from .store import Store
from .surroundings import HISS_DBFS, Surroundings
from .targets import TargetRule, token_times

_TRAILING_SECONDS = 0.2  # least sound after a clip
_SHIFT_SECONDS = 0.1  # longest random shift of a clip
_CUT_IN = 0.5  # share of the contexts that are too long and lose their beginning rather than their end
# The sounds around the clips, with the shares summed. Most of what a microphone records is background: its labels come
# up more often than others.
_KINDS = ("clip", "background", "noise", "hiss", "silence")
_KIND_LIMITS = (0.4, 0.6, 0.8, 0.9)
_RUNNING = 0.5  # share of the recordings in the place of clips that are whole sequences rather than parts of one
_RECORDING_SECONDS = (0.6, 3.0)  # of a recording between clips
_SETTLING_SECONDS = 0.4  # of a recording, in which its tokens have the weight 0
_NOISE_DBFS = (-60.0, -25.0)
SPARE_SECONDS = _SHIFT_SECONDS + _TRAILING_SECONDS  # of a sequence, besides its context and its clip


class Composer:
    """Composes sequences around clips of one side of the split."""

    def __init__(
        self,
        dataset: Dataset,
        store: Store,
        frontend: Frontend,
        frames_per_token: int,
        recipe: Recipe,
        recordings: Recordings | None = None,
    ) -> None:
        """`recordings` have no labels; they serve as noise, and as sound around the clips."""
        options = recipe.training
        self._store, self._options, self._labels = store, options, dataset.combinations
        self._sets = multi_hot(dataset) if dataset.separator else None
        self._frontend, self.frames_per_token, self._rate = frontend, frames_per_token, frontend.sample_rate
        self._recordings = recordings
        self._channel = Channel(options, self._rate)
        silent = self._labels.index(SILENCE) if SILENCE in self._labels else None
        background = set(BACKGROUND) - {SILENCE}
        self._unknown = next((self._labels.index(label) for label in sorted(background & set(self._labels))), None)
        self.rule = TargetRule(
            silent,
            self._unknown if silent is None else silent,
            options.target_ramp,
            options.last_weight,
            options.memory_seconds,
            options.memory_weight,
        )
        self._evaluation = recipe.evaluation
        self._context = dataset.of(held_out=False)
        self._background = [clip for clip in self._context if clip.label in background] or self._context
        self._noise = list(dataset.noise) + [clip.file for clip in self._context if clip.label == SILENCE]
        self._surroundings = Surroundings(self._noise, recordings, store, options, self._rate, self._unknown)
        self.clip_samples = round(options.clip_seconds * self._rate)
        # A clip is longest at the slowest speed.
        slowest = options.clip_seconds / min(options.speed)
        self.length = round((options.context_seconds + slowest + SPARE_SECONDS) * self._rate)
        self._times = token_times(frontend, frames_per_token, self.length)

    @property
    def has_recordings(self) -> bool:
        return self._recordings is not None

    @property
    def unknown(self) -> int | None:
        """Index of the label that recordings have, if they have one."""
        return self._unknown

    def label(self, clip: Clip) -> int:
        """Index of a clip's label, or of its combination of labels."""
        return self._labels.index(clip.label)

    @property
    def has_one_label(self) -> bool:
        """Whether exactly one label applies at a time."""
        return self._sets is None

    def targets(self, indices: np.ndarray) -> np.ndarray:
        """Indices of labels as they are; of combinations, (..., labels) truth values."""
        return indices if self._sets is None else self._sets[indices]

    def clip_in_noise(self, clip: Clip, rng: np.random.Generator) -> Piece:
        """A clip as a sequence would have it, in some cases with noise or a recording behind it."""
        piece = self._clip(clip, rng)
        if rng.random() >= self._options.noise_probability or not (self._surroundings.has_noise or self._recordings):
            return piece
        samples = piece.samples.copy()
        if self._surroundings.is_steady(rng):
            noise = self._surroundings.steady(len(samples), rng)
            samples += noise * level_below(piece, self._options.noise_snr_db, rng)
        elif self._recordings and (not self._noise or rng.random() < 0.5):
            other = self._recordings.stretch(len(samples), rng)
            rms = np.float32(np.sqrt(np.mean(np.square(other)) + 1e-10))
            samples += other * (level_below(piece, self._options.noise_snr_db, rng) / rms)
        else:
            self._add_noise(samples, piece, rng)
        return Piece(np.clip(samples, -1, 1), piece.label, piece.onset, piece.end)

    def filling_without_clip(self, rng: np.random.Generator) -> Piece:
        """Noise, hiss or silence."""
        while (piece := self._filling(rng)).label is not None:
            pass
        return piece

    def recording(self, rng: np.random.Generator) -> Piece:
        """A part of a recording without a label, as long as a clip; its label is that of the background, if any."""
        assert self._recordings is not None, "asked for only where there are recordings"
        samples = self._recordings.stretch(self.clip_samples, rng) * amplitude(self._options.gain_db, rng)
        return Piece(np.clip(samples, -1, 1), self._unknown, 0, len(samples))

    def through_channel(self, piece: Piece, rng: np.random.Generator) -> Piece:
        """A piece as it comes out of a room, a telephone or a microphone."""
        samples = self._channel.apply(piece.samples, rng)
        return Piece(np.clip(samples, -1, 1), piece.label, piece.onset, piece.end)

    def before(self, piece: Piece, count: int, rng: np.random.Generator) -> np.ndarray:
        """(count,) samples of sound before a piece: silence, hiss, or the end of the piece itself."""
        kind = rng.integers(3)
        if kind == 0 or len(piece.samples) == 0:
            return np.zeros(count, np.float32)
        if kind == 1:
            return rng.standard_normal(count, dtype=np.float32) * amplitude(HISS_DBFS, rng)
        return np.resize(piece.samples[-count:], count)

    def training(self, clips: list[Clip], rng: np.random.Generator) -> Sequences:
        """One sequence around each clip, with everything random drawn from `rng`."""
        options = self._options
        out = self._empty(len(clips), self.length, self._times)
        for index, clip in enumerate(clips):
            if self._recordings and rng.random() < options.recording_sequences:
                if rng.random() < _RUNNING:
                    self._run_recording(out, index, rng)
                    continue
                piece, at = self._surroundings.word_like(self.clip_samples, rng), 0
            else:
                piece, at = self._clip(clip, rng), 0
                if options.backward_share and rng.random() < options.backward_share:
                    piece = self._backwards(piece)
            if rng.random() >= options.cold_fraction:
                at = int(rng.uniform(0.1, 1) * options.context_seconds * self._rate)
                self._lay_fillings(out, index, 0, at, rng)
            out.last[index] = self._lay(out, index, piece, at, self.length)
            self._lay_fillings(out, index, at + len(piece.samples), self.length, rng)
            if rng.random() < options.noise_probability:
                self._add_noise(out.samples[index], piece, rng)
            out.samples[index] = self._channel.apply(out.samples[index], rng)
        np.nan_to_num(out.weights, copy=False)
        np.abs(out.weights, out=out.weights)
        np.clip(out.samples, -1, 1, out=out.samples)
        return out

    def held_out(self, clips: list[Clip], mid_stream: bool, chunk: int) -> Iterator[Sequences]:
        """Each clip as it is, `chunk` of them at a time: from its start, or after other sound.

        The other sound consists of clips with other labels and, if there is noise, of noise or silence; it depends on
        the clip's name only. Tokens inside the clip have the weight 1. A clip is decided at its last token or,
        mid-stream, at the recipe's time of decision.
        """
        before = round(self._evaluation.mid_stream_seconds * self._rate) if mid_stream else 0
        length = before + self.clip_samples
        times = token_times(self._frontend, self.frames_per_token, length)
        for start in range(0, len(clips), chunk):
            part = clips[start : start + chunk]
            out = self._empty(len(part), length, times)
            for index, clip in enumerate(part):
                out.samples[index, :before] = self._held_out_context(clip, clips, before)
                samples = self._store.samples(clip)[: self.clip_samples]
                out.samples[index, before : before + len(samples)] = samples
                inside = (times > before / self._rate) & (times <= (before + len(samples)) / self._rate)
                decided = len(samples) / self._rate
                if mid_stream and self._evaluation.decision_seconds:
                    decided = min(decided, self._evaluation.decision_seconds)
                out.last[index] = np.flatnonzero(times <= before / self._rate + decided)[-1]
                out.labels[index] = self._labels.index(clip.label)
                out.weights[index, inside] = 1
            yield out

    def _held_out_context(self, clip: Clip, clips: list[Clip], count: int) -> np.ndarray:
        """(count,) samples of the sound before a clip, filled from the end backwards."""
        rng = np.random.default_rng(zlib.crc32(clip.name.encode()))
        kind = rng.choice(["clip", "noise", "silence"], p=[0.6, 0.2, 0.2]) if self._noise else "clip"
        context = np.zeros(count, np.float32)
        if kind == "silence" or (kind == "clip" and all(clip.is_like(other) for other in clips)):
            return context
        while count > 0:
            sound: Clip | str = clip
            if kind == "noise":
                sound = self._noise[rng.integers(len(self._noise))]
            while isinstance(sound, Clip) and sound.is_like(clip):
                sound = clips[rng.integers(len(clips))]
            samples = self._store.samples(sound)[:count]
            context[count - len(samples) : count] = samples
            count -= len(samples)
        return context

    def _empty(self, count: int, length: int, times: np.ndarray) -> Sequences:
        tokens = (count, len(times))
        return Sequences(
            np.zeros((count, length), np.float32),
            np.full(tokens, self.rule.quiet or 0, np.int64),
            np.zeros(tokens, np.float32),
            np.zeros(count, np.int64),
        )

    def _lay(self, out: Sequences, index: int, piece: Piece, at: int, until: int) -> int:
        """Puts a piece on the samples [at, until) of a sequence, with its targets; returns its last token."""
        count, rate = min(len(piece.samples), until - at), self._rate
        out.samples[index, at : at + count] = piece.samples[:count]
        if piece.is_running and piece.label is not None:
            inside = (self._times > at / rate + _SETTLING_SECONDS) & (self._times <= (at + count) / rate)
            out.labels[index, inside], out.weights[index, inside] = piece.label, self._options.recording_weight
            after = self._times - (at + count) / rate
            out.weights[index, (after > 0) & (after <= self.rule.memory)] = np.nan
            self.rule.hold(after, out.labels[index], out.weights[index], piece.label)
            return int(np.flatnonzero(inside)[-1]) if inside.any() else 0
        last = self.rule.apply(
            self._times - at / rate,
            out.labels[index],
            out.weights[index],
            label=piece.label,
            onset=piece.onset / rate,
            end=min(piece.end, count) / rate,
            length=count / rate,
            complete=piece.onset >= 0 and piece.end <= count,
        )
        return last or 0

    def _lay_fillings(self, out: Sequences, index: int, at: int, until: int, rng: np.random.Generator) -> None:
        """Fills the samples [at, until) of a sequence with other sounds; the one that starts it may be cut."""
        while at < until:
            piece = self._filling(rng)
            if at == 0 and len(piece.samples) > until and rng.random() < _CUT_IN:
                piece = piece.without_start(len(piece.samples) - until)
            self._lay(out, index, piece, at, until)
            at += len(piece.samples)

    def _clip(self, clip: Clip, rng: np.random.Generator) -> Piece:
        """A clip at a random place, speed, gain and shift."""
        options = self._options
        samples, region = self._store.samples(clip), self._store.region(clip)
        piece = Piece(samples, self._labels.index(clip.label), region.start, region.end)
        if len(samples) > self.clip_samples:
            cut = piece.without_start(int(rng.choice(loud_cuts(samples, self.clip_samples))))
            # A part of a long sound stands for the sound.
            piece = Piece(
                cut.samples[: self.clip_samples],
                cut.label,
                max(0, cut.onset),
                min(self.clip_samples, max(cut.end, 1)),
            )
        speed = rng.uniform(*options.speed)
        samples = resample(piece.samples, speed)
        echo = rng.random() < options.echo_probability
        samples = colour(samples, self._rate, options.colour_db, echo, rng)
        samples *= amplitude(options.gain_db, rng)
        piece = Piece(samples, piece.label, piece.onset / speed, min(piece.end / speed, len(samples)))
        shift = int(rng.uniform(-1, 1) * _SHIFT_SECONDS * self._rate)
        if shift < 0:
            return piece.without_start(min(-shift, max(0, int(piece.onset))))
        lead = rng.standard_normal(shift, dtype=np.float32) * amplitude(HISS_DBFS, rng)
        return Piece(np.concatenate([lead, piece.samples]), piece.label, piece.onset + shift, piece.end + shift)

    def _backwards(self, piece: Piece) -> Piece:
        """A clip's piece backwards, if it is no silence and there is a label for it."""
        if self._unknown is None or piece.label == self.rule.silence:
            return piece
        return piece.backwards(self._unknown)

    def _run_recording(self, out: Sequences, index: int, rng: np.random.Generator) -> None:
        """Fills a whole sequence with a recording."""
        piece = self._surroundings.running(self.length, rng)
        out.last[index] = self._lay(out, index, piece, 0, self.length)
        if rng.random() < self._options.noise_probability / 2:
            self._add_noise(out.samples[index], piece, rng)
        out.samples[index] = self._channel.apply(out.samples[index], rng)

    def _filling(self, rng: np.random.Generator) -> Piece:
        """A sound before or after a clip."""
        if self._recordings and rng.random() < self._options.recording_share:
            if self._options.recording_weight == 0:
                return self.recording(rng)
            return self._surroundings.running(round(rng.uniform(*_RECORDING_SECONDS) * self._rate), rng)
        kind = _KINDS[np.searchsorted(_KIND_LIMITS, rng.random())]
        if kind in ("clip", "background"):
            clips = self._context if kind == "clip" else self._background
            return self._clip(clips[rng.integers(len(clips))], rng)
        count = self.clip_samples
        if kind == "noise" and self._noise:
            samples = self._surroundings.noise(count, rng) * amplitude(_NOISE_DBFS, rng)
        elif kind == "hiss":
            samples = rng.standard_normal(count, dtype=np.float32) * amplitude(HISS_DBFS, rng)
        else:
            samples = np.zeros(count, np.float32)
        return Piece(samples, None, 0, count)

    def _add_noise(self, row: np.ndarray, piece: Piece, rng: np.random.Generator) -> None:
        """Adds noise to a whole sequence, at a ratio to its clip's sound or, under silence, at any level."""
        if not self._surroundings.has_noise:
            return
        if piece.label is None or piece.label == self.rule.silence:
            level = amplitude(_NOISE_DBFS, rng)
        else:
            level = level_below(piece, self._options.noise_snr_db, rng)
        row += self._surroundings.behind(len(row), rng) * level
