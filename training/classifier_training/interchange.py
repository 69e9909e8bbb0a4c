"""Encoders of PyTorch and of continual-inference as model directories, which audio-classifierd then runs step by step.

Weights come as a `state_dict`: of `torch.nn.TransformerEncoder` or `torch.nn.TransformerEncoderLayer`, or of
continual-inference's `TransformerEncoder`, `SingleOutputTransformerEncoderLayer` or
`RetroactiveTransformerEncoderLayer` (Hedegaard et al., arXiv 2201.06268). Heads, window, norm and activation, which a
`state_dict` does not contain, are arguments.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .errors import TrainingError
from .files import atomic_directory
from .model_files import UNDECIDED, write_json, write_tensors

_LAYER = re.compile(r"(?:^|\.)layers\.(\d+)\.")
# Norms of continual-inference are inside a wrapper, `fn`.
_PART = re.compile(
    r"(?:^|\.)(self_attn\.in_proj_(?:weight|bias)|self_attn\.out_proj\.(?:weight|bias)"
    r"|linear[12]\.(?:weight|bias)|norm[12]\.(?:fn\.)?(?:weight|bias))$"
)
_FINAL_NORM = re.compile(r"^(?:.*\.)?norm\.(?:fn\.)?(weight|bias)$")
_WRAPPERS = re.compile(r"(?:(?:^|\.)(?:\d+|_\w+))+$")  # of continual-inference around the parts of a layer
_EPSILON = 1e-5  # of the layer norms, in the model format


def read_state(path: Path) -> dict[str, Tensor]:
    """A state_dict from a file of torch.save."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise TrainingError(f"{path}: cannot be read: {error.strerror}", 66) from error
    except Exception as error:  # torch raises errors of its own, of pickle and of zip
        raise TrainingError(f"{path}: is no state_dict saved by torch.save: {error}", 65) from error
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise TrainingError(f"{path}: holds no state_dict; save encoder.state_dict(), not the encoder", 65)
    return dict(state)


def check_epsilon(epsilon: float) -> None:
    """Refuses a layer norm that the model format does not have; a state_dict does not contain its epsilon."""
    if epsilon != _EPSILON:
        raise TrainingError(
            f"layer_norm_eps is {epsilon:g}; the layer norms of a model directory have {_EPSILON:g}. Train the encoder "
            "with that, or train it on with it for some steps",
            64,
        )


def torch_encoder(
    state: Mapping[str, Tensor], *, heads: int, norm_first: bool = False, activation: str = "relu"
) -> nn.TransformerEncoder:
    """PyTorch's own encoder with the same weights, in float64, batch first: the reference for the exported model."""
    layers, final = _layers(state)
    hidden, width = layers[0]["linear1.weight"].shape
    if width % heads:
        raise TrainingError(f"{heads} heads do not divide a width of {width}", 64)
    if norm_first != bool(final):
        raise TrainingError(
            "a model directory's encoder with norm_first=True ends with a layer norm, "
            "TransformerEncoder(..., norm=LayerNorm(width)), and one with norm_first=False does not, although PyTorch "
            f"allows both: norm_first is {norm_first}, and the weights {'have' if final else 'lack'} `norm.weight`. "
            f"{'Give --norm-first if the layers have it' if final else 'Train it with that norm'}"
        )
    layer = nn.TransformerEncoderLayer(
        width, heads, hidden, dropout=0.0, activation=activation, batch_first=True, norm_first=norm_first
    )
    encoder = nn.TransformerEncoder(
        layer, len(layers), norm=nn.LayerNorm(width) if final else None, enable_nested_tensor=False
    )
    named = {f"layers.{index}.{name}": value for index, part in enumerate(layers) for name, value in part.items()}
    encoder.load_state_dict({**named, **{f"norm.{name}": value for name, value in final.items()}})
    return encoder.double().eval()


def run_windows(encoder: nn.Module, tokens: Tensor, window: int) -> Tensor:
    """(tokens, width): the last row of the encoder over the last `window` tokens, for every token."""
    with torch.no_grad():
        return torch.stack([encoder(tokens[None, max(0, t - window + 1) : t + 1])[0, -1] for t in range(len(tokens))])


