"""A student of a network with YAMNet's architecture and random weights, with the real program."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from bundle_writer import write_yamnet, yamnet_tensors
from safetensors.numpy import load_file
from torch import Tensor

from classifier_training.agreement import zero_shot
from classifier_training.cli import main
from classifier_training.distillation import Mixtures, read_recordings
from classifier_training.errors import TrainingError
from classifier_training.metrics import average_precision
from classifier_training.program import Program
from classifier_training.recipe import Recipe, with_values
from classifier_training.store import Store
from classifier_training.yamnet import BLOCKS, read_stem


def test_average_precision_by_hand() -> None:
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.1])
    positive = np.array([True, False, True, False, True])
    # Right at the places 1, 3 and 5 of the order: (1/1 + 2/3 + 3/5) / 3.
    assert average_precision(scores, positive) == pytest.approx((1 + 2 / 3 + 3 / 5) / 3)
    assert average_precision(scores[::-1], positive[::-1]) == pytest.approx((1 + 2 / 3 + 3 / 5) / 3)


def test_zero_shot_by_hand() -> None:
    """Of the labels that classes go by, the most probable one counts; others are not asked."""
    labels, names = ("Bark", "Dog", "Rain", "Speech"), {"dog": ["Dog", "Bark"], "rain": ["Rain"]}
    scores = np.array([[0.2, 0.1, 0.1, 0.9], [0.0, 0.3, 0.2, 0.0], [0.1, 0.5, 0.4, 0.0]])
    assert zero_shot(scores, labels, [(0, "dog"), (1, "dog"), (2, "rain")], names) == pytest.approx(2 / 3)


def test_recordings(sounds: Path) -> None:
    dataset = read_recordings(sounds, "high/s[01]_")
    assert len(dataset.clips) == 72 and len(dataset.of(held_out=True)) == 6
    assert dataset.labels == ("_background_noise_", "_silence_", "high", "low")
    with pytest.raises(TrainingError, match="none is left"):
        read_recordings(sounds, ".")
    with pytest.raises(TrainingError, match="no audio files"):
        read_recordings(sounds / "nothing", "")


def test_distil(program_path: Path, sounds: Path, tmp_path: Path) -> None:
    """The frozen layers are the teacher's, the others have learned; the card has the agreement."""
    checkpoint = write_yamnet(tmp_path / "yamnet", yamnet_tensors(BLOCKS, np.random.default_rng(0)))
    out = tmp_path / "models" / "student"
    places = ["--data", str(sounds), "--out", str(out), "--work", str(tmp_path / "work")]
    options = (
        "--stem yamnet --yamnet-blocks 2 --frozen-layers 2 --frozen-copies 1 --hours 0.004 --clip-seconds 2 "
        "--epochs 1 --landmark-epochs 1 --width 16 --heads 2 --feed-forward 16 --layers 1 --landmarks 2 --batch 4"
    ).split()
    assert main(["distil", *places, "--yamnet", str(checkpoint), "--held-out", "/s1_", *options]) == 0
    config, tensors = json.loads((out / "config.json").read_text()), load_file(out / "model.safetensors")
    assert config["activation"] == "sigmoid" and len(config["labels"]) == 521 and config["summary_from_ms"] == 1000
    assert config["labels"][3] == "Sound 3, of a kind" and config["card"]["label_ids"][3] == "/m/00003"
    stem = read_stem(checkpoint, 2)
    for name, tensor in stem.items():
        same = np.array_equal(tensors[f"stem.{name}"], tensor.astype(np.float16))
        assert same == (not name.startswith("layers.2."))
    agreement = config["card"]["agreement"]
    assert agreement["recordings"] == 6 and 0 <= agreement["mean_average_precision"] <= 1
    assert not list((tmp_path / "work").glob("copies-*"))


def test_teachers_hear_quiet_and_clipped_mixtures_as_loud_as_others(
    program_path: Path, sounds: Path, tmp_path: Path
) -> None:
    """The student hears a mixture at its level and clipped, the teacher at -20 dBFS or with peaks of 1."""
    program = Program(program_path, Recipe().model.frontend, tmp_path)
    heard: list[np.ndarray] = []

    def targets(samples: np.ndarray, features: Tensor) -> tuple[np.ndarray, np.ndarray]:
        heard.append(samples)
        assert np.array_equal(features.numpy(), program.features(samples))
        return np.zeros((*features.shape[:2], 3), np.float32), np.ones(features.shape[1], bool)

    dataset = read_recordings(sounds, "")
    for level in (-60.0, 10.0):
        values = {"mixture_dbfs": [level, level], "teacher_dbfs": -20.0, "gain_db": [0.0, 0.0], "clip_seconds": 2.0}
        recipe = with_values(Recipe(), {"training": values}, "test")
        source = Mixtures(dataset, Store(dataset, program, tmp_path, 0), targets, program, 1, recipe)
        numbers = np.arange(8)
        chunk = source.chunk(numbers, np.random.default_rng(1))
        student = source.samples(8, np.random.default_rng(1))
        assert np.array_equal(chunk.inputs.numpy(), program.features(student))
        for quiet, loud in zip(student, heard.pop()):
            peak, rms = np.abs(loud).max(), np.sqrt(np.mean(np.square(loud)))
            assert peak <= 1 + 1e-6
            assert peak == pytest.approx(1) or rms == pytest.approx(0.1, rel=1e-3)
            if level < 0:
                assert np.sqrt(np.mean(np.square(quiet))) < 0.002
                gain = np.abs(loud).max() / np.abs(quiet).max()
                np.testing.assert_allclose(loud, quiet * gain, atol=1e-6)
            else:
                assert np.abs(quiet).max() == 1
