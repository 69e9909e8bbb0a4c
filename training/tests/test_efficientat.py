"""EfficientAT's mn04, by real sounds and by sounds made by definition."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from classifier_training import tagging
from classifier_training.agreement import zero_shot
from classifier_training.efficientat import EfficientAT
from classifier_training.errors import TrainingError
from classifier_training.frontend import Frontend
from classifier_training.program import Program
from classifier_training.tag_teacher import TagTeacher, frequency_offsets, sigmoid

DATA = Path(os.environ.get("FEATURE_DATA", "/nowhere"))
CHECKPOINT = DATA / "teachers" / "mn04_as_mAP_432.pt"
needs_data = pytest.mark.skipif(not CHECKPOINT.exists(), reason="needs EfficientAT's checkpoint, in $FEATURE_DATA")


@needs_data
def test_frames_do_not_depend_on_the_rate() -> None:
    """A tone below 8 kHz has the same frames from 16 and from 32 kHz, and its peak in the band around it."""
    network = EfficientAT.read(CHECKPOINT)

    def tone(rate: int) -> torch.Tensor:
        return torch.sin(2 * torch.pi * 1000 * torch.arange(rate) / rate)[None]

    low, high = (network.frames(tone(rate), rate)[0] for rate in (16_000, 32_000))
    assert low.shape == high.shape == (100, 128)
    inside = slice(5, 95)  # the ends of a sampled tone differ
    assert torch.allclose(low[inside].max(1).values, high[inside].max(1).values, atol=0.01)
    edges = 700 * np.expm1(np.linspace(0, np.log1p(15_000 / 700), 130))
    peak = int(high[50].argmax())
    assert edges[peak] < 1000 < edges[peak + 2]


@needs_data
def test_it_names_sounds(program_path: Path, tmp_path: Path) -> None:
    """Every tenth clip of ESC-50, without training on its classes; another implementation has 77.1 % of all clips."""
    with (DATA / "esc50" / "esc50.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))[::10]
    with (DATA / "audioset-vggish" / "class_labels_indices.csv").open(newline="", encoding="utf-8") as file:
        labels = [row["display_name"] for row in csv.DictReader(file)]
    network = EfficientAT.read(CHECKPOINT)
    assert network.labels == len(labels) == 527
    program = Program(program_path, {"recipe": "yamnet"}, tmp_path)
    scores = []
    for row in rows:
        samples = torch.from_numpy(program.samples(DATA / "esc50" / "audio" / row["filename"]))[None]
        scores.append(network.logits(network.frames(samples, 16_000))[0].numpy())
    classes = [(number, row["category"]) for number, row in enumerate(rows)]
    names = json.loads((Path(tagging.__file__).parent / "data" / "esc50-audioset.json").read_text(encoding="utf-8"))
    assert abs(zero_shot(np.array(scores), labels, classes, names) - 0.771) < 0.07  # two standard errors


def test_a_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="cannot read"):
        EfficientAT.read(tmp_path / "nothing.pt")
    torch.save({"features.0.0.weight": torch.zeros(1, 1, 3, 3)}, tmp_path / "other.pt")
    with pytest.raises(TrainingError, match="no checkpoint of EfficientAT"):
        EfficientAT.read(tmp_path / "other.pt")


class Level:
    """A network whose 527 logits are the mean of the frames that it hears."""

    labels = 527

    def frames(self, samples: torch.Tensor, rate: int) -> torch.Tensor:
        return samples[:, :: rate // 100, None].expand(-1, -1, 128)

    def logits(self, frames: torch.Tensor) -> torch.Tensor:
        return frames.mean((1, 2))[:, None].expand(-1, 527)


class Certain:
    """A network of 521 labels whose probability is 0.9 everywhere."""

    def token_logits(self, features: torch.Tensor, per_token: int) -> tuple[np.ndarray, np.ndarray]:
        tokens = features.shape[1] // per_token
        logits = np.full((len(features), tokens, 521), np.log(9), np.float16)
        return logits, np.arange(tokens) >= 5


def test_the_mean_of_two_teachers() -> None:
    """A fifth of YAMNet's probability and four fifths of the other's, which hears the newest three seconds."""
    frontend = Frontend(16_000, 64, 160, 400, 512, False)
    teacher = TagTeacher(Certain(), frontend, 16, Level())  # type: ignore[arg-type]
    samples = np.zeros((1, 160_000), np.float32)
    samples[0, 80_000:] = 2.0  # the level is 0 for five seconds, and then 2
    logits, mask = teacher.token_logits(samples, torch.zeros(1, frontend.frames(160_000), 64))
    found = sigmoid(logits[0].astype(np.float32))[:, 0]
    times = (np.arange(1, len(mask) + 1) * 16 - 1) * 0.01 + 0.025
    level = 2 * np.clip((times - 5) / 3, 0, 1)
    expected = 0.2 * 0.9 + 0.8 * sigmoid(level)
    assert mask.tolist() == [number >= 5 for number in range(62)]
    assert np.allclose(found[mask], expected[mask], atol=0.04)  # the level between two windows is that of both
    assert np.allclose(teacher.scores(samples[0], torch.zeros(998, 64)), found[mask].mean(), atol=0.01)
    assert teacher.name == "YAMNet and EfficientAT"
    assert TagTeacher(Certain(), frontend, 16).name == "YAMNet"  # type: ignore[arg-type]


def test_offsets_of_frequent_labels() -> None:
    """25.88 % of AudioSet's clips have speech; a sneeze is no more frequent than most sounds."""
    offsets = frequency_offsets(("Speech", "Sneeze"), 0.3)
    assert offsets.tolist() == pytest.approx([0.3 * np.log(0.2588 / 0.003), 0])
