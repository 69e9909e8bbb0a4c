"""The experiment's attention systems against the program, which has an oracle of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from classifier_training.program import Program
from experiments.deliver import deliver
from experiments.grid import SYSTEMS, Configuration, System
from experiments.network import Network, network_config

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
    program = Program(program_path, {"recipe": "yamnet"}, tmp_path / "work")
    with torch.no_grad():
        own = network(torch.from_numpy(columns)[None])[0].numpy()
    found = program.encode(folder, columns)
    assert found.shape == own.shape
    assert np.abs(found - own).max() < 1e-4
