"""Frames to tokens."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class LinearStem(nn.Module):
    """A token is a linear map of `frames` consecutive frames that no other token uses."""

    def __init__(self, bands: int, frames: int, width: int) -> None:
        super().__init__()
        self.frames_per_token = frames
        self.projection = nn.Linear(frames * bands, width)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, frames, bands) to (batch, tokens, width)."""
        tokens = x.shape[1] // self.frames_per_token
        x = x[:, : tokens * self.frames_per_token].reshape(x.shape[0], tokens, -1)
        return self.projection(x)


class ConvolutionStem(nn.Module):
    """3 x 3 convolutions, causal over time, then a linear map of each column."""

    layers: Any  # of nn.Conv2d
    norms: Any  # of nn.BatchNorm2d, or nn.Identity once folded

    def __init__(self, bands: int, layers: list[dict[str, int]], width: int) -> None:
        super().__init__()
        self.frames_per_token = 1
        self.layers, self.norms = nn.ModuleList(), nn.ModuleList()
        channels = 1
        for layer in layers:
            strides = (layer["time_stride"], layer["band_stride"])
            self.layers.append(nn.Conv2d(channels, layer["channels"], 3, strides, padding=(0, 1), bias=False))
            self.norms.append(nn.BatchNorm2d(layer["channels"]))
            self.frames_per_token *= strides[0]
            channels, bands = layer["channels"], -(-bands // strides[1])
        self.projection = nn.Linear(channels * bands, width)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, frames, bands) to (batch, tokens, width)."""
        x = x[:, None].contiguous(memory_format=torch.channels_last)  # (batch, 1, frames, bands)
        for layer, norm in zip(self.layers, self.norms):
            # Zeros before the first column make output j end with the input time_stride * (j + 1) - 1.
            x = F.relu(norm(layer(F.pad(x, (0, 0, 3 - layer.stride[0], 0)))))
        return self.projection(x.permute(0, 2, 1, 3).flatten(2))  # (batch, tokens, channels * bands)

    @torch.no_grad()
    def fold(self) -> None:
        """Makes each batch norm part of the convolution before it."""
        for index, (layer, norm) in enumerate(zip(self.layers, self.norms)):
            if isinstance(norm, nn.Identity):
                continue
            scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            folded = nn.Conv2d(layer.in_channels, layer.out_channels, 3, layer.stride, padding=(0, 1))
            weight, bias = layer.weight * scale[:, None, None, None], norm.bias - norm.running_mean * scale
            folded.to(weight.dtype).load_state_dict({"weight": weight, "bias": bias})
            self.layers[index], self.norms[index] = folded, nn.Identity()
