"""Writes models of the experiment as model directories, which the program runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from classifier_training.export import export_weights
from classifier_training.model import Network
from classifier_training.model_files import UNDECIDED, write_json

_GOLDEN_TOKENS = 40


def deliver(network: Network, folder: Path) -> None:
    """Writes `network` into `folder`, whose name is the model's."""
    features = np.random.default_rng(0).standard_normal((_GOLDEN_TOKENS, network.config["input_width"]))
    with torch.no_grad():
        weights = export_weights(network, features.astype(np.float32), folder)
    write_json(folder / "config.json", {**model_config(network.config, folder.name), "weights": weights})
    (folder / "README.md").write_text("A model of the retention experiment: docs/results.md\n", encoding="utf-8")


def model_config(network: dict[str, Any], name: str) -> dict[str, Any]:
    """config.json without its weights."""
    return {
        "format_version": 1,
        "name": name,
        "description": "A model of the retention experiment (docs/results.md), for reduced features of a stem.",
        "licence": "LicenseRef-experiment",
        **network,
        **UNDECIDED,
        "golden": {"tolerance": 1e-4},
    }
