"""The files of a model directory, which need no PyTorch."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from .errors import TrainingError
from .files import atomic_file

# What config.json says of a model for which no decision was chosen.
UNDECIDED: dict[str, Any] = {
    "activation": "softmax",
    "background": [],
    "decision": {
        "threshold": 0.5,
        "threshold_off": 0.5,
        "min_duration_ms": 0,
        "max_gap_ms": 0,
        "refractory_ms": 0,
    },
    "card": {},
}
_WEIGHTS = "model.safetensors"
# Where models are found by name, after the folder in the environment: those of this repository and the installed ones.
_FOLDERS = (
    Path(__file__).resolve().parents[2] / "models",
    Path("/usr/local/share/audio-classifierd/models"),
    Path("/usr/share/audio-classifierd/models"),
)
_CHOSEN = "AUDIO_CLASSIFIERD_MODELS"


def model_folder(name: str) -> Path:
    """The folder of a model: a path or, if there is none, the name of a model in one of the usual folders."""
    if (path := Path(name)).exists():
        return path
    chosen = [Path(os.environ[_CHOSEN])] if os.environ.get(_CHOSEN) else []
    found = (folder / name for folder in (*chosen, *_FOLDERS) if (folder / name).is_dir())
    if (folder := next(found, None)) is None:
        raise TrainingError(f"there is no model {name}: name its folder, or set {_CHOSEN} to the folder of models", 66)
    return folder


def read_model(folder: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The configuration and the tensors (float32) of a model directory."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        tensors = load_file(folder / config["weights"]["file"])
        return config, {name: tensor.astype(np.float32) for name, tensor in tensors.items()}
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise TrainingError(f"cannot read the model {folder}: {error}", 66) from error


def write_tensors(tensors: dict[str, np.ndarray], folder: Path) -> dict[str, Any]:
    """Writes model.safetensors; returns the `weights` of config.json."""
    data = save({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()})
    (folder / _WEIGHTS).write_bytes(data)
    return {"file": _WEIGHTS, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def write_json(file: Path, config: dict[str, Any]) -> None:
    """Writes a JSON file, which appears under its name only when it is complete."""
    with atomic_file(file) as path:
        path.write_text(json.dumps(config, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
