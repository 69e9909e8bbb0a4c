"""Streams of features through the program."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from classifier_training import feature_evaluation
from classifier_training.configuration import architecture
from classifier_training.encoding import encode
from classifier_training.feature_commands import FEATURE_DEFAULTS, export_features
from classifier_training.feature_evaluation import program_encoder
from classifier_training.feature_options import StreamOptions
from classifier_training.feature_streams import FeatureStream, checked
from classifier_training.model import Network
from classifier_training.recipe import with_values


def test_streams_that_are_measured_at_a_time_have_the_logits_of_each(
    tmp_path: Path, program_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bit for bit, and in their order, however many processes and batches there are; also streams without a step."""
    monkeypatch.setattr(feature_evaluation, "_BATCH_STEPS", 40)
    values = {"width": 16, "heads": 2, "feed_forward": 16, "window": 8, "attention": "continual"}
    recipe = with_values(FEATURE_DEFAULTS, {"model": values}, "test")
    rng = np.random.default_rng(0)
    stream = FeatureStream("x", "here", rng.standard_normal((9, 2)), (0,), None, None, False)
    streams = checked(["a", "b"], [stream], StreamOptions().activation == "softmax")
    folder = tmp_path / "model"
    folder.mkdir()
    export_features(Network(architecture(recipe.model, streams.labels, 2)), recipe, streams, "model", folder)
    lengths = [40, 1, 0, 17, 9, 17, 3, 25, 50, 17, 0, 40, 3]
    inputs = [rng.standard_normal((length, 2)) for length in lengths]
    found = program_encoder(program_path, folder, threads=3)(inputs)
    assert [len(each) for each in found] == lengths
    assert all(np.array_equal(each, encode(program_path, folder, own)) for each, own in zip(found, inputs))
