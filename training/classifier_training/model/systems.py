"""Every attention system over whole streams at once, block by block, or over single windows.

The program computes the same token by token.

A stream is cut into blocks of queries. A block's keys are its span: the block itself and the window of its first query.
If the block is a segment of moving landmarks, all of its queries share their landmarks.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from .attention import Attention, Landmarks, approximate_inverse

_UNSEEN = -1e9  # the score of a masked key
# Terms below the span's largest by more than these exponents are raised to that level, whose square is still a number
# of the type. A window of the span that has no larger terms then differs from its own softmax.
_LEAST_EXPONENT = {torch.float32: -40.0, torch.float64: -300.0}


def exact(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
    """Softmax attention in the precision of v; q and k are scaled, the mask is true where a query attends to a key."""
    score = q.to(v.dtype) @ k.to(v.dtype).transpose(-1, -2)
    if mask is not None:
        # Added: several times faster than `masked_fill`, above all backwards.
        score = score + torch.zeros(mask.shape, dtype=score.dtype, device=mask.device).masked_fill_(~mask, _UNSEEN)
    return torch.softmax(score, -1) @ v


def low_rank(
    blocks: Blocks,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    query: Tensor,
    key: Tensor,
    z: Tensor,
    real: Tensor | None,
) -> Tensor:
    """softmax(q Kt') Z Delta of each query, with Delta over the keys of its window.

    q, k, v (..., tokens, d); landmarks query, key (..., blocks or 1, m, d); z (..., blocks or 1, m, m);
    real (blocks, m): which landmarks exist.
    """
    mask, q, k, v = blocks.mask, blocks.queries(q), blocks.spans(k), blocks.spans(v)
    score = k @ query.transpose(-1, -2)  # (..., blocks, span, m)
    score = score.masked_fill(~blocks.exists[..., None], -math.inf)
    weight = torch.exp((score - score.amax(-2, keepdim=True)).clamp(min=_LEAST_EXPONENT.get(score.dtype, -40.0)))
    total = mask.to(weight.dtype) @ weight  # (..., blocks, size, m)
    beta = q @ key.transpose(-1, -2)
    if real is not None:
        beta = beta.masked_fill(~real[..., None, :], -math.inf)
    share = (torch.softmax(beta, -1) @ z) / total
    # The weight of each key's value, with landmarks and keys together, needs no sum over m vectors of values. It is the
    # expensive part, and has the precision of the values.
    counts = share.to(v.dtype) @ weight.to(v.dtype).transpose(-1, -2)
    return (counts * mask.to(v.dtype)) @ v


def nystrom(rows: Tensor, k: Tensor, v: Tensor, query: Tensor, key: Tensor, z: Tensor) -> Tensor:
    """softmax(q Kt') Z Delta of the queries `rows`, with Delta over all keys k; arguments are (..., tokens or m, d)."""
    delta = torch.softmax(query @ k.transpose(-1, -2), -1).to(v.dtype) @ v
    return torch.softmax(rows @ key.transpose(-1, -2), -1) @ (z @ delta.to(rows.dtype))


class Blocks:
    """A stream of `tokens` cut into blocks of `size` queries, each with a span of window + size - 1 keys."""

    def __init__(
        self, tokens: int, window: int, size: int, offset: int = 0, device: torch.device | None = None
    ) -> None:
        """`offset` is the number of positions of the first block before the first token."""
        self.count = -(-(tokens + offset) // size)
        self._tokens, self._offset = tokens, offset
        self._before, self._size = window - 1, size
        self._after = self.count * size - tokens - offset
        self._span = window + size - 1
        query = torch.arange(size, device=device)[:, None] + window - 1
        position = torch.arange(self._span, device=device)[None, :]
        seen = (position <= query) & (position > query - window)
        token = torch.arange(self.count, device=device)[:, None] * size + position - self._before - offset
        exists = (token >= 0) & (token < tokens)
        self.exists = exists  # (blocks, span)
        # A query that is no token attends to itself, so that nothing is divided by zero.
        self.mask = seen & (exists[:, None, :] | (position == query))  # (blocks, size, span)

    def queries(self, x: Tensor) -> Tensor:
        """(..., tokens, d) to (..., blocks, size, d)."""
        return F.pad(x, (0, 0, self._offset, self._after)).unflatten(-2, (self.count, self._size))

    def spans(self, x: Tensor) -> Tensor:
        """(..., tokens, d) to (..., blocks, span, d)."""
        padded = F.pad(x, (0, 0, self._before + self._offset, self._after))
        return padded.unfold(-2, self._span, self._size).transpose(-1, -2)

    def join(self, x: Tensor) -> Tensor:
        """(..., blocks, size, d) to (..., tokens, d)."""
        return x.flatten(-3, -2)[..., self._offset : self._offset + self._tokens, :]


def block_size(tokens: int, window: int) -> int:
    """One block if the window is long, else blocks of about a window, so that few masked pairs are computed."""
    return tokens if 2 * window >= tokens else max(window, 16)


def segment_means(x: Tensor, segment: int) -> Tensor:
    """(..., tokens, d) to the means of complete segments (..., segments, d)."""
    count = x.shape[-2] // segment
    return x[..., : count * segment, :].unflatten(-2, (count, segment)).mean(-2)


class SystemAttention(Attention):
    """The attention of a configuration's `attention` object.

    With `sliding` each token attends to the newest `window` tokens, itself included. Without it there is one window, in
    which all tokens attend to all.
    """

    def __init__(self, width: int, heads: int, window: int, attention: dict[str, Any], sliding: bool) -> None:
        super().__init__(width, heads, window)
        self.kind, self.sliding = attention["kind"], sliding
        self.moving = attention.get("landmarks") == "continual"
        self.count = attention.get("count", 0)
        self.inverse = attention.get("inverse")
        self.is_exact = False  # softmax attention in place of the system's, for its first training
        # Without `sliding`: the landmarks of moving segments, if they are older than the window; of the last call else.
        self.given: tuple[Tensor, Tensor] | None = None
        self.used: tuple[Tensor, Tensor] | None = None

    def fix(self, query: Tensor, key: Tensor) -> None:
        """Sets fixed landmarks (heads, m, d)."""
        assert self.inverse is not None
        self.landmarks = Landmarks(query, key, self.inverse)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, tokens, width) to the same shape."""
        q, k, v = self._parts(x)
        with torch.autocast(x.device.type, enabled=False):
            o = self.attend(q, k, v)
        return self._join(o)

    def newest(self, x: Tensor) -> Tensor:
        """The last row of one window: (batch, tokens, width) to (batch, 1, width)."""
        q, k, v = self._parts(x)
        with torch.autocast(x.device.type, enabled=False):
            o = self.window_rows(q[..., -1:, :], q, k, v)
        return self._join(o)

    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """The attention of all tokens; arguments and result are (batch, heads, tokens, d)."""
        if not self.sliding:
            return self.window_rows(q, q, k, v)
        if self.moving and not self.is_exact:
            return self._moving(q, k, v)
        blocks = Blocks(q.shape[-2], self.window, block_size(q.shape[-2], self.window), device=q.device)
        if self.landmarks is None or self.is_exact:
            return blocks.join(exact(blocks.queries(q), blocks.spans(k), blocks.spans(v), blocks.mask))
        query, key, z = (part[:, None] for part in (self.landmarks.query, self.landmarks.key, self.landmarks.z))
        return blocks.join(low_rank(blocks, q, k, v, query, key, z, None))

    def window_rows(self, rows: Tensor, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """The attention of some rows of a window with the tokens q, k and v.

        Landmarks are fixed, or `given`, or means of the window's complete segments; without any, attention is exact.
        """
        if self.is_exact:
            return exact(rows, k, v, None)
        if self.landmarks is not None:
            return nystrom(rows, k, v, self.landmarks.query, self.landmarks.key, self.landmarks.z)
        moving = self.kind == "nystromformer" or self.moving
        segment = self.window // self.count if moving else 0
        if self.given is None and (not segment or q.shape[-2] < segment):
            self.used = None
            return exact(rows, k, v, None)
        self.used = self.given or (segment_means(q, segment), segment_means(k, segment))
        query, key = self.used
        gamma = torch.softmax(query @ key.transpose(-1, -2), -1)
        assert self.inverse is not None
        return nystrom(rows, k, v, query, key, approximate_inverse(gamma, self.inverse).to(q.dtype))

    def _moving(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """The attention with the landmarks of the last `count` complete segments.

        Token t has the position t + 1; it completes a segment if the segment's length divides t + 1. The positions of a
        block have the same landmarks.
        """
        segment, tokens = self.window // self.count, q.shape[-2]
        warm_up = min(segment - 1, tokens)  # tokens before the first segment is complete
        first = torch.ones(warm_up, warm_up, dtype=torch.bool, device=q.device).tril()
        start = exact(q[..., :warm_up, :], k[..., :warm_up, :], v[..., :warm_up, :], first)
        if tokens <= warm_up:
            return start
        blocks = Blocks(tokens, self.window, segment, 1, q.device)
        query, key = (self._last_segments(segment_means(part, segment), blocks.count) for part in (q, k))
        block, landmark = (torch.arange(count, device=q.device) for count in (blocks.count, self.count))
        index = block[:, None] - self.count + landmark
        real = index >= 0  # (blocks, m)
        # Block 0, whose tokens are in `start`, gets a landmark too, so that it does not divide by zero.
        real[0, -1] = True
        gamma = (query @ key.transpose(-1, -2)).masked_fill(~real[:, None, :], -math.inf)
        gamma = torch.softmax(gamma, -1).masked_fill(~real[:, :, None], 0)
        assert self.inverse is not None
        z = approximate_inverse(gamma, self.inverse).to(q.dtype)
        o = low_rank(blocks, q, k, v, query, key, z, real)
        return torch.cat([start, blocks.join(o)[..., warm_up:, :]], -2)

    def _last_segments(self, means: Tensor, blocks: int) -> Tensor:
        """(..., segments, d) to the last `count` of them before each block, (..., blocks, count, d)."""
        padded = F.pad(means, (0, 0, self.count, 0))[..., : blocks + self.count - 1, :]
        return padded.unfold(-2, self.count, 1).transpose(-1, -2)

    def _parts(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Scaled q, k and v; q and k at least in single precision if their exponentials are divided."""
        (q, k), v = self.queries_and_keys(x), self._split(self.value(x))
        precise = torch.promote_types(q.dtype, torch.float32)
        return (q.to(precise), k.to(precise), v) if self.count else (q, k, v)

    def _join(self, o: Tensor) -> Tensor:
        return self.output(o.to(self.value.weight.dtype).transpose(1, 2).flatten(2))
