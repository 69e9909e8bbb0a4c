"""The cost of a step of each system with a full window: multiply-adds, microseconds and memory, by the program."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from classifier_training.configuration import architecture
from classifier_training.export import export_weights
from classifier_training.model import Network
from classifier_training.model_files import write_json
from classifier_training.recipe import with_values

from ..deliver import model_config
from ..speed import bench
from .grid import FeatureRun

_WIDTH = 4  # of the input of a model of which only the shape of its layers matters


@dataclass(frozen=True)
class Cost:
    """The cost of a step of the encoder's layers."""

    attention: float  # multiply-adds of attention alone, and of whole layers
    layers: float
    median_microseconds: float  # on one thread
    state_bytes: int  # of a stream


def cost(program: Path, run: FeatureRun) -> Cost:
    """That of the run's encoder (`bench`, and `bench --operations`)."""
    times = _bench(program, run)
    return Cost(*operations(program, run), times["median_us"], times["state_bytes"])


def operations(program: Path, run: FeatureRun) -> tuple[float, float]:
    """Multiply-adds of attention alone, and of whole layers."""
    found = _bench(program, run, "--operations")
    parts = ("projections_mac", "attention_only_mac", "feed_forward_mac")
    return found["attention_only_mac"], sum(found[part] for part in parts)


def _bench(program: Path, run: FeatureRun, *options: str) -> dict[str, Any]:
    """What `bench` says of the run's encoder."""
    count = run.system.landmarks or 4
    window = run.system.window(run.window)
    values: dict[str, Any] = {
        "attention": "continual-nystrom", "landmark_update": "fixed", "landmarks": count, "layers": 1,
        "window": max(window, count), "depth": "stream",
    }  # fmt: skip
    recipe = with_values(run.data.recipe, {"model": values}, run.name)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "shape"
        folder.mkdir()
        network = Network(architecture(recipe.model, ("a", "b"), _WIDTH))
        encoder = network.config["encoder"]
        shape = (encoder["heads"], count, encoder["width"] // encoder["heads"])
        network.fix_landmarks([(torch.randn(shape), torch.randn(shape))])
        weights = export_weights(network.eval(), np.ones((3, _WIDTH), np.float32), folder)
        write_json(folder / "config.json", {**model_config(network.config, folder.name), "weights": weights})
        (folder / "README.md").write_text("A shape.\n", encoding="utf-8")
        depth = run.depth if run.layers > 1 else "window"
        shape_options = ["--model", str(folder), "--attention", run.system.kind, "--depth", depth]
        shape_options += ["--landmarks", run.system.update] if run.system.kind == "continual-nystrom" else []
        shape_options += ["--layers", str(run.layers), "--window", str(window), "--format", "json"]
        return bench(program, [*shape_options, *options])
