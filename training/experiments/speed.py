"""The cost of a step of each system, measured by the program: multiply-adds, microseconds and memory."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from classifier_training.errors import TrainingError
from classifier_training.model import Network
from classifier_training.model_files import write_json
from classifier_training.progress import bar

from .deliver import deliver
from .grid import LAYERS, SYSTEMS, WINDOWS, Configuration, System, network_config

_WIDTH = 8  # of the input of models of which only the shape matters


@dataclass(frozen=True)
class Cost:
    """The cost of one step of the encoder's layers, with a full window."""

    multiply_adds: float
    median_microseconds: float
    p99_microseconds: float
    largest_microseconds: float
    state_bytes: int


@dataclass(frozen=True)
class Speed:
    """The costs of all systems on one machine."""

    kernels: str
    costs: dict[str, Cost]  # by `key`

    def of(self, configuration: Configuration) -> Cost:
        return self.costs[key(configuration)]


def key(configuration: Configuration) -> str:
    """The values on which the cost of a step depends."""
    return f"{configuration.system.slug}-layers-{configuration.layers}-window-{configuration.nominal_window}"


def measured_speed(program: Path, work: Path) -> Speed:
    """Reads `speed.json` in `work`, or measures, which needs an idle machine."""
    file = work / "speed.json"
    if not file.exists():
        write_json(file, _measure(program, work))
    values = json.loads(file.read_text(encoding="utf-8"))
    return Speed(values["kernels"], {name: Cost(**cost) for name, cost in values["costs"].items()})


def _measure(program: Path, work: Path) -> dict[str, Any]:
    costs: dict[str, Any] = {}
    kernels = ""
    shapes = [(system, layers, window) for system in SYSTEMS for layers in LAYERS for window in WINDOWS]
    for system, layers, window in bar(shapes, len(shapes), "speed"):
        configuration = Configuration("", system, layers, window, 0)
        model = _shape(system.landmarks, work / "shapes")
        options = ["--model", str(model), "--attention", system.kind, "--depth", configuration.depth]
        options += ["--landmarks", system.update] if system.update else []
        options += ["--layers", str(layers), "--window", str(configuration.window), "--format", "json"]
        times = bench(program, options)
        counts = bench(program, [*options, "--operations"])
        kernels = times["kernels"]
        parts = ("projections_mac", "attention_only_mac", "feed_forward_mac")
        costs[key(configuration)] = {
            "multiply_adds": sum(counts[part] for part in parts),
            "median_microseconds": times["median_us"],
            "p99_microseconds": times["p99_us"],
            "largest_microseconds": times["max_us"],
            "state_bytes": times["state_bytes"],
        }
    return {"kernels": kernels, "costs": costs}


def bench(program: Path, options: list[str]) -> dict[str, Any]:
    result = subprocess.run([str(program), "bench", *options], capture_output=True, text=True)
    lines = result.stdout.splitlines()
    if result.returncode or len(lines) != 1:
        raise TrainingError(f"{program.name} bench {' '.join(options)} failed: {result.stderr.strip()}", 70)
    return dict(json.loads(lines[0]))


def _shape(landmarks: int, folder: Path) -> Path:
    """A model directory with the shape of the experiment's encoders and this number of landmarks (0: any)."""
    count = landmarks or 8
    model = folder / f"landmarks-{count}"
    if not (model / "config.json").exists():
        model.mkdir(parents=True, exist_ok=True)
        configuration = Configuration("", System("continual-nystrom", "fixed", count), 1, 25, 0)
        network = Network(network_config(configuration, ("a", "b"), _WIDTH), 0.0)
        network.fix_landmarks([(torch.randn(4, count, 32), torch.randn(4, count, 32))])
        deliver(network.eval(), model)
    return model
