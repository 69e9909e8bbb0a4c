"""EfficientAT's mn04, a network that tags a whole clip: a teacher of models that tag sounds.

Schmid, Koutini, Widmer, "Efficient Large-Scale Audio Tagging via Transformer-to-CNN Knowledge Distillation", ICASSP
2023, arXiv 2211.04772; https://github.com/fschmid56/EfficientAT (MIT). It is a MobileNet v3 (Howard et al., "Searching
for MobileNetV3", ICCV 2019, arXiv 1905.02244) of width 0.4 on log-mel frames at 32 kHz.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from .errors import TrainingError

RATE, HOP = 32_000, 320
_WINDOW, _FFT, _BANDS, _HIGHEST_HZ = 800, 1024, 128, 15_000.0
_PRE_EMPHASIS = 0.97
_STRIDES = (1, 2, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1)  # of the blocks, in time and over bands
_HARD_SWISH = 7  # the first block with this activation; those before have ReLU
_EPSILON = 1e-3  # of the batch norms


@dataclass(frozen=True)
class EfficientAT:
    """The whole network."""

    weights: dict[str, Tensor]  # the batch norms are folded into the convolutions

    @property
    def labels(self) -> int:
        """The number of labels."""
        return len(self.weights["classifier.5.bias"])

    @staticmethod
    def read(path: Path) -> EfficientAT:
        """Reads the authors' checkpoint, a state dict."""
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            return EfficientAT(_folded(state))
        except OSError as error:
            raise TrainingError(f"cannot read {path}: {error}", 66) from error
        except (KeyError, RuntimeError, ValueError, AttributeError) as error:
            raise TrainingError(f"{path} is no checkpoint of EfficientAT's mn04: {error}", 65) from error

    def frames(self, samples: Tensor, rate: int) -> Tensor:
        """(sequences, samples) at `rate` to (sequences, frames, 128): a frame every 10 ms, around its centre."""
        with torch.autocast("cpu", enabled=False):
            return self._log_mel(samples, rate)

    def _log_mel(self, samples: Tensor, rate: int) -> Tensor:
        count = samples.shape[1] * RATE // rate
        x = torch.fft.irfft(torch.fft.rfft(samples) * (RATE / rate), n=count)
        x = x[:, 1:] - _PRE_EMPHASIS * x[:, :-1]
        window = torch.hann_window(_WINDOW, periodic=False)
        spectrum = torch.stft(x, _FFT, HOP, _WINDOW, window, center=True, return_complex=True)
        power = spectrum.abs().square()
        return ((_mel_bank() @ power + 1e-5).log().transpose(1, 2) + 4.5) / 5

    @torch.no_grad()
    def logits(self, frames: Tensor) -> Tensor:
        """(clips, frames, 128) to (clips, 527)."""
        x = frames.transpose(1, 2)[:, None].contiguous(memory_format=torch.channels_last)
        x = F.hardswish(self._convolve(x, "features.0", 2))
        for number, stride in enumerate(_STRIDES, 1):
            x = self._block(x, f"features.{number}.block", stride, number >= _HARD_SWISH)
        x = F.hardswish(self._convolve(x, f"features.{len(_STRIDES) + 1}", 1)).mean((2, 3))
        hidden = F.hardswish(self._linear(x, "classifier.2"))
        return self._linear(hidden, "classifier.5")

    def _block(self, x: Tensor, name: str, stride: int, is_hard_swish: bool) -> Tensor:
        """An inverted residual: expansion, depthwise convolution, squeeze and excitation, projection."""
        activation = F.hardswish if is_hard_swish else F.relu
        y, layer = x, 0
        if f"{name}.2.weight" in self.weights or f"{name}.3.weight" in self.weights:  # all but the first one
            y, layer = activation(self._convolve(y, f"{name}.0", 1)), 1
        y, layer = activation(self._convolve(y, f"{name}.{layer}", stride)), layer + 1
        gate = f"{name}.{layer}.conc_se_layers.0"
        if f"{gate}.fc1.weight" in self.weights:
            squeezed = F.relu(self._linear(y.mean((2, 3)), f"{gate}.fc1"))
            y, layer = y * self._linear(squeezed, f"{gate}.fc2").sigmoid()[:, :, None, None], layer + 1
        y = self._convolve(y, f"{name}.{layer}", 1)
        return x + y if stride == 1 and x.shape == y.shape else y

    def _convolve(self, x: Tensor, name: str, stride: int) -> Tensor:
        weight = self.weights[f"{name}.weight"]
        groups = x.shape[1] if weight.shape[1] == 1 else 1
        return F.conv2d(x, weight, self.weights[f"{name}.bias"], stride, weight.shape[2] // 2, groups=groups)

    def _linear(self, x: Tensor, name: str) -> Tensor:
        return F.linear(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])


def _folded(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights and biases of convolutions and linear layers, named as these."""
    weights = {}
    for name, weight in state.items():
        layer, _, kind = name.rpartition(".")
        if kind != "weight" or weight.ndim == 1:
            continue
        if weight.ndim == 2:
            weights[name], weights[f"{layer}.bias"] = weight, state[f"{layer}.bias"]
            continue
        layer = layer.removesuffix(".0")  # the convolution's; its norm is `.1`
        scale = state[f"{layer}.1.weight"] / (state[f"{layer}.1.running_var"] + _EPSILON).sqrt()
        weights[f"{layer}.weight"] = weight * scale[:, None, None, None]
        weights[f"{layer}.bias"] = state[f"{layer}.1.bias"] - state[f"{layer}.1.running_mean"] * scale
    return weights


def _mel_bank() -> Tensor:
    """(128, 513) triangles that are equally wide in 1127 ln(1 + f / 700), as Kaldi's."""
    mel = 1127 * np.log1p(np.arange(_FFT // 2 + 1) * (RATE / _FFT) / 700)
    edges = np.linspace(0, 1127 * np.log1p(_HIGHEST_HZ / 700), _BANDS + 2)
    left, centre, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles = np.minimum((mel - left) / (centre - left), (right - mel) / (right - centre)).clip(min=0)
    return torch.from_numpy(triangles).float()
