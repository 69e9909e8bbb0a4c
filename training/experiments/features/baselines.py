"""Simple models on the same features, which a model of streams has to beat."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from classifier_training import metrics
from classifier_training.feature_streams import FeatureStream, StreamSet

_RATE, _DECAY = 1e-3, 1e-4


def pooled(streams: tuple[FeatureStream, ...]) -> np.ndarray:
    """(streams, 2 width) the mean and the maximum over the steps of each stream."""
    steps = [np.asarray(stream.features, np.float32) for stream in streams]
    return np.stack([np.concatenate([each.mean(0), each.max(0)]) for each in steps])


def pooled_svm(streams: StreamSet) -> dict[str, Any]:
    """A support vector machine with radial basis functions on the means over each stream."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    train, test = streams.of(held_out=False), streams.of(held_out=True)
    model = make_pipeline(StandardScaler(), SVC(C=1.0))
    width = streams.width
    model.fit(pooled(train)[:, :width], [(stream.labels or ())[0] for stream in train])
    right = model.predict(pooled(test)[:, :width]) == np.array([(stream.labels or ())[0] for stream in test])
    return {"accuracy": round(float(right.mean()), 4)}


def pooled_hidden_layer(streams: StreamSet, hidden: int = 512, epochs: int = 20, seed: int = 0) -> dict[str, Any]:
    """One hidden layer on the mean and the maximum over each stream, trained with Adam."""
    train, test = streams.of(held_out=False), streams.of(held_out=True)
    x, other = pooled(train), pooled(test)
    mean, scale = x.mean(0), 1 / np.maximum(x.std(0), 1e-3)
    truth = np.stack([streams.positive(stream)[0] for stream in train])
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(x.shape[1], hidden), nn.ReLU(), nn.Dropout(0.5), nn.Linear(hidden, truth.shape[1]))
    _fit(model, (x - mean) * scale, truth, np.ones(truth.shape, bool), epochs, seed)
    scores = _scores(model, (other - mean) * scale)
    found = metrics.mean_average_precision(scores, np.stack([streams.positive(stream)[0] for stream in test]))
    return {"mean_average_precision": round(found.mean, 4)}


def linear_steps(streams: StreamSet, epochs: int = 20, seed: int = 0) -> dict[str, Any]:
    """A linear model of single steps."""
    sides = []
    for held_out in (False, True):
        of = streams.of(held_out=held_out)
        sides.append(
            (
                np.concatenate([np.asarray(stream.features, np.float32) for stream in of]),
                np.concatenate([streams.positive(stream) for stream in of]),
                np.concatenate([streams.judged(stream) for stream in of]),
            )
        )
    (x, truth, known), (other, positive, judged) = sides
    mean, scale = x.mean(0), 1 / np.maximum(x.std(0), 1e-3)
    torch.manual_seed(seed)
    model = nn.Linear(x.shape[1], truth.shape[1])
    _fit(model, (x - mean) * scale, truth, known, epochs, seed)
    scores = _scores(model, (other - mean) * scale)
    values = [
        metrics.average_precision(scores[judged[:, label], label], positive[judged[:, label], label])
        for label in range(len(streams.labels))
    ]
    labels = {label: round(value, 4) for label, value in zip(streams.labels, values)}
    return {"mean_average_precision": round(float(np.nanmean(values)), 4), "labels": labels}


BASELINES = {
    "gtzan-taggram": ("support vector machine on the mean over a track", pooled_svm),
    "audioset-vggish": ("one hidden layer on mean and maximum over a clip", pooled_hidden_layer),
    "audioset-strong": ("linear model a second", linear_steps),
}


def _fit(model: nn.Module, x: np.ndarray, truth: np.ndarray, known: np.ndarray, epochs: int, seed: int) -> None:
    optimiser = torch.optim.Adam(model.parameters(), _RATE, weight_decay=_DECAY)
    rng = np.random.default_rng(seed)
    model.train()
    for _ in range(epochs):
        for part in np.array_split(rng.permutation(len(x)), max(1, len(x) // 256)):
            logits = model(torch.from_numpy(x[part]))
            target, mask = torch.from_numpy(truth[part]).float(), torch.from_numpy(known[part]).float()
            loss = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
            loss = (loss * mask).sum() / len(part)  # a sum over labels: of a mean the decay would be most
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    model.eval()


@torch.no_grad()
def _scores(model: nn.Module, x: np.ndarray) -> np.ndarray:
    return np.concatenate([model(part).numpy() for part in torch.from_numpy(x).split(8192)])
