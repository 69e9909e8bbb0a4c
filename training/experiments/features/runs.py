"""The runs: each is one JSON file, with what each held-out stream was given, for the statistics."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from classifier_training.encoding import encode
from classifier_training.errors import TrainingError
from classifier_training.feature_commands import export_features, fit_features
from classifier_training.feature_evaluation import (
    EncodeAll,
    Scored,
    best_thresholds,
    cold,
    figures,
    long,
    probabilities,
)
from classifier_training.feature_streams import StreamSet
from classifier_training.files import atomic_directory, atomic_file
from classifier_training.model import Network
from classifier_training.model_files import write_json
from classifier_training.recipe import stored_recipe

from .grid import FeatureRun

_BATCH_TOKENS = 8192
_VERIFIED = 100  # tokens of a stream that the program computes too


def torch_encoder(network: Network) -> EncodeAll:
    """The logits of PyTorch, of many streams at a time: a shorter one is continued, which earlier tokens do not see."""
    frames = network.frames_per_token

    @torch.no_grad()
    def encode_all(streams: list[np.ndarray]) -> list[np.ndarray]:
        found: list[np.ndarray] = [np.zeros(0)] * len(streams)
        order = sorted(range(len(streams)), key=lambda index: len(streams[index]))
        while order:
            longest = len(streams[order[-1]])
            rows = max(1, _BATCH_TOKENS // longest)
            batch, order = order[-rows:], order[:-rows]
            x = np.stack([np.resize(streams[index], (longest, streams[index].shape[1])) for index in batch])
            logits = network(torch.from_numpy(x.astype(np.float32))).numpy()
            for index, row in zip(batch, logits):
                found[index] = row[: len(streams[index]) // frames]
        return found

    return encode_all


class FeatureRuns:
    """All runs in a folder; a run that has its file is not repeated."""

    def __init__(self, folder: Path, program: Path | None = None) -> None:
        """A `program` verifies the runs with the seed 0."""
        self._folder, self._program = folder, program

    def read(self, run: FeatureRun) -> dict[str, Any] | None:
        """A run's record, if there is one; refuses that of another recipe."""
        file = self._folder / "runs" / f"{run.name}.json"
        if not file.exists():
            return None
        record: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if _comparable(record.get("recipe", {}), str(file)) != _comparable(self._recipe(run).json(), str(file)):
            raise TrainingError(f"{file}: its recipe is not that of this experiment; remove it to run it again", 78)
        return record

    def scores(self, run: FeatureRun) -> dict[str, np.ndarray] | None:
        """What the streams of a run were given: `cold` and `long`, (streams, labels) or (tokens, labels)."""
        file = self._folder / "runs" / f"{run.name}.npz"
        if not file.exists():
            return None
        with np.load(file) as found:
            return {name: found[name] for name in found.files}

    def run(self, run: FeatureRun, streams: StreamSet) -> dict[str, Any]:
        """Trains and measures; `streams` are those of the run's data set."""
        if (twin := run.twin) and (record := self.read(twin)):
            return self._copied(run, twin, record)
        begin = time.monotonic()
        recipe = self._recipe(run)
        if run.schedule != "scratch":
            self._base(run, streams)
        work = self._folder / "work" / f"{run.name}.checkpoint"
        network = fit_features(recipe, streams, work).eval()
        fitted = time.monotonic()
        frames, encoder = network.frames_per_token, network.config["encoder"]
        encode_all = torch_encoder(network)
        scored = {
            "cold": cold(streams, encode_all, frames),
            "long": long(streams, encode_all, frames, encoder["window"] * encoder["layers"] * frames),
        }
        thresholds = best_thresholds(streams, scored["cold"]) if streams.has_steps else [0.5] * len(streams.labels)
        seconds = recipe.streams.step_seconds * frames
        record = {
            "run": run.json(),
            "recipe": recipe.json(),
            **{name: figures(streams, each, seconds, thresholds) for name, each in scored.items()},
            "parameters": sum(parameter.numel() for parameter in network.parameters()),
            "seconds": {"training": round(fitted - begin, 1), "measuring": round(time.monotonic() - fitted, 1)},
        }
        if self._program is not None and run.seed == 0:
            record["program"] = self._verify(network, run, streams)
        if run.seed == 0 or (not streams.has_steps and streams.exclusive):
            with atomic_file(self._folder / "runs" / f"{run.name}.npz") as path, path.open("wb") as file:
                np.savez_compressed(file, cold=_kept(streams, scored["cold"]), long=_kept(streams, scored["long"]))
        write_json(self._folder / "runs" / f"{run.name}.json", record)
        work.unlink(missing_ok=True)
        return record

    def _copied(self, run: FeatureRun, twin: FeatureRun, record: dict[str, Any]) -> dict[str, Any]:
        """The record of a run that computes the same function from the same weights."""
        folder = self._folder / "runs"
        if (folder / f"{twin.name}.npz").exists():
            with atomic_file(folder / f"{run.name}.npz") as path:
                path.write_bytes((folder / f"{twin.name}.npz").read_bytes())
        record = {**record, "run": run.json(), "recipe": self._recipe(run).json(), "copied": twin.name}
        write_json(folder / f"{run.name}.json", record)
        return record

    def _recipe(self, run: FeatureRun) -> Any:
        return run.run_recipe(self._folder / "bases" / run.base)

    def _base(self, run: FeatureRun, streams: StreamSet) -> None:
        """The softmax training of the same shape and seed, as a model directory."""
        folder = self._folder / "bases" / run.base
        if (folder / "config.json").exists():
            return
        checkpoint = self._folder / "work" / f"base-{run.base}.checkpoint"
        recipe = run.base_recipe()
        network = fit_features(recipe, streams, checkpoint)
        with atomic_directory(folder) as fresh:
            export_features(network, recipe, streams, run.base, fresh)
        checkpoint.unlink(missing_ok=True)

    def _verify(self, network: Network, run: FeatureRun, streams: StreamSet) -> dict[str, Any]:
        """How far the program's logits are from those that were measured."""
        assert self._program is not None
        stream = np.concatenate([each.features for each in streams.of(held_out=True)[:40]])[:_VERIFIED]
        with atomic_directory(self._folder / "work" / "model") as folder:
            export_features(network, self._recipe(run), streams, "model", folder)
            found = encode(self._program, folder, stream)
        (own,) = torch_encoder(network)([stream])
        return {"largest_difference": float(np.abs(found - own).max()), "tokens": len(found)}


def _comparable(recipe: dict[str, Any], origin: str) -> dict[str, Any]:
    """What the figures of a recipe depend on: its values without the model card, with today's defaults for options that
    are newer than it, and the weights it began with by the name of their folder."""
    values = stored_recipe(recipe, origin).json()
    values.pop("card")
    return {**values, "training": {**values["training"], "initial": Path(values["training"]["initial"]).name}}


def _kept(streams: StreamSet, scored: Scored) -> np.ndarray:
    """Probabilities at the last token of each stream, or at every token if the steps have labels."""
    rows = scored.logits if streams.has_steps else [logits[-1:] for logits in scored.logits]
    return probabilities(np.concatenate(rows), streams.exclusive).astype(np.float16)
