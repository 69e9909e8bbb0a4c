"""Fits a system to the training streams, with a budget of tokens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from classifier_training.landmarks import collect_landmarks
from classifier_training.model import Network
from classifier_training.optimiser import schedule

from .stem_features import Streams

_GRADIENT_NORM = 5.0
_SHORT_SHARE = 0.25  # of the steps of systems that recompute windows, in which the windows are not yet full
_SHORTEST = 12
_LANDMARK_STREAMS, _LANDMARK_POINTS = 24, 4000
# The layer norm of torch 1 takes no bfloat16 beside weights of float32: there everything is float32.
_MIXES_PRECISIONS = not torch.__version__.startswith("1.")


@dataclass(frozen=True)
class Budget:
    """The budget of a training; a token of a recomputed window counts like one of a stream."""

    base_tokens: int = 1_000_000  # exact attention, from random weights, over all windows in turn
    tuning_tokens: int = 60_000  # every system, from the weights of its base, over its own window
    recomputed_tokens: int = 180_000  # the same for systems that recompute windows, with a target each
    batch_tokens: int = 1536
    base_rate: float = 3e-3
    tuning_rate: float = 1e-3
    warm_up: float = 0.1
    weight_decay: float = 0.05
    dropout: float = 0.1
    label_smoothing: float = 0.1


@dataclass(frozen=True)
class Batch:
    """Inputs and targets of one step, for every token or for the last one of each row."""

    features: Tensor  # (rows, tokens, width) float32
    labels: Tensor  # (rows, tokens) or (rows,) int64
    weights: Tensor  # the same, float32


def stream_batches(streams: Streams, tokens: int, batch: int, rng: np.random.Generator) -> Iterator[Batch]:
    """Whole streams, in random order, pass after pass, until `tokens` tokens were seen."""
    count, length = streams.labels.shape
    rows = max(1, batch // length)
    order = np.zeros(0, np.int64)
    for _ in range(max(1, tokens // (rows * length))):
        if len(order) < rows:
            order = np.concatenate([order, rng.permutation(count)])
        chosen, order = torch.from_numpy(order[:rows]), order[rows:]
        yield Batch(streams.features[chosen].float(), streams.labels[chosen], streams.weights[chosen])


def window_batches(streams: Streams, window: int, tokens: int, batch: int, rng: np.random.Generator) -> Iterator[Batch]:
    """Windows for systems that recompute them.

    Most steps have full windows, whose last tokens are drawn by their weights. The other steps have the beginnings of
    streams, all of one length, with the weights of their last tokens.
    """
    count, length = streams.labels.shape
    share = streams.weights[:, window - 1 :].flatten().double().numpy()
    share /= share.sum()
    spent = 0
    while spent < tokens:
        if rng.random() < _SHORT_SHARE:
            size = int(rng.integers(min(_SHORTEST, window), window + 1))
            row, end = rng.permutation(count)[: max(1, batch // size)], np.array([size])
            end = np.broadcast_to(end, row.shape)
            weights = streams.weights[row, end - 1]
        else:
            size = window
            drawn = rng.choice(len(share), max(1, batch // size), p=share)
            row, end = np.divmod(drawn, length - window + 1)
            end = end + window
            weights = torch.ones(len(row))
        spent += len(row) * size
        yield Batch(cut_windows(streams.features, row, end, size), streams.labels[row, end - 1], weights)


def cut_windows(features: Tensor, row: np.ndarray, end: np.ndarray, size: int) -> Tensor:
    """(windows, size, width) float32: the `size` tokens before `end` of each of the streams `row`."""
    index = torch.from_numpy(end[:, None] - size + np.arange(size))
    return features[torch.from_numpy(np.asarray(row))[:, None], index].float()


def fit(
    network: Network,
    streams: Streams,
    budget: Budget,
    tokens: int,
    rate: float,
    seed: int,
    windows: tuple[int, ...] = (),
) -> float:
    """Trains `network` in place, with one of the `windows`, if any, in each step.

    Returns the mean loss over the last tenth of the steps.
    """
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    batches = (
        stream_batches(streams, tokens, budget.batch_tokens, rng)
        if network.sliding
        else window_batches(streams, network.config["encoder"]["window"], tokens, budget.batch_tokens, rng)
    )
    optimiser = _optimiser(network, budget)
    network.train()
    losses: list[float] = []
    done = 0
    for batch in batches:
        for group in optimiser.param_groups:
            group["lr"] = rate * schedule(min(1, done / tokens), budget.warm_up)
        if windows:
            network.look_back(int(rng.choice(windows)))
        with torch.autocast("cpu", torch.bfloat16, enabled=_MIXES_PRECISIONS):
            logits = network(batch.features) if network.sliding else network.newest(batch.features)
        loss = F.cross_entropy(
            logits.float().flatten(0, -2),
            batch.labels.flatten(),
            reduction="none",
            label_smoothing=budget.label_smoothing,
        )
        loss = (loss * batch.weights.flatten()).sum() / batch.weights.sum().clamp(min=1e-3)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), _GRADIENT_NORM)
        optimiser.step()
        losses.append(float(loss.detach()))
        done += batch.features.shape[0] * batch.features.shape[1]
    network.eval()
    return float(np.mean(losses[-max(1, len(losses) // 10) :]))


def choose_landmarks(exact: Network, streams: Streams, count: int, seed: int) -> list[tuple[Tensor, Tensor]]:
    """(query, key) landmarks of each layer: k-means centres of exact attention's queries and keys."""
    chosen = np.random.default_rng(seed).permutation(len(streams.features))[:_LANDMARK_STREAMS]
    features = streams.features[chosen].float()
    return collect_landmarks(exact, lambda: exact(features), count, seed, _LANDMARK_POINTS)


def _optimiser(network: Network, budget: Budget) -> torch.optim.Optimizer:
    """AdamW; biases and the weights of norms do not decay."""
    parameters = list(network.parameters())
    return torch.optim.AdamW(
        [
            {"params": [p for p in parameters if p.ndim > 1], "weight_decay": budget.weight_decay},
            {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
        ],
        foreach=True,
    )
