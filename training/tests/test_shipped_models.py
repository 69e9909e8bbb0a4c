"""The models that come with the program: PyTorch, which trained them, and the program compute the same."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from classifier_training.model import Classifier, Network
from classifier_training.program import Program

MODELS = sorted(path.parent for path in (Path(__file__).parents[2] / "models").glob("*/config.json"))
SECONDS = 30


def sound(rate: int) -> np.ndarray:
    """(1, samples): tones, chirps and bursts of noise between stretches of quiet, from a fixed seed."""
    rng = np.random.default_rng(0)
    time = np.arange(SECONDS * rate) / rate
    level = np.clip(np.sin(2 * np.pi * 0.7 * time) * np.sin(2 * np.pi * 0.11 * time), 0, 1)
    pitch = 200 + 3000 * np.abs(np.sin(2 * np.pi * 0.23 * time))
    voice = np.sin(2 * np.pi * np.cumsum(pitch) / rate)
    noise = rng.standard_normal(len(time)) * np.clip(np.sin(2 * np.pi * 0.37 * time), 0.001, 1)
    return (0.4 * level * voice + 0.1 * noise).clip(-1, 1).astype(np.float32)[None]


@pytest.mark.parametrize("folder", MODELS, ids=lambda path: path.name)
def test_pytorch_and_the_program_agree(folder: Path, program_path: Path, tmp_path: Path) -> None:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    tensors = load_file(folder / config["weights"]["file"])
    tensors = {name: tensor for name, tensor in tensors.items() if not name.startswith("golden.")}
    program = Program(program_path, config["frontend"], tmp_path / "work")
    features = program.features(sound(program.frontend.sample_rate))[0]
    observed = program.encode(folder, features)
    frontend = program.frontend
    # The trainer's network, and the one of every attention system, which the Python package loads.
    for network in Classifier, Network:
        model = network(config).folded()
        model.load(tensors)
        with torch.no_grad():
            expected = model.double()(torch.from_numpy(features).double()[None])[0].numpy()
        assert observed.shape == expected.shape
        tokens = SECONDS * frontend.sample_rate / (frontend.hop * model.frames_per_token)
        assert tokens - 2 < len(observed) <= tokens
        worst = np.abs(observed - expected).max()
        assert worst <= 1e-4, f"{folder.name}, {network.__name__}: a logit differs by {worst}"
