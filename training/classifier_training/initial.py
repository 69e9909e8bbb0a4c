"""Starts a training from another model: for few sounds, or to continue with more of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from .errors import TrainingError
from .model import Classifier
from .model.stem import ConvolutionStem


@torch.no_grad()
def start_from(model: Classifier, folder: Path, features: Tensor) -> None:
    """Copies the tensors of a model directory into `model`.

    If the labels differ, the head keeps its own weights. If the directory's stem is longer, only the layers of `model`
    are copied, and no tensor behind the stem, because the longer stem made other tokens. Landmarks are left out,
    because they will be computed on the new data. `features` (sequences, frames, bands) are a sample of the new data.
    The batch norms of `model` are set up on them, because a model directory has none.
    """
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        file = folder / config["weights"]["file"]
        tensors = {name: tensor.float() for name, tensor in load_file(file).items()}
    except (OSError, ValueError, KeyError) as error:
        raise TrainingError(f"cannot start from {folder}: {error}", 66) from error
    layers = model.config["stem"].get("layers", [])
    if len(layers) < len(config["stem"].get("layers", [])):
        config["stem"]["layers"] = config["stem"]["layers"][: len(layers)]
        kept = ("input.", *(f"stem.layers.{index}." for index in range(len(layers))))
        tensors = {name: tensor for name, tensor in tensors.items() if name.startswith(kept)}
    for key in ("frontend", "stem"):
        if config[key] != model.config[key]:
            raise TrainingError(f"cannot start from {folder}: its `{key}` differs from the recipe's", 78)
    own = model.state_dict()
    head = config["labels"] == model.config["labels"]
    fitting = {
        name: tensor
        for name, tensor in tensors.items()
        if name in own and own[name].shape == tensor.shape and (head or not name.startswith("head."))
    }
    model.load_state_dict(fitting, strict=False)
    stem = model.stem
    if isinstance(stem, ConvolutionStem):
        _unfold(stem, tensors, model.input(features))


@torch.no_grad()
def take_stem(model: Classifier, tensors: dict[str, np.ndarray]) -> None:
    """Gives `model` the convolutions of a trained stem that has no batch norms and no normalisation."""
    stem = model.stem
    assert isinstance(stem, ConvolutionStem)
    stem.fold()
    own = stem.state_dict()
    own.update({name: torch.from_numpy(tensor).float() for name, tensor in tensors.items()})
    stem.load_state_dict(own)


def _unfold(stem: ConvolutionStem, tensors: dict[str, Tensor], x: Tensor) -> None:
    """Gives each folded convolution a batch norm that, with the statistics of `x`, undoes itself."""
    x = x[:, None]
    for index in range(len(stem.layers)):
        x = stem.pad(index, x)
        parts = stem.parts(index)
        for convolutions, norms, key in parts:
            x, norm = convolutions[key](x), norms[key]
            if not isinstance(norm, nn.Identity):
                bias = tensors[f"stem.layers.{index}{f'.{key}' if len(parts) > 1 else ''}.bias"]
                norm.running_mean.copy_(x.mean((0, 2, 3)))
                norm.running_var.copy_(x.var((0, 2, 3)))
                norm.weight.copy_(torch.sqrt(norm.running_var + norm.eps))
                norm.bias.copy_(bias + norm.running_mean)
                x = x + bias[:, None, None]
            x = F.relu(x)
