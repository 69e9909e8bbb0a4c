"""The model directory of docs/model-format.md."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import save
from torch import Tensor

from .card import model_card
from .files import atomic_file
from .model import Classifier
from .program import Program

_WEIGHTS = "model.safetensors"
_GOLDEN_SECONDS = 3.0


def export_model(model: Classifier, config: dict[str, Any], program: Program, folder: Path) -> None:
    """Writes config.json and model.safetensors into `folder`; `model` is folded first, and run in float32."""
    folded = model.folded().float()
    features = golden_features(program)
    with torch.no_grad():
        logits = folded(torch.from_numpy(features)[None])[0]
    tensors: dict[str, Tensor] = {
        **folded.state_dict(),
        "golden.features": torch.from_numpy(features),
        "golden.logits": logits,
    }
    data = save({name: np.ascontiguousarray(tensor.numpy(), np.float32) for name, tensor in tensors.items()})
    (folder / _WEIGHTS).write_bytes(data)
    weights = {"file": _WEIGHTS, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    write_config(folder, {**config, "weights": weights})


def write_config(folder: Path, config: dict[str, Any]) -> None:
    """config.json, and the card that shows it."""
    with atomic_file(folder / "config.json") as path:
        path.write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    with atomic_file(folder / "README.md") as path:
        path.write_text(model_card(config), encoding="utf-8")


def golden_features(program: Program) -> np.ndarray:
    """(frames, bands) of a synthetic signal: a rising tone that comes and goes, in noise."""
    rate = program.frontend.sample_rate
    time = np.arange(round(_GOLDEN_SECONDS * rate)) / rate
    frequency = np.geomspace(200, 0.4 * rate, len(time))
    tone = np.sin(2 * np.pi * np.cumsum(frequency) / rate) * np.square(np.sin(2 * np.pi * time))
    noise = np.random.default_rng(0).standard_normal(len(time))
    signal = (0.3 * tone + 0.003 * noise).astype(np.float32)
    return np.ascontiguousarray(program.features(signal[None])[0], np.float32)
