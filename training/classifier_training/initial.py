"""Starts a training from another model: for few sounds, or to continue with more of them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .errors import TrainingError
from .model import Classifier
from .model.stem import ConvolutionStem
from .model_files import model_folder, read_model
from .options import ModelOptions
from .recipe import Recipe, with_values

_BLOCKS = 9  # of YAMNet's, of a stem that is taken from another model


def adopt_initial(recipe: Recipe, given: dict[str, dict[str, Any]]) -> Recipe:
    """`recipe` with the front-end and the stem of the model that it starts from, unless it names a stem itself.

    A stem of YAMNet has at most 9 blocks, which are cheap and fit sounds of any kind, and is frozen, unless the options
    that were `given` say something else.
    """
    if not recipe.training.initial:
        return recipe
    own, folder = given.get("model", {}), model_folder(recipe.training.initial)
    if (
        recipe.model.stem != "convolution"
        or recipe.model.stem_channels != ModelOptions().stem_channels
        or "stem" in own
    ):
        return recipe
    config, _ = read_model(folder)
    layers = config["stem"].get("layers", [])
    values: dict[str, Any] = {"frontend": config["frontend"]}
    if any(layer.get("separable") for layer in layers):
        blocks = min(len(layers) - 1, _BLOCKS)
        frames = math.prod(layer["time_stride"] for layer in layers[: blocks + 1])
        values |= {"stem": "yamnet", "yamnet_blocks": blocks, "yamnet_token_frames": frames}
    elif layers:
        values |= {"stem_channels": [layer["channels"] for layer in layers]}
        values |= {f"{axis}_strides": [layer[f"{axis}_stride"] for layer in layers] for axis in ("time", "band")}
    rate = {} if "stem_rate" in given.get("training", {}) or "stem" not in values else {"stem_rate": 0.0}
    return with_values(recipe, {"model": {**values, **own}, "training": rate}, str(folder))


@torch.no_grad()
def start_from(model: Classifier, folder: Path, features: Tensor) -> None:
    """Copies the tensors of a model directory into `model`.

    If the labels differ, the head keeps its own weights. If the directory's stem is longer, only the layers of `model`
    are copied, and no tensor behind the stem, because the longer stem made other tokens. Landmarks are left out,
    because they will be computed on the new data. `features` (sequences, frames, bands) are a sample of the new data.
    The batch norms of `model` are set up on them, because a model directory has none.
    """
    config, arrays = read_model(folder)
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
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
