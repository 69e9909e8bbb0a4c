"""Mixtures of sequences, and their losses."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from classifier_training.errors import TrainingError
from classifier_training.feed import Chunk
from classifier_training.loss import logit_loss, mixed, weighted_loss
from classifier_training.recipe import Recipe, with_values


def batch(sequences: int = 6, tokens: int = 5, labels: int = 4) -> Chunk:
    torch.manual_seed(3)
    return Chunk(
        torch.randn(sequences, tokens, 7),
        torch.randint(labels, (sequences, tokens)),
        torch.rand(sequences, tokens),
        torch.full((sequences,), tokens - 1),
    )


def test_nothing_is_mixed_by_default() -> None:
    chunk, logits = batch(), torch.randn(6, 5, 4)
    mixture = mixed(chunk, 0.0)
    assert torch.equal(mixture.inputs, chunk.inputs)
    assert mixture.loss(logits, logit_loss) == weighted_loss(logits, chunk, logit_loss)


def test_a_mixture_is_one_sequence_and_less_of_another() -> None:
    chunk = batch()
    mixture = mixed(chunk, 0.4)
    (share, first), (rest, second) = mixture.parts
    assert 0.5 <= share <= 1 and share + rest == pytest.approx(1)
    assert torch.equal(first.inputs, chunk.inputs)
    # Every sequence is some other's part exactly once.
    indices = [int((chunk.inputs - row).abs().amax((1, 2)).argmin()) for row in second.inputs]
    assert sorted(indices) == list(range(6))
    for row, index in enumerate(indices):
        expected = share * chunk.inputs[row].numpy() + rest * chunk.inputs[index].numpy()
        np.testing.assert_allclose(mixture.inputs[row].numpy(), expected, atol=1e-6)


def test_the_loss_of_a_mixture_is_that_of_its_parts() -> None:
    chunk, logits = batch(), torch.randn(6, 5, 4)
    mixture = mixed(chunk, 0.4)
    expected = 0.0
    for share, part in mixture.parts:  # by the definition of the cross entropy, with labels smoothed by 0.1
        target = torch.full((6, 5, 4), 0.1 / 4)
        target.scatter_(2, part.labels[..., None], 0.9 + 0.1 / 4)
        loss = -(target * (logits - logits.logsumexp(2, keepdim=True))).sum(2)
        expected += share * float((loss * part.weights).sum() / part.weights.sum())
    assert float(mixture.loss(logits, logit_loss)) == pytest.approx(expected, rel=1e-5)


def test_mixing_that_cannot_be_is_refused() -> None:
    with pytest.raises(TrainingError, match="mixup"):
        with_values(Recipe(), {"training": {"mixup": -0.1}}, "here")
