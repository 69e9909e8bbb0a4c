"""Encoders of PyTorch and continual-inference, run by audio-classifierd, against themselves."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from classifier_training.cli import main
from classifier_training.errors import TrainingError
from classifier_training.interchange import import_encoder, run_windows, torch_encoder

WIDTH, HEADS, HIDDEN, WINDOW = 24, 3, 40, 12
# Three windows, from the first token on.
TOKENS = torch.randn(3 * WINDOW + 5, WIDTH, generator=torch.Generator().manual_seed(1))
TOLERANCE = 1e-5


def encode(program: Path, model: Path, folder: Path) -> np.ndarray:
    np.save(folder / "x.npy", TOKENS.numpy())
    out = folder / "y.npy"
    command: list[str | Path] = ["encode", "--model", model, "--features", folder / "x.npy", "--out", out]
    subprocess.run([program, *command], check=True)
    return np.load(out)


def exported(program: Path, folder: Path, state: Mapping[str, Tensor], attention: str, **options: Any) -> np.ndarray:
    model = folder / "encoder"
    import_encoder(state, model, heads=HEADS, window=WINDOW, attention=attention, **options)
    return encode(program, model, folder)


@pytest.mark.parametrize("attention", ["full", "continual"])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("layers", [1, 2])
def test_torch_encoder(
    program_path: Path, tmp_path: Path, attention: str, activation: str, norm_first: bool, layers: int
) -> None:
    """The module's own forward pass over every window, the last row."""
    torch.manual_seed(layers)
    layer = nn.TransformerEncoderLayer(WIDTH, HEADS, HIDDEN, 0.0, activation, batch_first=True, norm_first=norm_first)
    norm = nn.LayerNorm(WIDTH) if norm_first else None
    encoder = nn.TransformerEncoder(layer, layers, norm=norm, enable_nested_tensor=False)
    for parameter in encoder.parameters():  # norms and biases that are not what they are initialised to
        nn.init.normal_(parameter, std=0.3)
    observed = exported(
        program_path, tmp_path, encoder.state_dict(), attention, norm_first=norm_first, activation=activation
    )
    expected = run_windows(encoder.double().eval(), TOKENS.double(), WINDOW).numpy()
    assert np.abs(observed - expected).max() <= TOLERANCE


def test_torch_layer(program_path: Path, tmp_path: Path) -> None:
    """A single torch.nn.TransformerEncoderLayer."""
    torch.manual_seed(3)
    layer = nn.TransformerEncoderLayer(WIDTH, HEADS, HIDDEN, 0.0, batch_first=True).eval()
    observed = exported(program_path, tmp_path, layer.state_dict(), "continual")
    expected = run_windows(layer.double(), TOKENS.double(), WINDOW).numpy()
    assert np.abs(observed - expected).max() <= TOLERANCE


def test_four_layers_over_the_whole_window(program_path: Path, tmp_path: Path) -> None:
    torch.manual_seed(4)
    layer = nn.TransformerEncoderLayer(WIDTH, HEADS, HIDDEN, 0.0, batch_first=True)
    encoder = nn.TransformerEncoder(layer, 4, enable_nested_tensor=False).eval()
    observed = exported(program_path, tmp_path, encoder.state_dict(), "full")
    expected = run_windows(encoder.double(), TOKENS.double(), WINDOW).numpy()
    assert np.abs(observed - expected).max() <= TOLERANCE


@pytest.mark.parametrize("layers", [1, 2])
def test_continual_inference(program_path: Path, tmp_path: Path, layers: int) -> None:
    """continual-inference step by step: single-output, and retroactive plus single-output; and over whole windows.

    The pair's own steps leave its own windows with token 2 n - 2 (version 1.2.3: the index into the residual's ring
    of n tokens is taken modulo n - 1), so that its steps are the measure up to there, and its windows all the way.
    """
    co = pytest.importorskip("continual", reason="continual-inference is not installed")
    torch.manual_seed(5)
    factory = co.TransformerEncoderLayerFactory(
        d_model=WIDTH, nhead=HEADS, dim_feedforward=HIDDEN, dropout=0.0, sequence_len=WINDOW
    )
    encoder = co.TransformerEncoder(factory, num_layers=layers).double().eval()
    observed = exported(program_path, tmp_path, encoder.state_dict(), "continual")
    whole = exported(program_path, tmp_path, encoder.state_dict(), "full")
    with torch.no_grad():
        tokens = TOKENS.double().T[None]  # (1, width, tokens)
        compared = 0
        for t in range(tokens.shape[2]):
            step = encoder.forward_step(tokens[:, :, t])
            if t < WINDOW - 1:
                continue  # It answers once it has seen a window.
            window = encoder.forward(tokens[:, :, t - WINDOW + 1 : t + 1])[0, :, -1].numpy()
            if layers == 1 or t < 2 * WINDOW - 2:
                assert np.abs(observed[t] - step.reshape(WIDTH).numpy()).max() <= TOLERANCE
            assert np.abs(observed[t] - window).max() <= TOLERANCE
            assert np.abs(whole[t] - window).max() <= TOLERANCE
            compared += 1
    assert compared == len(TOKENS) - WINDOW + 1


