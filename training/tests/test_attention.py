"""The parallel forward pass against the definitions of docs/model-format.md, token by token in float64."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from classifier_training.model.attention import Attention, Landmarks, approximate_inverse

WIDTH, HEADS, WINDOW, MARKS, TOKENS = 16, 4, 5, 3, 23
RIDGE = {"kind": "ridge", "lambda": 1e-2}
NEWTON = {"kind": "newton-schulz", "iterations": 6}


def make(spread: float = 1.0) -> tuple[Attention, Tensor]:
    torch.manual_seed(1)
    return Attention(WIDTH, HEADS, WINDOW).double(), spread * torch.randn(2, TOKENS, WIDTH, dtype=torch.float64)


def with_landmarks(attention: Attention, inverse: dict) -> Attention:
    shape = (HEADS, MARKS, WIDTH // HEADS)
    query, key = (torch.randn(shape, dtype=torch.float64) for _ in range(2))
    attention.landmarks = Landmarks(query, key, inverse)
    return attention


def token_by_token(attention: Attention, x: Tensor) -> Tensor:
    """The definition: for each token and head, a softmax over the tokens of its window."""
    d = WIDTH // HEADS
    out = []
    for t in range(len(x)):
        seen = x[max(0, t - WINDOW + 1) : t + 1]
        heads = []
        for h in range(HEADS):
            part = slice(h * d, h * d + d)
            q = attention.query(x[t])[part] * d**-0.25
            k = attention.key(seen)[:, part] * d**-0.25
            v = attention.value(seen)[:, part]
            if attention.landmarks is None:
                heads.append(torch.softmax(k @ q, 0) @ v)
                continue
            qt, kt = attention.landmarks.query[h], attention.landmarks.key[h]
            gamma = torch.softmax(qt @ kt.T, -1)
            z = reference_inverse(gamma, attention.landmarks.inverse)
            heads.append(torch.softmax(kt @ q, 0) @ z @ torch.softmax(qt @ k.T, -1) @ v)
        out.append(attention.output(torch.cat(heads)))
    return torch.stack(out)


def reference_inverse(gamma: Tensor, inverse: dict) -> Tensor:
    identity = torch.eye(len(gamma), dtype=gamma.dtype)
    if inverse["kind"] == "ridge":
        return torch.linalg.inv(gamma.T @ gamma + inverse["lambda"] * identity) @ gamma.T
    v = gamma.T / (gamma.sum(1).max() * gamma.sum(0).max())
    for _ in range(inverse["iterations"]):
        v = v / 4 @ (13 * identity - gamma @ v @ (15 * identity - gamma @ v @ (7 * identity - gamma @ v)))
    return v


@pytest.mark.parametrize("inverse", [None, RIDGE, NEWTON], ids=["exact", "ridge", "newton-schulz"])
@pytest.mark.parametrize("spread", [1.0, 4.0])
def test_windowed_attention_is_the_definition(inverse: dict | None, spread: float) -> None:
    attention, x = make(spread)
    if inverse is not None:
        with_landmarks(attention, inverse)
    expected = torch.stack([token_by_token(attention, sequence) for sequence in x])
    assert torch.allclose(attention(x), expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("inverse", [None, RIDGE], ids=["exact", "landmarks"])
def test_a_token_sees_only_its_window(inverse: dict | None) -> None:
    attention, x = make()
    if inverse is not None:
        with_landmarks(attention, inverse)
    changed = x.clone()
    changed[:, 10] += 1.0
    differs = ((attention(x) - attention(changed)).abs().amax((0, 2)) > 1e-9).nonzero().flatten().tolist()
    assert differs == list(range(10, 10 + WINDOW))


def test_float32_low_rank_attention_survives_an_outlier() -> None:
    attention, x = make()
    with_landmarks(attention, RIDGE)
    x[:, 7] *= 12
    expected = attention(x)
    observed = attention.float()(x.float())
    assert torch.isfinite(observed).all()
    assert (observed - expected).abs().max() < 1e-3 * expected.abs().max()


def test_ridge_inverse_of_an_orthogonal_matrix_is_nearly_its_transpose() -> None:
    gamma = torch.eye(4, dtype=torch.float64).expand(2, 4, 4)
    assert torch.allclose(approximate_inverse(gamma, {"kind": "ridge", "lambda": 1e-6}), gamma, atol=1e-5)
