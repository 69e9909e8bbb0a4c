"""The experiment's attention systems against the program, which has an oracle of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from classifier_training.encoding import encode
from classifier_training.model import Network
from experiments.deliver import deliver
from experiments.grid import SYSTEMS, Configuration, System, network_config

WIDTH = 12
LABELS = ("a", "b", "c")


def make_network(system: System, layers: int, window: int) -> Network:
    configuration = Configuration("keywords", system, layers, window, 0)
    torch.manual_seed(0)
    network = Network(network_config(configuration, LABELS, WIDTH), 0.0).eval()
    generator = torch.Generator().manual_seed(1)
    if system.update == "fixed":
        shape = (4, system.landmarks, 32)
        network.fix_landmarks(
            [(torch.randn(shape, generator=generator), torch.randn(shape, generator=generator)) for _ in range(layers)]
        )
    with torch.no_grad():
        for layer in network.encoder.layers:  # sharper than at the start, so that attention matters
            for part in (layer.attention.query, layer.attention.key):
                part.weight *= 3
    return network


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("window", [25, 120])
@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system.slug)
def test_training_computes_what_the_program_computes(
    system: System, window: int, layers: int, program_path: Path, tmp_path: Path
) -> None:
    network = make_network(system, layers, window)
    folder = tmp_path / system.slug
    folder.mkdir()
    deliver(network, folder)
    columns = np.random.default_rng(2).standard_normal((window * 2 + 7, WIDTH)).astype(np.float32)
    with torch.no_grad():
        own = network(torch.from_numpy(columns)[None])[0].numpy()
    found = encode(program_path, folder, columns)
    assert found.shape == own.shape
    assert np.abs(found - own).max() < 1e-4


DEEP = [
    {"kind": "full"},
    {"kind": "continual"},
    {"kind": "nystromformer", "count": 4, "inverse": {"kind": "ridge", "lambda": 1e-2}},
    {"kind": "nystromformer", "count": 4, "inverse": {"kind": "newton-schulz", "iterations": 6}},
    *(
        {"kind": "continual-nystrom", "landmarks": update, "count": 4, "inverse": inverse}
        for update in ("fixed", "continual")
        for inverse in ({"kind": "ridge", "lambda": 1e-2}, {"kind": "newton-schulz", "iterations": 6})
    ),
]


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("attention", DEEP, ids=lambda attention: "-".join(map(str, attention.values())))
def test_two_layers_of_window_depth(attention: dict[str, Any], norm: str, program_path: Path, tmp_path: Path) -> None:
    """Windows that are recomputed in PyTorch have the logits of the program's retroactive pair."""
    config = network_config(Configuration("keywords", System("full"), 2, 12, 0), LABELS, WIDTH)
    config["encoder"] |= {"attention": attention, "depth": "window", "norm": norm}
    torch.manual_seed(0)
    network = Network(config, 0.0).eval()
    assert not network.sliding
    if attention.get("landmarks") == "fixed":
        network.fix_landmarks([(torch.randn(4, 4, 32), torch.randn(4, 4, 32)) for _ in range(2)])
    folder = tmp_path / "deep"
    folder.mkdir()
    deliver(network, folder)
    columns = np.random.default_rng(2).standard_normal((37, WIDTH)).astype(np.float32)
    with torch.no_grad():
        own = network.double()(torch.from_numpy(columns)[None].double())[0].numpy()
    found = encode(program_path, folder, columns)
    assert np.abs(found - own).max() < 1e-4
