"""Losses of sequences of tokens, and sequences mixed with each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from .feed import Chunk

_LOGIT_WEIGHT = 0.5
_LEAST_LOGIT = -10.0  # of silence a teacher's logits are hundreds below zero, which says no more than this


# (sequences, tokens, values) of the model and of a teacher to the (sequences, tokens) loss.
Teach = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Mixture:
    """Sequences of a batch, each with another one mixed in."""

    inputs: Tensor
    parts: tuple[tuple[float, Chunk], ...]  # with their shares, which sum to one

    def loss(self, logits: Tensor, smoothing: float, teach: Teach) -> Tensor:
        """What the logits (sequences, tokens, labels) lack of what each part says, by its share."""
        parts = [share * weighted_loss(logits, part, smoothing, teach) for share, part in self.parts]
        return torch.stack(parts).sum()


def mixed(batch: Chunk, parameter: float) -> Mixture:
    """Each sequence of a batch mixed with another of it; the share of the larger part is drawn from a Beta distribution
    whose parameters both are `parameter`, once for the batch; 0 mixes nothing.

    Zhang et al., "mixup: Beyond Empirical Risk Minimization" (arXiv 1710.09412); where the inputs are what layers
    that do not learn make of sounds, it is Verma et al., "Manifold Mixup" (arXiv 1806.05236).
    """
    if not parameter:
        return Mixture(batch.inputs, ((1.0, batch),))
    share = float(torch.distributions.Beta(parameter, parameter).sample())
    share = max(share, 1 - share)
    others = batch.taken(torch.randperm(len(batch)))
    inputs = share * batch.inputs + (1 - share) * others.inputs
    return Mixture(inputs, ((share, batch), (1 - share, others)))


def weighted_loss(logits: Tensor, batch: Chunk, smoothing: float, teach: Teach) -> Tensor:
    """Mean loss of the tokens, each with its weight: the cross entropy, or `teach` of what a teacher says in the place
    of labels. Logits are (sequences, tokens, labels)."""
    if batch.labels.ndim == 3:
        return weighted_mean(teach(logits, batch.labels), batch.weights)
    loss = F.cross_entropy(logits.transpose(1, 2), batch.labels, reduction="none", label_smoothing=smoothing)
    return weighted_mean(loss, batch.weights)


def teacher_loss(logits: Tensor, taught: Tensor) -> Tensor:
    """(sequences, tokens) loss against a teacher's logits: the binary cross entropy of each label for itself, summed,
    and the logits' own mean square error, which teaches what sounds have in common where the teacher is sure that they
    are not there."""
    target = taught.float().clamp(min=_LEAST_LOGIT)
    loss = F.binary_cross_entropy_with_logits(logits, target.sigmoid(), reduction="none").sum(-1)
    return loss + _LOGIT_WEIGHT * F.mse_loss(logits, target, reduction="none").mean(-1)


def embedding_loss(values: Tensor, taught: Tensor) -> Tensor:
    """(sequences, tokens) loss against a teacher's embedding: Huber's, since some of its elements are far off."""
    return F.smooth_l1_loss(values, taught.float(), reduction="none").mean(-1)


def weighted_mean(loss: Tensor, weights: Tensor) -> Tensor:
    """The mean of the tokens' losses, each with its weight."""
    return (loss * weights).sum() / weights.sum().clamp(min=1)
