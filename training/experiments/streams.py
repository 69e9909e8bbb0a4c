"""Long running audio with labels, for systems with a memory of half a minute."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from classifier_training.compose import SPARE_SECONDS, Composer
from classifier_training.dataset import Clip, Dataset
from classifier_training.effects import amplitude
from classifier_training.errors import TrainingError
from classifier_training.frontend import Frontend
from classifier_training.recipe import Recipe
from classifier_training.store import Store
from classifier_training.targets import token_times

_GAP_PROBABILITY = 0.4  # of silence or noise before a clip
_GAP_SECONDS = (0.3, 1.5)
_NOISE_DBFS = (-60.0, -35.0)


@dataclass(frozen=True)
class LabelledStreams:
    """Streams of equal length, with their targets."""

    samples: np.ndarray  # (streams, samples) float32
    labels: np.ndarray  # (streams, tokens) int64
    weights: np.ndarray  # (streams, tokens) float32, of the training targets
    decisions: np.ndarray  # (clips, 2) int64: stream and token at which a clip is decided; its label is the token's


def training_streams(
    dataset: Dataset,
    store: Store,
    frontend: Frontend,
    frames_per_token: int,
    recipe: Recipe,
    tokens: int,
    count: int,
    seed: int,
) -> Iterator[LabelledStreams]:
    """`count` streams of `tokens` tokens, composed like the recipe's training sequences, but longer.

    Each is made around a clip of its own; every clip in it has targets.
    """
    options = recipe.training
    slowest = options.clip_seconds / min(options.speed) + SPARE_SECONDS
    seconds = (tokens * frames_per_token * frontend.hop + frontend.window_length) / frontend.sample_rate
    if seconds <= slowest:
        raise TrainingError(
            f"streams of {tokens} tokens are {seconds:.1f} s; a clip alone can take {slowest:.1f} s", 78
        )
    longer = replace(recipe, training=replace(options, context_seconds=seconds - slowest))
    composer = Composer(dataset, store, frontend, frames_per_token, longer)
    rng = np.random.default_rng(seed)
    clips = dataset.of(held_out=False)
    order = np.concatenate([rng.permutation(len(clips)) for _ in range(-(-count // len(clips)))])[:count]
    for start in range(0, count, 32):
        made = composer.training([clips[index] for index in order[start : start + 32]], rng)
        yield LabelledStreams(
            made.samples,
            made.labels[:, :tokens],
            made.weights[:, :tokens],
            np.zeros((0, 2), np.int64),
        )


class HeldOut:
    """Held-out clips, not augmented: each in a stream of its own, and one after the other in long streams."""

    def __init__(self, dataset: Dataset, store: Store, frontend: Frontend, frames_per_token: int, seed: int) -> None:
        self._store, self._labels, self._noise = store, dataset.labels, dataset.noise
        self._frontend, self._frames_per_token = frontend, frames_per_token
        self._rate, self._seed = frontend.sample_rate, seed
        self._clips = dataset.of(held_out=True)

    def cold(self, seconds: float) -> LabelledStreams:
        """Each clip is the first sound of its stream."""
        length = round(seconds * self._rate)
        rows = [[(0, clip)] for clip in self._clips]
        return self._labelled([self._store.samples(clip)[:length] for clip in self._clips], rows, length)

    def long(self, lead_tokens: int, scored: int, seconds: float) -> LabelledStreams:
        """Long streams: at least `lead_tokens` of other held-out clips with gaps between them, then `scored` clips.

        Each clip is decided in one stream.
        """
        rng = np.random.default_rng(self._seed)
        order = rng.permutation(len(self._clips))
        lead = lead_tokens * self._frames_per_token * self._frontend.hop
        limit = round(seconds * self._rate)
        streams, rows = [], []
        for start in range(0, len(order), scored):
            parts: list[np.ndarray] = []
            at = 0
            while at < lead:
                other = self._clips[rng.integers(len(self._clips))]
                for part in (self._gap(rng), self._store.samples(other)[:limit]):
                    parts.append(part)
                    at += len(part)
            row = []
            for index in order[start : start + scored]:
                clip = self._clips[index]
                for part in (self._gap(rng), self._store.samples(clip)[:limit]):
                    parts.append(part)
                    at += len(part)
                row.append((at - len(parts[-1]), clip))
            streams.append(np.concatenate(parts))
            rows.append(row)
        return self._labelled(streams, rows, max(map(len, streams)))

    def _gap(self, rng: np.random.Generator) -> np.ndarray:
        """A gap between clips: nothing, silence, or noise."""
        if rng.random() >= _GAP_PROBABILITY:
            return np.zeros(0, np.float32)
        count = round(rng.uniform(*_GAP_SECONDS) * self._rate)
        kind = rng.integers(3)
        if kind == 0:
            return np.zeros(count, np.float32)
        level = amplitude(_NOISE_DBFS, rng)
        if kind == 1 or not self._noise:
            return rng.standard_normal(count, dtype=np.float32) * level
        noise = self._store.samples(self._noise[rng.integers(len(self._noise))])[:count]
        return noise * (level / np.float32(np.sqrt(np.mean(np.square(noise)) + 1e-10)))

    def _labelled(self, streams: list[np.ndarray], rows: list[list[tuple[int, Clip]]], length: int) -> LabelledStreams:
        """Streams with their clips and the sample at which each begins, padded with silence to one length."""
        times = token_times(self._frontend, self._frames_per_token, length) * self._rate
        samples = np.zeros((len(streams), length), np.float32)
        labels = np.zeros((len(streams), len(times)), np.int64)
        decisions = []
        for index, (stream, row) in enumerate(zip(streams, rows)):
            samples[index, : len(stream)] = stream
            for begin, clip in row:
                end = begin + min(len(self._store.samples(clip)), length)
                token = int(np.flatnonzero(times <= end)[-1])
                labels[index, token] = self._labels.index(clip.label)
                decisions.append((index, token))
        return LabelledStreams(samples, labels, np.zeros(labels.shape, np.float32), np.array(decisions))
