"""Attention over the last n tokens: exact, or low-rank with fixed landmarks."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

# Terms below the sequence's largest by more than these exponents are raised to that level. A window that has no larger
# terms then differs from its own softmax. In float64, in which models are verified, no window is affected.
_LEAST_EXPONENT = {torch.float32: -60.0, torch.float64: -600.0}


def band(tokens: int, window: int, device: torch.device | None = None) -> Tensor:
    """(tokens, tokens) boolean: token t (row) attends to token j (column) if t - window < j <= t."""
    t = torch.arange(tokens, device=device)
    return (t[None, :] <= t[:, None]) & (t[None, :] > t[:, None] - window)


def approximate_inverse(gamma: Tensor, inverse: dict[str, Any]) -> Tensor:
    """The model's inverse of Gamma (..., m, m), in float64, with gradients.

    Landmarks that do not exist have rows and columns of zeros here and in the result.
    """
    gamma = gamma.double()
    transposed = gamma.transpose(-1, -2)
    identity = torch.eye(gamma.shape[-1], dtype=torch.float64, device=gamma.device)
    if inverse["kind"] == "ridge":
        return torch.linalg.solve(transposed @ gamma + inverse["lambda"] * identity, transposed)
    row, column = gamma.sum(-1).amax(-1), gamma.sum(-2).amax(-1)
    v = transposed / (row * column)[..., None, None]
    for _ in range(inverse["iterations"]):
        kv = gamma @ v
        v = v @ (13 * identity - kv @ (15 * identity - kv @ (7 * identity - kv))) / 4
    return v


class Landmarks(nn.Module):
    """Fixed landmarks of all heads, (heads, m, d), scaled by d^(-1/4)."""

    query: Tensor
    key: Tensor
    z: Tensor

    def __init__(self, query: Tensor, key: Tensor, inverse: dict[str, Any]) -> None:
        super().__init__()
        self.register_buffer("query", query)
        self.register_buffer("key", key)
        self.inverse = inverse
        self.register_buffer("z", query.new_zeros(query.shape[0], query.shape[1], query.shape[1]), persistent=False)
        self.refresh()

    def refresh(self) -> None:
        """Computes Z from the landmarks, after they are loaded."""
        gamma = torch.softmax(self.query.double() @ self.key.double().transpose(-1, -2), -1)
        self.z = approximate_inverse(gamma, self.inverse).to(self.query.dtype)

    def forward(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor) -> Tensor:
        """o_t = softmax(q_t Kt') Z Delta_t, for q, k, v of shape (batch, heads, tokens, d)."""
        score = k @ self.query.transpose(-1, -2)  # (batch, heads, tokens, m)
        # A windowed softmax average is a ratio of sums of positive terms: nothing cancels, so that one shift
        # for the whole sequence serves all windows.
        weight = torch.exp((score - score.amax(-2, keepdim=True)).clamp(min=_LEAST_EXPONENT.get(v.dtype, -60.0)))
        terms = (weight[..., :, None] * v[..., None, :]).flatten(-2)  # (batch, heads, tokens, m * d)
        see = mask.to(v.dtype)
        delta = (see @ terms).unflatten(-1, (weight.shape[-1], v.shape[-1])) / (see @ weight)[..., None]
        beta = torch.softmax(q @ self.key.transpose(-1, -2), -1) @ self.z
        return (beta[..., None, :] @ delta).squeeze(-2)


class Attention(nn.Module):
    """Multi-head attention with a sliding window; low-rank once it has landmarks."""

    def __init__(self, width: int, heads: int, window: int) -> None:
        super().__init__()
        self.heads, self.window = heads, window
        self.query, self.key = nn.Linear(width, width), nn.Linear(width, width)
        self.value, self.output = nn.Linear(width, width), nn.Linear(width, width)
        self.landmarks: Landmarks | None = None

    def queries_and_keys(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Scaled q and k, each (batch, heads, tokens, d)."""
        q, k = self._split(self.query(x)), self._split(self.key(x))
        scale = q.shape[-1] ** -0.25
        return q * scale, k * scale

    def forward(self, x: Tensor) -> Tensor:
        """(batch, tokens, width) to the same shape."""
        (q, k), v = self.queries_and_keys(x), self._split(self.value(x))
        mask = band(x.shape[1], self.window, x.device)
        if self.landmarks is not None:
            o = self.landmarks(q, k, v, mask)
        else:
            o = torch.softmax((q @ k.transpose(-1, -2)).masked_fill(~mask, float("-inf")), -1) @ v
        return self.output(o.transpose(1, 2).flatten(2))

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)
