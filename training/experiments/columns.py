"""Columns of the frozen stem, computed once for all systems, and reduced by one linear map."""

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

from .materials import Material
from .streams import HeldOut, Running, training_streams

_FITTED = 60_000  # columns that the map is fitted on
_LEAST_DEVIATION = 1e-2  # of a column's part, relative to the largest


@dataclass(frozen=True)
class Extent:
    """How much is composed."""

    tokens: int = 768  # of a training stream
    streams: int = 512  # training streams
    lead: int = 480  # tokens before the first clip that is decided in a long stream
    width: int = 256  # of the reduced columns
    seed: int = 0


@dataclass(frozen=True)
class Streams:
    """Streams as encoders see them."""

    columns: Tensor  # (streams, tokens, width) float16
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
class Columns:
    """All that is trained on and measured by, of one data set."""

    labels: tuple[str, ...]
    seconds: float  # of a token
    training: Streams
    cold: Streams
    long: Streams


class Stem:
    """The first blocks of YAMNet, in bfloat16; then a linear map to fewer numbers once it is fitted."""

    def __init__(self, material: Material) -> None:
        model = material.recipe.model
        self._stem = ConvolutionStem(BANDS, stem_layers(model.yamnet_blocks, model.yamnet_token_frames), 1)
        self._stem.fold()
        tensors = {
            name: torch.from_numpy(tensor).float() for name, tensor in read_stem(None, model.yamnet_blocks).items()
        }
        self._stem.load_state_dict(tensors, strict=False)
        self.frames_per_token = self._stem.frames_per_token
        self._mean = self._map = torch.zeros(0)

    @torch.no_grad()
    def columns(self, features: np.ndarray) -> Tensor:
        """(streams, frames, bands) to (streams, tokens, channels * bands)."""
        rows = []
        for row in torch.from_numpy(features):
            with torch.autocast("cpu", torch.bfloat16):
                out = self._stem.run(row[None, None])
            rows.append(out.permute(0, 2, 1, 3).flatten(2).float())
        return torch.cat(rows)

    @torch.no_grad()
    def fit(self, columns: Tensor, width: int) -> float:
        """Principal components of standardised columns (columns, channels * bands), all on one scale: their mean
        variance is 1. Returns the share of the variance that they keep."""
        mean, deviation = columns.mean(0), columns.std(0)
        scale = 1 / deviation.clamp(min=_LEAST_DEVIATION * float(deviation.max()))
        standard = (columns - mean) * scale
        covariance = (standard.T @ standard / len(standard)).double()
        values, vectors = (part.float() for part in torch.linalg.eigh(covariance))
        kept = slice(len(values) - width, len(values))
        self._mean = mean
        self._map = scale[:, None] * vectors[:, kept] / values[kept].mean().sqrt()
        return float(values[kept].sum() / values.sum())

    @torch.no_grad()
    def reduce(self, columns: Tensor) -> Tensor:
        """(streams, tokens, channels * bands) to (streams, tokens, width) float16."""
        return ((columns - self._mean) @ self._map).clamp(-1e3, 1e3).half()


def prepare(material: Material, data: Path, work: Path, extent: Extent) -> Columns:
    """From the cache in `work`, or composed and computed."""
    place = data / material.place
    identity = json.dumps([material.recipe.json(), vars(extent), str(place.resolve())], sort_keys=True)
    folder = work / f"columns-{material.name}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"
    if not folder.exists():
        say(f"{material.name}: composing streams and computing the stem's columns, once")
        with atomic_directory(folder) as fresh:
            _compute(material, place, work, extent, fresh)
    about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    parts = (Streams.load(folder / part) for part in ("training", "cold", "long"))
    return Columns(tuple(about["labels"]), about["token_seconds"], *parts)


def kept_variance(work: Path) -> str:
    """What the reduced columns of each data set keep of the variance, in words."""
    found = {}
    for file in sorted(work.glob("columns-*/about.json")):
        about = json.loads(file.read_text(encoding="utf-8"))
        found[file.parent.name.split("-")[1]] = f"{about['variance']:.0%} ({file.parent.name.split('-')[1]})"
    return " and ".join(found.values()) or "an unknown part"


def _compute(material: Material, place: Path, work: Path, extent: Extent, out: Path) -> None:
    recipe = material.recipe
    dataset = read_dataset(place, recipe.data)
    program = Program(find_program(), recipe.model.frontend, work / material.name)
    stem = Stem(material)
    frontend, frames = program.frontend, stem.frames_per_token
    shortest = frontend.window_length + (frames - 1) * frontend.hop
    store = Store(dataset, program, work / material.name, shortest)
    made = training_streams(dataset, store, frontend, frames, recipe, extent.tokens, extent.streams, extent.seed)
    parts: list[Streams] = []
    waiting: list[tuple[Running, Tensor]] = []
    kept = 0.0
    total = -(-extent.streams // 32)
    for running in bar(made, total, f"{material.name}: training streams"):
        columns = stem.columns(program.features(running.samples))[:, : extent.tokens]
        if kept:
            parts.append(_streams(running, stem.reduce(columns)))
            continue
        waiting.append((running, columns))
        seen = torch.cat([columns.flatten(0, 1) for _, columns in waiting])
        if len(seen) >= _FITTED or len(waiting) == total:
            kept = stem.fit(seen, extent.width)
            say(f"{material.name}: {extent.width} components keep {kept:.1%} of the columns' variance")
            parts += [_streams(running, stem.reduce(columns)) for running, columns in waiting]
            waiting = []
    _join(parts).save(out / "training")
    held_out = HeldOut(dataset, store, frontend, frames, extent.seed)
    seconds = recipe.training.clip_seconds
    for name, streams in (
        ("cold", held_out.cold(seconds)),
        ("long", held_out.long(extent.lead, material.scored, seconds)),
    ):
        columns = torch.cat(
            [stem.reduce(stem.columns(program.features(part))) for part in _slices(streams.samples, 64)]
        )
        _streams(streams, columns).save(out / name)
    about = {
        "labels": dataset.labels,
        "token_seconds": frames * frontend.hop / frontend.sample_rate,
        "variance": kept,
    }
    (out / "about.json").write_text(json.dumps(about), encoding="utf-8")


def _slices(samples: np.ndarray, size: int) -> Iterator[np.ndarray]:
    for start in range(0, len(samples), size):
        yield samples[start : start + size]


def _streams(running: Running, columns: Tensor) -> Streams:
    tokens = columns.shape[1]
    return Streams(
        columns.contiguous(),
        torch.from_numpy(running.labels[:, :tokens].copy()),
        torch.from_numpy(running.weights[:, :tokens].copy()),
        torch.from_numpy(running.decisions),
    )


def _join(parts: list[Streams]) -> Streams:
    return Streams(*(torch.cat([getattr(part, item.name) for part in parts]) for item in fields(Streams)))
