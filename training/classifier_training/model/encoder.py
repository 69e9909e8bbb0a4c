"""The encoder from tokens to context vectors: transformer layers, each with a window of the last n tokens."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from .attention import Attention


class EncoderLayer(nn.Module):
    """Attention and feed-forward part, with layer norms before (`pre`) or after (`post`) each."""

    def __init__(self, encoder: dict[str, Any], dropout: float) -> None:
        super().__init__()
        width, hidden = encoder["width"], encoder["feed_forward"]
        self.pre = encoder["norm"] == "pre"
        self.attention: Any = Attention(width, encoder["heads"], encoder["window"])
        self.feed_forward = nn.ModuleDict({"in": nn.Linear(width, hidden), "out": nn.Linear(hidden, width)})
        self.norm_attention, self.norm_feed_forward = nn.LayerNorm(width), nn.LayerNorm(width)
        self.activation = nn.GELU() if encoder["activation"] == "gelu" else nn.ReLU()
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, tokens, width) to the same shape."""
        if self.pre:
            x = x + self.dropout(self.attention(self.norm_attention(x)))
            return x + self.dropout(self._feed_forward(self.norm_feed_forward(x)))
        x = self.norm_attention(x + self.dropout(self.attention(x)))
        return self.norm_feed_forward(x + self.dropout(self._feed_forward(x)))

    def newest(self, x: Tensor) -> Tensor:
        """The last row of one window, whose rows all attend to all: (batch, tokens, width) to (batch, 1, width)."""
        row = x[:, -1:]
        if self.pre:
            row = row + self.dropout(self.attention.newest(self.norm_attention(x)))
            return row + self.dropout(self._feed_forward(self.norm_feed_forward(row)))
        row = self.norm_attention(row + self.dropout(self.attention.newest(x)))
        return self.norm_feed_forward(row + self.dropout(self._feed_forward(row)))

    def _feed_forward(self, x: Tensor) -> Tensor:
        return self.feed_forward["out"](self.activation(self.feed_forward["in"](x)))


class Encoder(nn.Module):
    """The layers, with the position encoding before them and, for `pre`, the norm after them."""

    layers: Any  # of EncoderLayer

    def __init__(self, encoder: dict[str, Any], dropout: float, token_dropout: float = 0.0) -> None:
        """`token_dropout` is the share of the tokens that are hidden in training, so that no single token decides."""
        super().__init__()
        self.token_dropout = token_dropout
        self.layers = nn.ModuleList(EncoderLayer(encoder, dropout) for _ in range(encoder["layers"]))
        self.norm = nn.LayerNorm(encoder["width"]) if encoder["norm"] == "pre" else nn.Identity()
        position = encoder["position"]
        self.period = position["period"] if position["kind"] == "recycling" else 0
        if self.period:
            self.position = nn.Parameter(0.02 * torch.randn(self.period, encoder["width"]))
        self.dropout = nn.Dropout(dropout)

    def positioned(self, x: Tensor) -> Tensor:
        """Tokens (batch, tokens, width) of a stream from its beginning, with their positions added."""
        if self.period:
            return x + self.position[torch.arange(x.shape[1], device=x.device) % self.period]
        return x

    def forward(self, x: Tensor) -> Tensor:
        """(batch, tokens, width) to the same shape."""
        x = self.positioned(x)
        if self.training and self.token_dropout:
            x = x * (torch.rand(*x.shape[:2], 1, device=x.device) >= self.token_dropout)
        x = self.dropout(x)
        for layer in self.layers:
            x = layer(x)
        return self.norm(x)
