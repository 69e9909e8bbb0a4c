"""The encoder of the experiment: the project's own network, with the attention of any system."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from classifier_training.model import Classifier

from .attention import SystemAttention
from .grid import Configuration


def network_config(configuration: Configuration, labels: tuple[str, ...], width: int) -> dict[str, Any]:
    """The part of config.json that determines the network; a token of its input has `width` elements."""
    return {
        "labels": list(labels),
        "frontend": None,
        "input_width": width,
        "stem": {"kind": "linear", "frames": 1},
        "encoder": {
            "width": 128,
            "layers": configuration.layers,
            "heads": 4,
            "feed_forward": 256,
            "window": configuration.window,
            "attention": configuration.attention,
            "depth": configuration.depth,
            "norm": "pre",
            "activation": "relu",
            "position": {"kind": "none"},
        },
    }


class Network(Classifier):
    """The network from cached features to logits. Its tensors are those of the model format."""

    def __init__(self, config: dict[str, Any], dropout: float) -> None:
        super().__init__(config, dropout)
        encoder = config["encoder"]
        self.sliding = encoder["depth"] == "stream" or encoder["attention"]["kind"].startswith("continual")
        for layer in self.encoder.layers:
            layer.attention = SystemAttention(
                encoder["width"], encoder["heads"], encoder["window"], encoder["attention"], self.sliding
            )

    def forward(self, x: Tensor) -> Tensor:
        """Logits of every token of a stream: (batch, tokens, width) to (batch, tokens, labels)."""
        if self.sliding:
            return super().forward(x)
        window = self.config["encoder"]["window"]
        rows = [self.newest(x[:, max(0, end - window) : end]) for end in range(1, x.shape[1] + 1)]
        return torch.stack(rows, 1)

    def look_back(self, window: int) -> None:
        """Sets the window of all layers."""
        for layer in self.encoder.layers:
            layer.attention.window = window

    def newest(self, x: Tensor) -> Tensor:
        """One window of at most n tokens: (batch, tokens, width) to the logits of its last (batch, labels)."""
        x = self.encoder.dropout(self.stem.project(self.input(x)[:, None]))
        layers = self.encoder.layers
        for layer in layers[:-1]:
            x = layer(x)
        last = layers[-1]
        row = x[:, -1:]
        row = row + last.dropout(last.attention.newest(last.norm_attention(x)))
        row = row + last.dropout(last._feed_forward(last.norm_feed_forward(row)))
        return self.head(self.encoder.norm(row))[:, 0]

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Loads tensors like `Classifier.load`, without landmarks that this system does not have."""
        own = self.state_dict()
        self.load_state_dict({name: tensor for name, tensor in tensors.items() if name in own})

    def fix_landmarks(self, landmarks: list[tuple[Tensor, Tensor]]) -> None:
        for layer, (query, key) in zip(self.encoder.layers, landmarks):
            layer.attention.fix(query, key)
