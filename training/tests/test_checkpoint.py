"""Checkpoints and atomic files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from classifier_training.checkpoint import load_checkpoint, save_checkpoint
from classifier_training.errors import TrainingError
from classifier_training.files import atomic_directory, atomic_file


def test_a_checkpoint_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "work" / "a.checkpoint"
    assert load_checkpoint(path, {}) is None
    save_checkpoint(path, {"epochs": 3, "speed": (0.9, 1.1)}, {"epoch": 2, "model": {"w": torch.ones(3)}})
    state = load_checkpoint(path, {"epochs": 3, "speed": (0.9, 1.1)})
    assert state is not None and state["epoch"] == 2 and torch.equal(state["model"]["w"], torch.ones(3))


def test_a_checkpoint_of_another_configuration_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.checkpoint"
    save_checkpoint(path, {"model": {"width": 64}, "epochs": 3}, {})
    with pytest.raises(TrainingError, match=r"model\.width is 64 there and 128 here.*--restart"):
        load_checkpoint(path, {"model": {"width": 128}, "epochs": 3})


def test_options_of_another_version_are_not_compared(tmp_path: Path) -> None:
    path = tmp_path / "a.checkpoint"
    save_checkpoint(path, {"training": {"batch": 3, "removed": 1}}, {"epoch": 2})
    state = load_checkpoint(path, {"training": {"batch": 3, "added": 0}})
    assert state is not None and state["epoch"] == 2
    with pytest.raises(TrainingError, match=r"training\.batch is 3 there and 4 here"):
        load_checkpoint(path, {"training": {"batch": 4, "added": 0}})


def test_a_training_may_go_on_for_longer(tmp_path: Path) -> None:
    path = tmp_path / "a.checkpoint"
    save_checkpoint(path, {"training": {"epochs": 3, "patience": 2}}, {"epoch": 2})
    state = load_checkpoint(path, {"training": {"epochs": 40, "patience": 9}})
    assert state is not None and state["identity"]["training"]["epochs"] == 3


def test_clips_that_came_and_went_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.checkpoint"
    clips = [[f"dog/{number}.wav", "dog", number < 2] for number in range(6)]
    save_checkpoint(path, {"clips": clips}, {})
    with pytest.raises(TrainingError, match=r"cat/1\.wav, dog/9\.wav came; dog/3\.wav went"):
        load_checkpoint(
            path, {"clips": [*clips[:3], *clips[4:], ["cat/1.wav", "cat", True], ["dog/9.wav", "dog", False]]}
        )


@pytest.mark.parametrize("content", [b"", b"not a checkpoint"])
def test_a_damaged_checkpoint_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.checkpoint"
    path.write_bytes(content)
    with pytest.raises(TrainingError, match="is not a checkpoint"):
        load_checkpoint(path, {})


def test_an_interrupted_write_leaves_the_old_files(tmp_path: Path) -> None:
    file, folder = tmp_path / "file", tmp_path / "folder"
    file.write_text("old")
    folder.mkdir()
    (folder / "old").touch()

    def interrupted_file() -> None:
        with atomic_file(file) as path:
            path.write_text("new")
            raise KeyError

    def interrupted_folder() -> None:
        with atomic_directory(folder) as fresh:
            (fresh / "new").touch()
            raise KeyError

    for interrupted in (interrupted_file, interrupted_folder):
        with pytest.raises(KeyError):
            interrupted()
    assert file.read_text() == "old" and [p.name for p in folder.iterdir()] == ["old"]
    with atomic_directory(folder) as fresh:
        assert fresh.name == folder.name
        (fresh / "new").touch()
    assert [p.name for p in folder.iterdir()] == ["new"] and sorted(p.name for p in tmp_path.iterdir()) == [
        "file",
        "folder",
    ]
