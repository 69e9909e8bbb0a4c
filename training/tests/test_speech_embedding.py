"""Google's speech embedding, against what ONNX Runtime makes of the same files, and models that learn it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from classifier_training.cli import main
from classifier_training.errors import TrainingError
from classifier_training.speech_embedding import HOP, WIDTH, WINDOW, SpeechEmbedding


@pytest.fixture(scope="module")
def wheel() -> Path:
    pytest.importorskip("onnx", reason="needs the package onnx")
    if not (wheel := os.environ.get("SPEECH_EMBEDDING")):
        pytest.skip("needs the wheel of openwakeword 0.1.1: scripts/speech-embedding")
    return Path(wheel)


@pytest.fixture(scope="module")
def chirp() -> torch.Tensor:
    """(1, 32000): a rising tone that comes and goes, and a steady one."""
    time = np.arange(32000) / 16000
    rising = 0.3 * np.sin(2 * np.pi * (200 * time + 300 * time * time)) * np.sin(2 * np.pi * 3 * time) ** 2
    return torch.from_numpy((rising + 0.01 * np.sin(2 * np.pi * 1234.5 * time)).astype(np.float32))[None]


def test_embeddings_are_those_of_onnx_runtime(wheel: Path, chirp: torch.Tensor) -> None:
    found = SpeechEmbedding(wheel).embeddings(chirp)[0]
    assert found.shape == (16, WIDTH)
    # ONNX Runtime 1.x, window by window.
    first = [-11.005419, 36.81404, 10.928721, -8.217526, 1.1806655, 15.946727]
    eleventh = [-17.824211, -8.719428, 38.088795, -24.973362, -14.655531, -15.088339]
    assert np.allclose(found[0, :6], first, atol=2e-3) and np.allclose(found[10, 40:46], eleventh, atol=2e-3)
    assert float(found.std()) == pytest.approx(15.844235, rel=1e-2)


def test_tokens_have_the_embedding_that_ends_with_them(wheel: Path, chirp: torch.Tensor) -> None:
    teacher = SpeechEmbedding(wheel)
    teacher.standardise(chirp)
    found = teacher.embeddings(chirp)
    assert torch.allclose(found.mean((0, 1)), torch.zeros(WIDTH), atol=1e-4)
    targets, mask = teacher.token_embeddings(chirp, 4)
    # Token j ends with frame 4 j + 3; embedding i with frame 8 i + 75, which is that of token 2 i + 18.
    assert targets.shape == (1, 49, WIDTH) and [int(j) for j in np.flatnonzero(mask)] == list(range(18, 49, 2))
    assert (WINDOW, HOP) == (76, 8)
    assert np.allclose(targets[0, 18::2], found[0], atol=0.01)


def test_pretrain(wheel: Path, program_path: Path, sounds: Path, tmp_path: Path) -> None:
    """A model that others can start from."""
    out = tmp_path / "models" / "start"
    network = "--stem-channels 8 8 --time-strides 2 2 --band-strides 2 2 --width 16 --heads 2 --layers 1 --landmarks 2"
    options = "--hours 0.004 --clip-seconds 2 --epochs 1 --landmark-epochs 1 --feed-forward 16 --batch 4"
    paths = ["--data", str(sounds), "--out", str(out), "--work", str(tmp_path / "work"), "--embedding", str(wheel)]
    assert main(["pretrain", *paths, *network.split(), *options.split()]) == 0
    assert len(json.loads((out / "config.json").read_text())["labels"]) == WIDTH
    options = f"--initial {out} --split random --epochs 1 --landmark-epochs 1 --feed-forward 16 --background none"
    paths = ["--data", str(sounds), "--out", str(tmp_path / "models" / "words"), "--work", str(tmp_path / "work")]
    assert main(["train", *paths, *network.split(), *options.split()]) == 0


def test_other_files_are_refused(tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="needs the package onnx")
    (tmp_path / "a.whl").write_bytes(b"no wheel")
    with pytest.raises(TrainingError, match="is not the wheel"):
        SpeechEmbedding(tmp_path / "a.whl")
