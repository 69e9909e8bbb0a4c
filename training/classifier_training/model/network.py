"""The network with any attention system, over whole streams or over windows."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .classifier import Classifier, newest_mean
from .systems import SystemAttention


class Network(Classifier):
    """The network from features to logits. Its tensors are those of the model format.

    `sliding` is whether every layer has one output a token, from its own past. Otherwise the network sees windows
    (depth `window`). With `windows` the input is one of them, as in training, and the last row of the result counts.
    """

    def __init__(
        self, config: dict[str, Any], dropout: float = 0.0, token_dropout: float = 0.0, windows: bool = False
    ) -> None:
        super().__init__(config, dropout, token_dropout)
        encoder = config["encoder"]
        kind = encoder["attention"]["kind"]
        self.sliding = kind != "nystromformer" and (encoder["depth"] == "stream" or encoder["layers"] == 1)
        self.windows = windows
        for layer in self.encoder.layers:
            layer.attention = SystemAttention(
                encoder["width"], encoder["heads"], encoder["window"], encoder["attention"], self.sliding
            )

    def forward(self, x: Tensor) -> Tensor:
        """Logits of every token of a stream: (batch, frames, width) to (batch, tokens, labels)."""
        if self.sliding or self.windows:
            return super().forward(x)
        tokens = self.encoder.positioned(self.stem.project(self.input(x)[:, None]))
        rows = [self._window_row(tokens, end) for end in range(1, tokens.shape[1] + 1)]
        return self.head(newest_mean(torch.cat(rows, 1), self.average))

    def look_back(self, window: int) -> None:
        """Sets the window of all layers."""
        for layer in self.encoder.layers:
            layer.attention.window = window

    def use_landmarks(self, layers: int) -> None:
        for index, layer in enumerate(self.encoder.layers):
            layer.attention.is_exact = index >= layers

    def newest(self, x: Tensor) -> Tensor:
        """One window of at most n tokens: (batch, tokens, width) to the logits of its last (batch, labels)."""
        tokens = self.encoder.positioned(self.stem.project(self.input(x)[:, None]))
        return self.head(self._newest_context(tokens))[:, 0]

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Loads tensors like `Classifier.load`, without landmarks that this system does not have."""
        if self.config["encoder"]["attention"].get("landmarks") != "fixed":
            tensors = {name: tensor for name, tensor in tensors.items() if ".landmarks." not in name}
        super().load(tensors)

    def fix_landmarks(self, landmarks: list[tuple[Tensor, Tensor]], first: int = 0) -> None:
        for layer, (query, key) in zip(self.encoder.layers[first:], landmarks):
            layer.attention.fix(query.to(self.device), key.to(self.device))

    def _window_row(self, tokens: Tensor, end: int) -> Tensor:
        """(batch, 1, width): the context of the last of the tokens before `end`, from its window."""
        attention = self.config["encoder"]["attention"]
        window, given = self.config["encoder"]["window"], False
        if attention.get("landmarks") == "continual":
            # The landmarks are as they were when the last segment was completed, over the window of that time.
            last = end - end % (window // attention["count"])
            given = 0 < last < end
            if given:
                self._newest_context(tokens[:, max(0, last - window) : last])
                for layer in self.encoder.layers:
                    layer.attention.given = layer.attention.used
        row = self._newest_context(tokens[:, max(0, end - window) : end])
        for layer in self.encoder.layers if given else ():
            layer.attention.given = None
        return row

    def _newest_context(self, x: Tensor) -> Tensor:
        """One window of tokens: (batch, tokens, width) to the context of its last (batch, 1, width)."""
        x = self.encoder.dropout(x)
        layers = self.encoder.layers
        for layer in layers[:-1]:
            x = layer(x)
        return self.encoder.norm(layers[-1].newest(x))
