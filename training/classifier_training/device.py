"""The processor that a model is trained on: a graphics card with CUDA, or the CPU."""

from __future__ import annotations

import torch

from .errors import TrainingError
from .progress import say

DEVICES = ("auto", "cpu", "cuda")


def training_device(name: str) -> torch.device:
    """The device of `--device`. With `auto` it is a graphics card if PyTorch can use one."""
    if name == "cpu" or (name == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu")
    if not torch.cuda.is_available():
        built = "finds no graphics card" if torch.version.cuda else "is built without CUDA"
        raise TrainingError(
            f"--device cuda: PyTorch {torch.__version__} {built} here; use --device cpu, or install PyTorch for your "
            "card (https://pytorch.org/get-started/locally)",
            64,
        )
    say(f"training on {torch.cuda.get_device_name()}")
    return torch.device("cuda")
