"""The processor that a model is trained on. There is no graphics card here: a second name of the CPU stands for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from test_feature_training import data
from torch import Tensor

from classifier_training.cli import main
from classifier_training.device import training_device
from classifier_training.feature_commands import FEATURE_DEFAULTS, fit_features
from classifier_training.feature_reading import read_streams
from classifier_training.model import Network
from classifier_training.recipe import with_values

__all__ = ["data"]  # a fixture
OTHER = torch.device("cpu", 0)


@pytest.mark.parametrize(("is_there", "given", "expected"), [(False, "auto", "cpu"), (True, "auto", "cuda")])
def test_a_card_is_used_if_there_is_one(
    is_there: bool, given: str, expected: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: is_there)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda: "a card")
    assert training_device(given) == training_device(expected) == torch.device(expected)
    assert training_device("cpu") == torch.device("cpu")
    assert ("training on a card" in capsys.readouterr().err) == is_there


@pytest.mark.parametrize("version", ["12.4", None])
def test_a_card_that_is_not_there_is_refused(
    version: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any
) -> None:
    """Before anything is read or written; the message says whether PyTorch could use one at all."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.version.cuda", version)
    places = ["--data", str(tmp_path / "none"), "--out", str(tmp_path / "model"), "--device", "cuda"]
    for command in ("train", "distil", "train-features"):
        assert main([command, *places]) == 64
        message = capsys.readouterr().err
        assert message.startswith("error: --device cuda: PyTorch") and "use --device cpu" in message
        assert ("finds no graphics card" if version else "is built without CUDA") in message
    with pytest.raises(SystemExit):
        main(["train", *places[:-1], "gpu"])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("system", ["continual-nystrom", "continual"])
def test_the_network_and_its_batches_go_to_the_device(
    system: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every tensor that the network computes with was moved, and the result is that of the CPU."""
    values = {"model": {"attention": system, "width": 16, "heads": 2, "feed_forward": 16, "landmarks": 4, "window": 8}}
    recipe = with_values(FEATURE_DEFAULTS, {**values, "training": {"epochs": 1, "landmark_epochs": 1}}, "test")
    streams = read_streams(data, (), recipe.streams)
    expected = fit_features(recipe, streams, tmp_path / "cpu.checkpoint").state_dict()

    moved: dict[int, Tensor] = {}  # by the address of the data, which is kept, so that no other tensor gets it
    move, forward = Tensor.to, Network.forward

    def to(tensor: Tensor, *arguments: Any, **named: Any) -> Tensor:
        result: Tensor = move(tensor, *arguments, **named)
        if OTHER in arguments:
            result = result.clone() if result is tensor else result
            moved[result.data_ptr()] = result
        return result

    def watched(network: Network, x: Tensor) -> Tensor:
        assert x.data_ptr() in moved
        for name, tensor in network.state_dict().items():
            assert tensor.data_ptr() in moved or ".landmarks." in name
        networks.add(id(network))
        return forward(network, x)

    networks: set[int] = set()
    monkeypatch.setattr(Tensor, "to", to)
    monkeypatch.setattr(Network, "forward", watched)
    found = fit_features(recipe, streams, tmp_path / "other.checkpoint", OTHER).state_dict()
    assert len(networks) == (2 if "nystrom" in system else 1)  # the landmarks are those of the average
    assert list(found) == list(expected) and all(torch.equal(found[name], expected[name]) for name in expected)
