"""Stems, which turn frames into tokens."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Normalisation(nn.Module):
    """x'[i] = (x[i] - mean[i]) * scale[i]."""

    mean: Tensor
    scale: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("scale", torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) * self.scale


class LinearStem(nn.Module):
    """A linear map of `frames` consecutive frames to a token; no frame belongs to two tokens."""

    depth = 0

    def __init__(self, bands: int, frames: int, width: int) -> None:
        super().__init__()
        self.frames_per_token = frames
        self.projection = nn.Linear(frames * bands, width)

    def run(self, x: Tensor, first: int = 0, last: int | None = None) -> Tensor:
        """Returns `x`: the stem has no layers."""
        return x

    def project(self, x: Tensor) -> Tensor:
        """(batch, 1, frames, bands) to (batch, tokens, width)."""
        tokens = x.shape[2] // self.frames_per_token
        return self.projection(x[:, 0, : tokens * self.frames_per_token].reshape(x.shape[0], tokens, -1))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, frames, bands) to (batch, tokens, width)."""
        return self.project(x[:, None])


class Part(NamedTuple):
    """A convolution of the stem with its batch norm: `convolutions[key]` and `norms[key]`."""

    convolutions: Any
    norms: Any  # of nn.BatchNorm2d, or nn.Identity once folded
    key: Any


class ConvolutionStem(nn.Module):
    """3 x 3 convolutions, causal over time, some of them separable; then a linear map of each column."""

    layers: Any  # of nn.Conv2d, or for separable ones of nn.ModuleDict
    norms: Any  # the same of nn.BatchNorm2d, or nn.Identity once folded

    def __init__(self, bands: int, layers: list[dict[str, Any]], width: int) -> None:
        super().__init__()
        self.frames_per_token = 1
        self.layers, self.norms = nn.ModuleList(), nn.ModuleList()
        self._padding: list[tuple[int, int, int, int]] = []
        channels = 1
        for layer in layers:
            strides, outputs = (layer["time_stride"], layer["band_stride"]), layer["channels"]
            if layer.get("separable"):
                depthwise = nn.Conv2d(channels, channels, 3, strides, groups=channels, bias=False)
                pointwise = nn.Conv2d(channels, outputs, 1, bias=False)
                self.layers.append(nn.ModuleDict({"depthwise": depthwise, "pointwise": pointwise}))
                norms = {"depthwise": nn.BatchNorm2d(channels), "pointwise": nn.BatchNorm2d(outputs)}
                self.norms.append(nn.ModuleDict(norms))
            else:
                self.layers.append(nn.Conv2d(channels, outputs, 3, strides, bias=False))
                self.norms.append(nn.BatchNorm2d(outputs))
            # Zeros before the first column make output j end with the input time_stride * (j + 1) - 1.
            before = 0 if layer.get("band_padding") == "end" else 1
            self._padding.append((before, 2 - before, 3 - strides[0], 0))
            self.frames_per_token *= strides[0]
            channels, bands = outputs, -(-bands // strides[1])
        self.standard: nn.Module = nn.Identity()
        self.projection = nn.Linear(channels * bands, width)

    def parts(self, index: int) -> list[Part]:
        """The convolutions of a layer, one after the other."""
        layer, norm = self.layers[index], self.norms[index]
        if isinstance(layer, nn.ModuleDict):
            return [Part(layer, norm, "depthwise"), Part(layer, norm, "pointwise")]
        return [Part(self.layers, self.norms, index)]

    def pad(self, index: int, x: Tensor) -> Tensor:
        """The input of a layer, padded with zeros."""
        return F.pad(x, self._padding[index])

    @property
    def depth(self) -> int:
        return len(self.layers)

    def run(self, x: Tensor, first: int = 0, last: int | None = None) -> Tensor:
        """Runs the layers [first, last) on (batch, channels, columns, bands); the result has other sizes of each."""
        for index in range(first, self.depth if last is None else last):
            x = self.pad(index, x.contiguous(memory_format=torch.channels_last))
            for convolutions, norms, key in self.parts(index):
                x = F.relu(norms[key](convolutions[key](x)))
        return x

    def project(self, x: Tensor) -> Tensor:
        """The last layer's output (batch, channels, tokens, bands) to (batch, tokens, width)."""
        return self.projection(self.standard(_columns(x)))

    @torch.no_grad()
    def standardize(self, x: Tensor) -> None:
        """Standardises the projection's input over the last layer's output `x`, and keeps the stem's result.

        Training on a stem from elsewhere, which has no batch norm, converges faster.
        """
        columns = _columns(x).flatten(0, 1)
        deviation = columns.std(0)
        standard = Normalisation(columns.shape[1])
        standard.mean.copy_(columns.mean(0))
        standard.scale.copy_(1 / deviation.clamp(min=1e-2 * float(deviation.max())))
        self.projection.bias.add_(self.projection.weight @ standard.mean)
        self.projection.weight.div_(standard.scale)
        self.standard = standard

    def forward(self, x: Tensor) -> Tensor:
        """(batch, frames, bands) to (batch, tokens, width)."""
        return self.project(self.run(x[:, None]))

    @torch.no_grad()
    def fold(self) -> None:
        """Folds each batch norm into the convolution before it, and the standardisation into the projection."""
        if isinstance(self.standard, Normalisation):
            self.projection.weight.mul_(self.standard.scale)
            self.projection.bias.sub_(self.projection.weight @ self.standard.mean)
            self.standard = nn.Identity()
        for index in range(len(self.layers)):
            for convolutions, norms, key in self.parts(index):
                layer, norm = convolutions[key], norms[key]
                if isinstance(norm, nn.Identity):
                    continue
                scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
                folded = nn.Conv2d(
                    layer.in_channels,
                    layer.out_channels,
                    layer.kernel_size,
                    layer.stride,
                    groups=layer.groups,
                    device=layer.weight.device,
                    dtype=layer.weight.dtype,
                )
                weight = layer.weight * scale[:, None, None, None]
                bias = norm.bias - norm.running_mean * scale
                folded.load_state_dict({"weight": weight, "bias": bias})
                convolutions[key], norms[key] = folded, nn.Identity()


def _columns(x: Tensor) -> Tensor:
    """(batch, channels, tokens, bands) to (batch, tokens, channels * bands)."""
    return x.permute(0, 2, 1, 3).flatten(2)
