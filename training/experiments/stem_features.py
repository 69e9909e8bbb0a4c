"""Cached features of the frozen stem: computed once for all systems, and reduced by one linear map."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from classifier_training.dataset import read_dataset
from classifier_training.files import atomic_directory
from classifier_training.model.stem import ConvolutionStem
from classifier_training.program import Program, find_program
from classifier_training.progress import bar, say
from classifier_training.store import Store
from classifier_training.yamnet import BANDS, read_stem, stem_layers

from .datasets import ExperimentDataset
from .streams import HeldOut, LabelledStreams, training_streams

_FITTED = 60_000  # features that the map is fitted on
_LEAST_DEVIATION = 1e-2  # of an element of the features, relative to the largest


@dataclass(frozen=True)
class Sizes:
    """The sizes of the composed streams, and of the features."""

    tokens: int = 768  # of a training stream
    streams: int = 512  # training streams
    lead: int = 480  # tokens before the first clip that is decided in a long stream
    width: int = 256  # of the reduced features
    seed: int = 0


@dataclass(frozen=True)
class Streams:
    """Streams as the inputs and targets of encoders."""

    features: Tensor  # (streams, tokens, width) float16
    labels: Tensor  # (streams, tokens) int64
    weights: Tensor  # (streams, tokens) float32
    decisions: Tensor  # (clips, 2) int64: stream, token

    def save(self, folder: Path) -> None:
        folder.mkdir()
        for item in fields(self):
            np.save(folder / f"{item.name}.npy", getattr(self, item.name).numpy())

    @staticmethod
    def load(folder: Path) -> Streams:
        return Streams(*(torch.from_numpy(np.load(folder / f"{item.name}.npy")) for item in fields(Streams)))


@dataclass(frozen=True)
class StemFeatures:
    """The streams of one data set for training and measuring."""

    labels: tuple[str, ...]
    seconds: float  # of a token
    training: Streams
    cold: Streams
    long: Streams


class Stem:
    """The first blocks of YAMNet in bfloat16 and, once it is fitted, a linear map to a smaller width."""

    def __init__(self, data_set: ExperimentDataset) -> None:
        model = data_set.recipe.model
        self._stem = ConvolutionStem(BANDS, stem_layers(model.yamnet_blocks, model.yamnet_token_frames), 1)
        self._stem.fold()
        tensors = {
            name: torch.from_numpy(tensor).float() for name, tensor in read_stem(None, model.yamnet_blocks).items()
        }
        self._stem.load_state_dict(tensors, strict=False)
        self.frames_per_token = self._stem.frames_per_token
        self._mean = self._map = torch.zeros(0)

    @torch.no_grad()
    def features(self, frames: np.ndarray) -> Tensor:
        """(streams, frames, bands) to (streams, tokens, channels * bands)."""
        rows = []
        for row in torch.from_numpy(frames):
            with torch.autocast("cpu", torch.bfloat16):
                out = self._stem.run(row[None, None])
            rows.append(out.permute(0, 2, 1, 3).flatten(2).float())
        return torch.cat(rows)

    @torch.no_grad()
    def fit(self, features: Tensor, width: int) -> float:
        """Fits the map to the principal components of the standardised features (tokens, channels * bands).

        The components share one scale, with a mean variance of 1. Returns their share of the variance.
        """
        mean, deviation = features.mean(0), features.std(0)
        scale = 1 / deviation.clamp(min=_LEAST_DEVIATION * float(deviation.max()))
        standard = (features - mean) * scale
        covariance = (standard.T @ standard / len(standard)).double()
        values, vectors = (part.float() for part in torch.linalg.eigh(covariance))
        kept = slice(len(values) - width, len(values))
        self._mean = mean
        self._map = scale[:, None] * vectors[:, kept] / values[kept].mean().sqrt()
        return float(values[kept].sum() / values.sum())

    @torch.no_grad()
    def reduce(self, features: Tensor) -> Tensor:
        """(streams, tokens, channels * bands) to (streams, tokens, width) float16."""
        return ((features - self._mean) @ self._map).clamp(-1e3, 1e3).half()


def prepare(data_set: ExperimentDataset, data: Path, work: Path, sizes: Sizes) -> StemFeatures:
    """Reads the features from the cache in `work`, or computes them."""
    path = data / data_set.path
    identity = json.dumps([data_set.recipe.json(), vars(sizes), str(path.resolve())], sort_keys=True)
    folder = work / f"features-{data_set.name}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"
    if not folder.exists():
        say(f"{data_set.name}: composing streams and computing the stem's features, once")
        with atomic_directory(folder) as fresh:
            _compute(data_set, path, work, sizes, fresh)
    about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    parts = (Streams.load(folder / part) for part in ("training", "cold", "long"))
    return StemFeatures(tuple(about["labels"]), about["token_seconds"], *parts)


def kept_variance(work: Path) -> str:
    """The share of the variance in the reduced features of each data set, as text."""
    found = {}
    for file in sorted(work.glob("features-*/about.json")):
        about = json.loads(file.read_text(encoding="utf-8"))
        found[file.parent.name.split("-")[1]] = f"{about['variance']:.0%} ({file.parent.name.split('-')[1]})"
    return " and ".join(found.values()) or "an unknown part"


def _compute(data_set: ExperimentDataset, path: Path, work: Path, sizes: Sizes, out: Path) -> None:
    recipe = data_set.recipe
    dataset = read_dataset(path, recipe.data)
    program = Program(find_program(), recipe.model.frontend, work / data_set.name)
    stem = Stem(data_set)
    frontend, frames = program.frontend, stem.frames_per_token
    shortest = frontend.window_length + (frames - 1) * frontend.hop
    store = Store(dataset, program, work / data_set.name, shortest)
    made = training_streams(dataset, store, frontend, frames, recipe, sizes.tokens, sizes.streams, sizes.seed)
    parts: list[Streams] = []
    waiting: list[tuple[LabelledStreams, Tensor]] = []
    kept = 0.0
    total = -(-sizes.streams // 32)
    for labelled in bar(made, total, f"{data_set.name}: training streams"):
        features = stem.features(program.features(labelled.samples))[:, : sizes.tokens]
        if kept:
            parts.append(_streams(labelled, stem.reduce(features)))
            continue
        waiting.append((labelled, features))
        seen = torch.cat([features.flatten(0, 1) for _, features in waiting])
        if len(seen) >= _FITTED or len(waiting) == total:
            kept = stem.fit(seen, sizes.width)
            say(f"{data_set.name}: {sizes.width} components keep {kept:.1%} of the features' variance")
            parts += [_streams(labelled, stem.reduce(features)) for labelled, features in waiting]
            waiting = []
    _join(parts).save(out / "training")
    held_out = HeldOut(dataset, store, frontend, frames, sizes.seed)
    seconds = recipe.training.clip_seconds
    for name, streams in (
        ("cold", held_out.cold(seconds)),
        ("long", held_out.long(sizes.lead, data_set.scored, seconds)),
    ):
        features = torch.cat(
            [stem.reduce(stem.features(program.features(part))) for part in _slices(streams.samples, 64)]
        )
        _streams(streams, features).save(out / name)
    about = {
        "labels": dataset.labels,
        "token_seconds": frames * frontend.hop / frontend.sample_rate,
        "variance": kept,
    }
    (out / "about.json").write_text(json.dumps(about), encoding="utf-8")


def _slices(samples: np.ndarray, size: int) -> Iterator[np.ndarray]:
    for start in range(0, len(samples), size):
        yield samples[start : start + size]


def _streams(labelled: LabelledStreams, features: Tensor) -> Streams:
    tokens = features.shape[1]
    return Streams(
        features.contiguous(),
        torch.from_numpy(labelled.labels[:, :tokens].copy()),
        torch.from_numpy(labelled.weights[:, :tokens].copy()),
        torch.from_numpy(labelled.decisions),
    )


def _join(parts: list[Streams]) -> Streams:
    return Streams(*(torch.cat([getattr(part, item.name) for part in parts]) for item in fields(Streams)))
