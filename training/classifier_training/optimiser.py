"""The optimiser of a training, and its learning rate."""

from __future__ import annotations

import math

import torch
from torch import nn

from .model import Classifier
from .model.stem import ConvolutionStem
from .options import TrainingOptions


def adam_w(model: Classifier, options: TrainingOptions, rate: float) -> torch.optim.Optimizer:
    """AdamW; biases and the weights of norms do not decay."""
    of_stem = convolutions(model, model.stem.depth)
    others = [p for p in model.parameters() if not any(p is each for each in of_stem)]
    groups = []
    for parameters, share in ((others, 1.0), (of_stem, options.stem_rate)):
        matrices, vectors = [p for p in parameters if p.ndim > 1], [p for p in parameters if p.ndim <= 1]
        groups.append({"params": matrices, "weight_decay": options.weight_decay, "share": share})
        groups.append({"params": vectors, "weight_decay": 0.0, "share": share})
    return torch.optim.AdamW(groups, lr=rate)


def convolutions(model: Classifier, layers: int) -> list[nn.Parameter]:
    """The parameters of the stem's first layers."""
    stem = model.stem
    if not isinstance(stem, ConvolutionStem):
        return []
    return [*stem.layers[:layers].parameters(), *stem.norms[:layers].parameters()]


def schedule(done: float, warm_up: float) -> float:
    """Share of the peak learning rate after the share `done` of a phase: it rises linearly, and falls as a cosine."""
    if done < warm_up:
        return done / warm_up + 1e-3
    return 0.5 * (1 + math.cos(math.pi * (done - warm_up) / (1 - warm_up))) + 1e-3
