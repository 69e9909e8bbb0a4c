"""Model folders as PyTorch modules: the network that trains the models of audio-classifierd."""

from __future__ import annotations

import importlib
import json
import os
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from .errors import AudioClassifierError
from .program import PACKAGE

if TYPE_CHECKING:
    from torch import nn


def load_model(folder: str | os.PathLike[str]) -> nn.Module:
    """The network of a model folder, for inference: features (batch, frames, bands) to logits (batch, tokens, labels).

    `folder` is the name of a model of this package, or a folder; a folder of such a name has a slash. Features come
    from `audio_classifier.features`. With `.double()` the logits are the program's within 1e-4. In float32 they may
    differ by a hundredth where a window is much quieter than what is around it. Needs PyTorch and safetensors (the
    extra `torch`).
    """
    try:
        load_file = importlib.import_module("safetensors.torch").load_file
        network = _network()
    except ImportError as error:
        raise AudioClassifierError(
            f"load_model needs PyTorch and safetensors ({error}): pip install 'audio-classifier[torch]'"
        ) from error
    path, shipped = Path(folder), PACKAGE / "models" / folder
    if os.sep not in os.fspath(folder) and (shipped.is_dir() or not path.is_dir()):
        path = shipped
    try:
        config = json.loads((path / "config.json").read_text(encoding="utf-8"))
        tensors = load_file(path / config["weights"]["file"])
    except (OSError, ValueError, KeyError) as error:
        raise AudioClassifierError(f"{path}: is no model folder: {error}") from error
    model: nn.Module = network.Network(config).folded()
    # The tensors of the golden test are no part of the network.
    model.load({name: tensor.float() for name, tensor in tensors.items() if not name.startswith("golden.")})
    return model.eval()


def _network() -> ModuleType:
    """The module of the network: a part of the wheel, or of the trainer's package in a source tree."""
    name = "audio_classifier.network" if (PACKAGE / "network").is_dir() else "classifier_training.model"
    return importlib.import_module(name)
