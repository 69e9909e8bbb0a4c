"""Losses of sequences of tokens, and mixtures of sequences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from .feed import Chunk

_LABEL_SMOOTHING = 0.1
_LOGIT_WEIGHT = 0.5
_LEAST_LOGIT = -10.0  # for silence a teacher's logits are hundreds below zero, which means no more than this


# (sequences, tokens, values) of the model and of a teacher to the (sequences, tokens) loss.
TeacherLoss = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Mixture:
    """The sequences of a batch, each mixed with another one."""

    inputs: Tensor
    parts: tuple[tuple[float, Chunk], ...]  # with their shares, which sum to one

    def loss(self, logits: Tensor, teacher_loss: TeacherLoss) -> Tensor:
        """The losses of the logits (sequences, tokens, labels) against the targets of each part, by its share."""
        parts = [share * weighted_loss(logits, part, teacher_loss) for share, part in self.parts]
        return torch.stack(parts).sum()


def mixed(batch: Chunk, parameter: float) -> Mixture:
    """Mixes each sequence of a batch with another one; 0 mixes nothing.

    The share of the larger part is drawn once for the batch, from a Beta distribution of which both parameters are
    `parameter`: Zhang et al., "mixup: Beyond Empirical Risk Minimization" (arXiv 1710.09412). If the inputs are the
    outputs of frozen layers, it is Verma et al., "Manifold Mixup" (arXiv 1806.05236).
    """
    if not parameter:
        return Mixture(batch.inputs, ((1.0, batch),))
    share = float(torch.distributions.Beta(parameter, parameter).sample())
    share = max(share, 1 - share)
    others = batch.taken(torch.randperm(len(batch)))
    inputs = share * batch.inputs + (1 - share) * others.inputs
    return Mixture(inputs, ((share, batch), (1 - share, others)))


def weighted_loss(logits: Tensor, batch: Chunk, teacher_loss: TeacherLoss) -> Tensor:
    """The weighted mean of the tokens' losses, with logits (sequences, tokens, labels).

    It is the cross entropy or, if the targets are a teacher's outputs, `teacher_loss`.
    """
    if batch.labels.ndim == 3:
        return weighted_mean(teacher_loss(logits, batch.labels), batch.weights)
    loss = F.cross_entropy(logits.transpose(1, 2), batch.labels, reduction="none", label_smoothing=_LABEL_SMOOTHING)
    return weighted_mean(loss, batch.weights)


def logit_loss(logits: Tensor, target: Tensor) -> Tensor:
    """(sequences, tokens) loss against a teacher's logits.

    It is the sum of the labels' binary cross entropies, and the mean square error of the logits. The latter conveys
    which sounds are alike, even if the teacher is sure that none of them is there.
    """
    target = target.float().clamp(min=_LEAST_LOGIT)
    loss = F.binary_cross_entropy_with_logits(logits, target.sigmoid(), reduction="none").sum(-1)
    return loss + _LOGIT_WEIGHT * F.mse_loss(logits, target, reduction="none").mean(-1)


def embedding_loss(values: Tensor, target: Tensor) -> Tensor:
    """(sequences, tokens) loss against a teacher's embedding: Huber's, because some of its elements are outliers."""
    return F.smooth_l1_loss(values, target.float(), reduction="none").mean(-1)


def weighted_mean(loss: Tensor, weights: Tensor) -> Tensor:
    """The weighted mean of the tokens' losses."""
    return (loss * weights).sum() / weights.sum().clamp(min=1)
