"""YAMNet, by sounds that have a name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from classifier_training.errors import TrainingError
from classifier_training.program import Program
from classifier_training.teacher import HOP, PATCH, Teacher


@pytest.fixture(scope="module")
def teacher() -> Teacher:
    try:
        return Teacher.read(None)
    except TrainingError as error:
        pytest.skip(f"needs YAMNet's weights: {error}")


def test_the_class_map(teacher: Teacher) -> None:
    assert len(teacher.labels) == len(set(teacher.labels)) == len(teacher.ontology) == 521
    assert teacher.labels[0] == "Speech" and teacher.ontology[0] == "/m/09x0r"


@pytest.mark.parametrize(
    ("label", "sound"),
    [
        ("Silence", lambda time: np.zeros_like(time)),
        ("White noise", lambda time: np.random.default_rng(51773).uniform(-1, 1, len(time))),
        # North America's: ITU-T E.180.
        ("Dial tone", lambda time: (np.sin(2 * np.pi * 350 * time) + np.sin(2 * np.pi * 440 * time)) / 4),
    ],
)
def test_known_sounds(
    teacher: Teacher,
    program_path: Path,
    tmp_path: Path,
    label: str,
    sound: Callable[[np.ndarray], np.ndarray],
) -> None:
    program = Program(program_path, {"recipe": "yamnet"}, tmp_path)
    samples = sound(np.arange(0, 3, 1 / 16000)).astype(np.float32)
    features = torch.from_numpy(np.ascontiguousarray(program.features(samples[None])))
    scores = teacher.patch_logits(features).sigmoid()[0]
    assert scores.shape == ((len(features[0]) - PATCH) // HOP + 1, 521)
    best = scores.mean(0).topk(1 if label == "Silence" else 3).indices
    assert label in [teacher.labels[index] for index in best]


def test_tokens_have_the_patch_that_ends_with_them(teacher: Teacher) -> None:
    features = torch.randn(2, 400, 64) - 3
    tokens, mask = teacher.token_logits(features, 16)
    assert tokens.shape == (2, 25, 521)
    # The newest frame of token j is 16 j + 15; patches of 96 frames end there from 95 on, the last one at 383.
    assert mask.tolist() == [95 <= 16 * j + 15 <= 383 for j in range(25)]
    for token, first in ((5, 0), (8, 48), (23, 288)):
        expected = teacher.patch_logits(features[:, first : first + PATCH])[:, 0]
        assert np.allclose(tokens[:, token], expected, atol=0.02)
    between = (teacher.patch_logits(features[:, :PATCH]) * 2 + teacher.patch_logits(features[:, 48:144])) / 3
    assert np.allclose(tokens[:, 6], between[:, 0], atol=0.02)