def import_encoder(
    state: Mapping[str, Tensor],
    folder: Path,
    *,
    heads: int,
    window: int,
    attention: str = "continual",
    norm_first: bool = False,
    activation: str = "relu",
) -> None:
    """Writes a model whose input is tokens of the encoder's width, and whose logits are the encoder's newest row.

    With `attention` "full" every window is recomputed. With "continual" a single layer is single-output, and of two
    layers the first is retroactive. Both have the encoder's outputs over the last `window` tokens.
    """
    if window < 2:
        raise TrainingError(f"window is {window}; it must be at least 2", 64)
    for name, value in state.items():
        if not bool(torch.isfinite(value).all()):
            raise TrainingError(f"tensor {name} has values that are not finite")
    encoder = torch_encoder(state, heads=heads, norm_first=norm_first, activation=activation)
    layers, final = _layers(state)
    if attention == "continual" and len(layers) > 2:
        raise TrainingError(
            f"{len(layers)} layers: continual attention over a window has one, or two; use attention `full`",
            64,
        )
    width = layers[0]["self_attn.out_proj.weight"].shape[0]
    golden = torch.randn(window + 3, width, generator=torch.Generator().manual_seed(0))
    identity, zeros = torch.eye(width), torch.zeros(width)
    tensors = {
        "input.mean": zeros,
        "input.scale": torch.ones(width),
        "stem.projection.weight": identity,
        "stem.projection.bias": zeros,
        "head.weight": identity,
        "head.bias": zeros,
        "golden.features": golden,
        "golden.logits": run_windows(encoder, golden.double(), window),
        **{f"encoder.norm.{name}": value for name, value in final.items()},
    }
    for index, layer in enumerate(layers):
        tensors |= {f"encoder.layers.{index}.{name}": value for name, value in _format_names(layer).items()}
    config: dict[str, Any] = {
        "format_version": 1,
        "name": folder.resolve().name,
        "description": "An encoder from PyTorch.",
        "licence": "LicenseRef-unknown",
        "labels": [str(element) for element in range(width)],
        "frontend": None,
        "input_width": width,
        "stem": {"kind": "linear", "frames": 1},
        "encoder": {
            "width": width,
            "layers": len(layers),
            "heads": heads,
            "feed_forward": layers[0]["linear1.weight"].shape[0],
            "window": window,
            "attention": {"kind": attention},
            "depth": "window",
            "norm": "pre" if norm_first else "post",
            "activation": activation,
            "position": {"kind": "none"},
        },
        **UNDECIDED,
        "golden": {"tolerance": 1e-4},
    }
    with atomic_directory(folder) as fresh:
        weights = write_tensors({name: np.asarray(value, np.float32) for name, value in tensors.items()}, fresh)
        write_json(fresh / "config.json", {**config, "weights": weights})


def _layers(state: Mapping[str, Tensor]) -> tuple[list[dict[str, Tensor]], dict[str, Tensor]]:
    """The tensors of the layers under PyTorch's names, and those of a final norm."""
    layers: dict[int, dict[str, Tensor]] = {}
    final: dict[str, Tensor] = {}
    encoders: set[str] = set()
    twice = ""
    for key, value in state.items():
        part, layer = _PART.search(key), _LAYER.search(key)
        norm = None if part or layer else _FINAL_NORM.match(key)
        if norm or part:
            encoders.add(_encoder_of(key))
        if norm:
            final[norm.group(1)] = value.detach().double()
        elif part:
            name = part.group(1).replace(".fn.", ".")
            own = layers.setdefault(int(layer.group(1)) if layer else 0, {})
            twice = name if name in own else twice
            own[name] = value.detach().double()
        else:
            raise TrainingError(f"tensor {key} has no counterpart in a transformer encoder's layer")
    if len(encoders) > 1:
        names = ", ".join(sorted(name or "(no prefix)" for name in encoders))
        raise TrainingError(f"the weights are those of several encoders ({names}); save the state_dict of one of them")
    if twice:
        raise TrainingError(f"a layer has {twice} twice: its layers are not named layers.0, layers.1, ...")
    expected = {
        f"{module}{suffix}"
        for module in (
            "self_attn.in_proj_",
            "self_attn.out_proj.",
            "linear1.",
            "linear2.",
            "norm1.",
            "norm2.",
        )
        for suffix in ("weight", "bias")
    }
    for index in range(max(layers, default=0) + 1):
        missing = expected - set(layers.get(index, {}))
        if missing:
            raise TrainingError(f"layer {index} lacks {', '.join(sorted(missing))}")
        for name, value in layers[index].items():
            if value.shape != layers[0][name].shape:
                raise TrainingError(
                    f"layer {index}: {name} is {tuple(value.shape)}, and {tuple(layers[0][name].shape)} in layer 0; "
                    "the layers of a model directory are equally wide"
                )
    return [layers[index] for index in sorted(layers)], final


def _encoder_of(key: str) -> str:
    """The name of the encoder that a tensor belongs to: what stands before its layer, or before its final norm."""
    layer = _LAYER.search(key)
    at = layer or _PART.search(key)
    name = (key[: at.start()] if at else re.sub(r"norm\.(?:fn\.)?(?:weight|bias)$", "", key)).rstrip(".")
    return name if layer else _WRAPPERS.sub("", name)


def _format_names(layer: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A layer's tensors under the names of docs/model-format.md."""
    tensors: dict[str, Tensor] = {}
    for suffix in ("weight", "bias"):
        parts = layer[f"self_attn.in_proj_{suffix}"].chunk(3)
        for name, value in zip(("query", "key", "value"), parts):
            tensors[f"attention.{name}.{suffix}"] = value
        tensors[f"attention.output.{suffix}"] = layer[f"self_attn.out_proj.{suffix}"]
        tensors[f"feed_forward.in.{suffix}"] = layer[f"linear1.{suffix}"]
        tensors[f"feed_forward.out.{suffix}"] = layer[f"linear2.{suffix}"]
        tensors[f"norm_attention.{suffix}"] = layer[f"norm1.{suffix}"]
        tensors[f"norm_feed_forward.{suffix}"] = layer[f"norm2.{suffix}"]
    return tensors
