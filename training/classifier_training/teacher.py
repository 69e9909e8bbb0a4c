"""YAMNet as its authors run it, on patches of 0.96 s: the teacher of models that tag sounds.

https://github.com/tensorflow/models/tree/master/research/audioset/yamnet (Apache-2.0)
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from . import yamnet
from .model import Classifier

PATCH, HOP = 96, 48  # frames


@dataclass(frozen=True)
class Teacher:
    """The whole network."""

    labels: tuple[str, ...]  # AudioSet's display names
    ontology: tuple[str, ...]  # AudioSet's identifiers
    stem: dict[str, Tensor]
    head: tuple[Tensor, Tensor]  # (labels, 1024), (labels)

    @staticmethod
    def read(path: Path | None) -> Teacher:
        """Reads a checkpoint; see `yamnet.find_checkpoint`."""
        network = yamnet.read_network(path)
        rows = list(csv.DictReader(io.StringIO(network.class_map)))
        return Teacher(
            tuple(row["display_name"] for row in rows),
            tuple(row["mid"] for row in rows),
            {name: torch.from_numpy(tensor).float() for name, tensor in network.stem.items()},
            (torch.from_numpy(network.head_weight), torch.from_numpy(network.head_bias)),
        )

    @torch.no_grad()
    def patch_logits(self, features: Tensor, hop: int = HOP) -> Tensor:
        """(sequences, frames, bands) to (sequences, patches, labels); patch i is the 96 frames from `hop` * i on."""
        patches = features.unfold(1, PATCH, hop).transpose(2, 3)  # (sequences, patches, frames, bands)
        weight, bias = self.head
        parts = [F.linear(self.embeddings(some), weight, bias) for some in patches.flatten(0, 1).split(64)]
        return torch.cat(parts).unflatten(0, patches.shape[:2])

    def embeddings(self, patches: Tensor) -> Tensor:
        """(patches, frames, bands) to (patches, 1024)."""
        x = patches[:, None].contiguous(memory_format=torch.channels_last)
        for index, layer in enumerate(yamnet.stem_layers(yamnet.BLOCKS)):
            stride, name = layer["time_stride"], f"layers.{index}"
            x = F.pad(x, (0, 1, 0, 1) if stride == 2 else (1, 1, 1, 1))  # TensorFlow's `SAME`, of even sizes
            if layer.get("separable"):
                weight = self.stem[f"{name}.depthwise.weight"]
                bias = self.stem[f"{name}.depthwise.bias"]
                x = F.relu(F.conv2d(x, weight, bias, stride, groups=len(weight)))
                x = F.conv2d(x, self.stem[f"{name}.pointwise.weight"], self.stem[f"{name}.pointwise.bias"])
            else:
                x = F.conv2d(x, self.stem[f"{name}.weight"], self.stem[f"{name}.bias"], stride)
            x = F.relu(x)
        return x.mean((2, 3))

    @torch.no_grad()
    def project(self, model: Classifier) -> None:
        """Sets the projection of a model that has all of the network's blocks.

        Its tokens become the components of the embedding along the singular vectors of the network's last layer, the
        largest ones first, as many as a token has elements.
        """
        projection, weight = model.stem.projection, self.head[0]
        directions = torch.linalg.svd(weight, full_matrices=False)[2][: projection.out_features]
        bands = projection.in_features // weight.shape[1]
        # An input is channel * bands + band; the embedding is their mean.
        projection.weight[: len(directions)] = directions.repeat_interleave(bands, 1) / bands
        projection.bias.zero_()

    def token_logits(self, features: Tensor, frames_per_token: int) -> tuple[np.ndarray, np.ndarray]:
        """The logits of the patch that ends with each token, (sequences, tokens, labels) float16, interpolated between
        two patches; and a mask (tokens) of the tokens that have such a patch."""
        patches = self.patch_logits(features).float().numpy()
        newest = np.arange(1, features.shape[1] // frames_per_token + 1) * frames_per_token - 1
        position = (newest - (PATCH - 1)) / HOP
        mask = (position >= 0) & (position <= patches.shape[1] - 1)
        position = np.clip(position, 0, patches.shape[1] - 1)
        before = np.minimum(position.astype(int), max(0, patches.shape[1] - 2))
        after, part = np.minimum(before + 1, patches.shape[1] - 1), (position - before)[:, None]
        logits = patches[:, before] * (1 - part) + patches[:, after] * part
        return logits.astype(np.float16), mask
