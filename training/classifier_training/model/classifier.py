"""The whole network: normalisation, stem, encoder, head."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .attention import Landmarks
from .encoder import Encoder
from .stem import ConvolutionStem, LinearStem, Normalisation


def newest_mean(x: Tensor, count: int) -> Tensor:
    """(batch, tokens, width), the mean of each token and the up to `count` - 1 tokens before it."""
    if count == 1:
        return x
    sums = F.avg_pool1d(F.pad(x.transpose(1, 2), (count - 1, 0)), count, 1).transpose(1, 2) * count
    there = torch.arange(1, x.shape[1] + 1, device=x.device).clamp(max=count)
    return sums / there[:, None]


class Classifier(nn.Module):
    """The network from frames to logits, with the `stem`, `encoder` and `labels` of a model's config.json."""

    def __init__(self, config: dict[str, Any], dropout: float = 0.0, token_dropout: float = 0.0) -> None:
        super().__init__()
        self.config = config
        stem, encoder, bands = config["stem"], config["encoder"], config["input_width"]
        self.input = Normalisation(bands)
        self.stem: LinearStem | ConvolutionStem = (
            LinearStem(bands, stem["frames"], encoder["width"])
            if stem["kind"] == "linear"
            else ConvolutionStem(bands, stem["layers"], encoder["width"])
        )
        self.encoder = Encoder(encoder, dropout, token_dropout)
        self.average: int = config.get("head", {}).get("average", 1)
        self.head = nn.Linear(encoder["width"], len(config["labels"]))

    @property
    def device(self) -> torch.device:
        """The device of its tensors."""
        return self.head.weight.device

    @property
    def frames_per_token(self) -> int:
        return self.stem.frames_per_token

    def forward(self, x: Tensor) -> Tensor:
        """(batch, frames, bands) to logits (batch, tokens, labels)."""
        return self.finish(self.begin(x, 0), 0)

    def begin(self, x: Tensor, layers: int) -> Tensor:
        """(batch, frames, bands) to the output of the stem's first `layers`, (batch, channels, columns, bands)."""
        return self.stem.run(self.input(x)[:, None], 0, layers)

    def finish(self, x: Tensor, layers: int) -> Tensor:
        """Logits (batch, tokens, labels) of the result of `begin`."""
        return self.head(self.context(x, layers))

    def context(self, x: Tensor, layers: int) -> Tensor:
        """The input of the head, (batch, tokens, width), for the result of `begin`."""
        return newest_mean(self.encoder(self.stem.project(self.stem.run(x, layers))), self.average)

    def fix_landmarks(self, landmarks: list[tuple[Tensor, Tensor]], first: int = 0) -> None:
        """Makes the attention of layers from the index `first` on low-rank, with (query, key) landmarks (heads, m, d)
        for each."""
        for layer, (query, key) in zip(self.encoder.layers[first:], landmarks):
            inverse = self.config["encoder"]["attention"]["inverse"]
            layer.attention.landmarks = Landmarks(query.to(self.device), key.to(self.device), inverse)

    def use_landmarks(self, layers: int) -> None:
        """Sets the number of first layers that use landmarks, if these are no tensors; here there are none."""

    def folded(self) -> Classifier:
        """A copy for inference whose `state_dict` holds exactly the tensors of the model format."""
        model = copy.deepcopy(self).eval()
        if isinstance(model.stem, ConvolutionStem):
            model.stem.fold()
        return model

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Loads a state of the same architecture, with landmarks of all layers, of the first ones or of none."""
        layers = [f"encoder.layers.{index}.attention.landmarks." for index in range(len(self.encoder.layers))]
        self.fix_landmarks(
            [
                (tensors[at + "query"].float().clone(), tensors[at + "key"].float().clone())
                for at in layers
                if at + "query" in tensors
            ]
        )
        if "stem.standard.mean" in tensors and isinstance(self.stem, ConvolutionStem):
            self.stem.standard = Normalisation(len(tensors["stem.standard.mean"])).to(self.device)
        self.load_state_dict(tensors)