def test_continual_inference_layer(program_path: Path, tmp_path: Path) -> None:
    co = pytest.importorskip("continual", reason="continual-inference is not installed")
    torch.manual_seed(6)
    layer = co.SingleOutputTransformerEncoderLayer(
        d_model=WIDTH, nhead=HEADS, dim_feedforward=HIDDEN, dropout=0.0, sequence_len=WINDOW
    )
    layer = layer.double().eval()
    observed = exported(program_path, tmp_path, layer.state_dict(), "continual")
    with torch.no_grad():
        for t in range(len(TOKENS)):
            step = layer.forward_step(TOKENS[t].double()[None])
            if t >= WINDOW - 1:
                assert np.abs(observed[t] - step.reshape(WIDTH).numpy()).max() <= TOLERANCE


def state_of(layers: int = 1, **changes: Tensor | None) -> dict[str, Tensor]:
    layer = nn.TransformerEncoderLayer(WIDTH, HEADS, HIDDEN, 0.0, batch_first=True)
    state = dict(nn.TransformerEncoder(layer, layers, enable_nested_tensor=False).state_dict())
    for name, value in changes.items():
        key = name.replace("__", ".")
        if value is None:
            del state[key]
        else:
            state[key] = value
    return state


def layer_state() -> dict[str, Tensor]:
    return nn.TransformerEncoderLayer(WIDTH, HEADS, HIDDEN).state_dict()


@pytest.mark.parametrize(
    ("state", "options", "words"),
    [
        (state_of(extra=torch.zeros(1)), {}, "tensor extra has no counterpart"),
        (state_of(layers__0__linear2__bias=None), {}, "layer 0 lacks linear2.bias"),
        (state_of(), {"heads": 5}, "5 heads do not divide a width of 24"),
        (state_of(), {"norm_first": True}, "norm_first is True, and the weights lack `norm.weight`"),
        (state_of(3), {}, "3 layers: continual attention over a window has one, or two"),
        (layer_state(), {"window": 1}, "window is 1"),
        ({**layer_state(), "linear1.bias": torch.full((HIDDEN,), torch.nan)}, {}, "linear1.bias has values"),
        ({f"{n}.{key}": value for n in (0, 1) for key, value in layer_state().items()}, {}, "a layer has .* twice"),
        (
            {f"{name}.{key}": value for name in ("left", "right") for key, value in state_of().items()},
            {},
            r"several encoders \(left, right\)",
        ),
        (
            {**state_of(2), "layers.1.linear1.bias": torch.zeros(HIDDEN + 1)},
            {},
            r"layer 1: linear1.bias is \(41,\), and \(40,\) in layer 0",
        ),
    ],
)
def test_refusals(state: dict[str, Tensor], options: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=words):
        import_encoder(state, tmp_path / "encoder", **{"heads": HEADS, "window": WINDOW, **options})
    assert not (tmp_path / "encoder").exists()


def test_other_kinds_of_weights(program_path: Path, tmp_path: Path) -> None:
    """Parameters instead of a state_dict, a prefix before all names, and bfloat16."""
    torch.manual_seed(7)
    layer = nn.TransformerEncoderLayer(WIDTH, HEADS, HIDDEN, 0.0, batch_first=True, norm_first=True)
    encoder = nn.TransformerEncoder(layer, 1, norm=nn.LayerNorm(WIDTH), enable_nested_tensor=False).bfloat16()
    state = {f"model.encoder.{name}": value for name, value in encoder.named_parameters()}
    observed = exported(program_path, tmp_path, state, "continual", norm_first=True)
    expected = run_windows(encoder.double().eval(), TOKENS.double(), WINDOW).numpy()
    assert np.abs(observed - expected).max() <= TOLERANCE


def test_another_epsilon_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save(state_of(), tmp_path / "encoder.pt")
    command = ["import-torch", "--weights", str(tmp_path / "encoder.pt"), "--heads", str(HEADS), "--window", "12"]
    assert main([*command, "--layer-norm-eps", "1e-6", "--out", str(tmp_path / "encoder")]) == 64
    assert "layer_norm_eps is 1e-06" in capsys.readouterr().err


def test_command(program_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = state_of(2)
    torch.save(state, tmp_path / "encoder.pt")
    command = ["import-torch", "--weights", str(tmp_path / "encoder.pt"), "--heads", str(HEADS)]
    assert main([*command, "--window", str(WINDOW), "--out", str(tmp_path / "encoder")]) == 0
    expected = run_windows(torch_encoder(state, heads=HEADS), TOKENS.double(), WINDOW).numpy()
    assert np.abs(encode(program_path, tmp_path / "encoder", tmp_path) - expected).max() <= TOLERANCE
    (tmp_path / "noise.pt").write_bytes(b"noise")
    command[2] = str(tmp_path / "noise.pt")
    assert main([*command, "--window", "12", "--out", str(tmp_path / "noise")]) == 65
    assert "is no state_dict" in capsys.readouterr().err
