"""The model directory of docs/model-format.md."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .card import model_card
from .errors import TrainingError
from .feature_card import feature_card
from .files import atomic_file
from .model import Classifier
from .model_files import write_json, write_tensors
from .program import Program

_GOLDEN_SECONDS = 3.0
_LARGEST_LOGIT = 500.0  # float32 resolves 3e-5 there, of the 1e-4 by which the program's logits may differ


def export_model(model: Classifier, config: dict[str, Any], program: Program, folder: Path, half: bool) -> None:
    """Writes a model for audio into `folder`, with its card; its golden input is a synthetic signal."""
    weights = export_weights(model, golden_features(program), folder, half)
    write_config(folder, {**config, "weights": weights})


def export_weights(model: Classifier, features: np.ndarray, folder: Path, half: bool = False) -> dict[str, Any]:
    """Writes model.safetensors, of the folded `model`, into `folder`; returns the `weights` of config.json.

    With `half` the weights are rounded to half precision, and stored so. `features` (frames, input_width) are the
    golden input. The golden logits are computed in float64, because in float32 PyTorch is less exact than the program.
    """
    folded = model.folded().float()
    if half:
        folded.load({name: tensor.half().float() for name, tensor in folded.state_dict().items()})
    with torch.no_grad():
        exact = copy.deepcopy(folded).double()
        logits = exact(torch.from_numpy(features).double()[None])[0].float()
    largest = float(logits.abs().max())
    if not largest <= _LARGEST_LOGIT:
        raise TrainingError(
            f"the training diverged: its logits reach {largest:.3g}, and are below 100 where something was learned; "
            "train again with a lower --learning-rate and --restart"
        )
    kind = np.float16 if half else np.float32
    tensors = {name: tensor.numpy().astype(kind) for name, tensor in folded.state_dict().items()}
    return write_tensors({**tensors, "golden.features": features, "golden.logits": logits.numpy()}, folder)


def write_config(folder: Path, config: dict[str, Any]) -> None:
    """Writes config.json, and the model card made of it."""
    write_json(folder / "config.json", config)
    with atomic_file(folder / "README.md") as path:
        card = feature_card if "streams" in config["card"] else model_card
        path.write_text(card(config), encoding="utf-8")


def golden_features(program: Program) -> np.ndarray:
    """(frames, bands) of a synthetic signal: a rising tone that comes and goes, in noise."""
    rate = program.frontend.sample_rate
    time = np.arange(round(_GOLDEN_SECONDS * rate)) / rate
    frequency = np.geomspace(200, 0.4 * rate, len(time))
    tone = np.sin(2 * np.pi * np.cumsum(frequency) / rate) * np.square(np.sin(2 * np.pi * time))
    noise = np.random.default_rng(0).standard_normal(len(time))
    signal = (0.3 * tone + 0.003 * noise).astype(np.float32)
    return np.ascontiguousarray(program.features(signal[None])[0], np.float32)
