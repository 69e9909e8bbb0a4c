"""The figures of the held-out clips after each epoch, by which the best one is chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from .feed import Chunk
from .loss import TeacherLoss, weighted_loss
from .metrics import mean_average_precision
from .model import Classifier

_BATCH = 128


@dataclass(frozen=True)
class Criterion:
    """A figure from 0 to 1, of the logits (clips, labels) and the targets of the tokens at which clips are decided."""

    name: str
    of: Callable[[Tensor, Tensor], float]


def _share_right(logits: Tensor, targets: Tensor) -> float:
    """The share of the clips whose most probable label is the target, or a teacher's most probable one."""
    best = targets if targets.ndim == 1 else targets.argmax(-1)
    return int((logits.argmax(-1) == best).sum()) / len(best)


def _mean_precision(logits: Tensor, targets: Tensor) -> float:
    """The mean average precision over the labels, of targets (clips, labels) of which any number is one."""
    return mean_average_precision(logits.numpy(), targets.numpy() > 0.5).mean


ACCURACY = Criterion("accuracy", _share_right)
MEAN_PRECISION = Criterion("mean average precision", _mean_precision)


@torch.no_grad()
def measure(
    model: Classifier,
    chunks: Iterable[Chunk],
    logits_of: Callable[[Classifier, Tensor], Tensor],
    criterion: Criterion,
    teacher_loss: TeacherLoss,
) -> tuple[float, float]:
    """The figure of the clips, and the mean loss of the sequences; zeros without a clip."""
    decided: list[Tensor] = []
    targets: list[Tensor] = []
    loss = 0.0
    for chunk in chunks:
        for batch in chunk.batches(_BATCH, model.device):
            row = torch.arange(len(batch), device=model.device)
            logits = logits_of(model, batch.inputs).float()
            decided.append(logits[row, batch.last].cpu())
            targets.append(batch.labels[row, batch.last].cpu())
            loss += float(weighted_loss(logits, batch, teacher_loss)) * len(batch)
    if not decided:
        return 0.0, 0.0
    found = torch.cat(decided)
    return criterion.of(found, torch.cat(targets)), loss / len(found)
