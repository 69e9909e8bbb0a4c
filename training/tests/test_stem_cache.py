"""Sequences composed of the cached features of a frozen stem, against the stem's output for the same sound."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from bundle_writer import write_yamnet, yamnet_tensors
from torch import Tensor

from classifier_training.compose import Composer
from classifier_training.configuration import architecture
from classifier_training.dataset import Dataset, read_dataset
from classifier_training.distillation import read_recordings
from classifier_training.initial import take_stem
from classifier_training.model import Classifier
from classifier_training.program import Program
from classifier_training.recipe import Recipe, with_values
from classifier_training.recordings import Recordings
from classifier_training.stem_cache import StemCache
from classifier_training.store import Store
from classifier_training.yamnet import read_stem

BLOCKS = 1
PLAIN: dict[str, Any] = {
    "noise_probability": 0.0,
    "gain_db": (0.0, 0.0),
    "speed": (1.0, 1.0),
    "colour_db": 0.0,
    "echo_probability": 0.0,
    "time_mask_frames": 0,
    "band_mask_bands": 0,
}


@pytest.fixture(autouse=True)
def without_shift(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clips stay where they are, so that the features of a clip can be compared."""
    monkeypatch.setattr("classifier_training.compose._SHIFT_SECONDS", 0.0)


def cache_of(
    program: Program, sounds: Path, tmp_path: Path, held_out: int, unknown: bool = False, **training: Any
) -> tuple[StemCache, Dataset, Store, Any]:
    """With a stem of YAMNet's shape and random weights; `held_out` is the seed of the split.

    With `unknown` the sounds are recordings with that label, too.
    """
    values: dict[str, dict[str, Any]] = {
        "data": {"split_seed": held_out, "unknown": unknown},
        "model": {"stem": "yamnet", "yamnet_blocks": BLOCKS},
        "training": {**PLAIN, **training},
    }
    recipe = with_values(Recipe(), values, "test")
    dataset = read_dataset(sounds, recipe.data)
    model = Classifier(architecture(recipe.model, dataset.labels, 64)).eval()
    folder = tmp_path / "yamnet"
    if not folder.exists():
        write_yamnet(folder, yamnet_tensors(BLOCKS, np.random.default_rng(0)))
    take_stem(model, read_stem(folder, BLOCKS))

    @torch.no_grad()
    def stem(features: Tensor) -> Tensor:
        return model.begin(features, model.stem.depth)

    store = Store(dataset, program, tmp_path / "work", 400)
    recordings = None
    if unknown:
        found = read_recordings(sounds, "")
        recordings = Recordings(found, Store(found, program, tmp_path / "work", 0), program.frontend.sample_rate)
    composer = Composer(dataset, store, program.frontend, model.frames_per_token, recipe, recordings)
    cache = StemCache(dataset.clips, composer, program, recipe.training, stem, torch.zeros(64), tmp_path / "copies")
    return cache, dataset, store, stem


@pytest.fixture
def program(program_path: Path, tmp_path: Path) -> Program:
    return Program(program_path, {"recipe": "yamnet"}, tmp_path / "work")


@pytest.mark.parametrize("cold", [1.0, 0.0])
def test_features_are_those_of_the_sound(program: Program, sounds: Path, tmp_path: Path, cold: float) -> None:
    """A clip that starts the stream, and one after other sound: there all but what the stem still sees of that."""
    cache, dataset, store, stem = cache_of(program, sounds, tmp_path, 2, cold_fraction=cold)
    clips = dataset.of(held_out=False)
    chunk = cache.chunk(0, np.arange(6), np.random.default_rng(0))
    for row in range(6):
        clip = clips[row]
        features = program.features(store.samples(clip)[None])
        expected = stem(torch.from_numpy(np.ascontiguousarray(features)))[0]  # (channels, tokens, bands)
        count = expected.shape[1]
        end = int(chunk.last[row]) + 1
        found = chunk.inputs[row, :, end - count : end].float()
        seen = 0 if cold else 6  # columns of YAMNet's first block that look back on what was before
        assert count > 40 and (cold == 0 or end == count)
        assert torch.allclose(found[:, seen:], expected[:, seen:], atol=2e-3, rtol=2e-3)
        label = dataset.labels.index(clip.label)
        assert chunk.labels[row, end - 1] == label
        assert (chunk.weights[row, end - count : end] > 0).any()


def test_sounds_of_copies_have_a_level(program: Program, sounds: Path, tmp_path: Path) -> None:
    """The way to the program is the same as in training without copies: here 20 dB quieter."""
    quiet: dict[str, Any] = {"level_probability": 1.0, "level_db": (-20.0, -20.0)}
    cache, dataset, store, stem = cache_of(program, sounds, tmp_path, 2, cold_fraction=1.0, **quiet)
    chunk = cache.chunk(0, np.arange(6), np.random.default_rng(0))
    for row, clip in enumerate(dataset.of(held_out=False)[:6]):
        features = program.features(np.float32(0.1) * store.samples(clip)[None])
        expected = stem(torch.from_numpy(np.ascontiguousarray(features)))[0]
        found = chunk.inputs[row, :, : expected.shape[1]].float()
        assert torch.allclose(found, expected, atol=2e-3, rtol=2e-3)


@pytest.mark.parametrize(
    "option", [{"room_probability": 1.0}, {"telephone_probability": 1.0}, {"level_probability": 1.0}]
)
def test_copies_differ_with_the_way_of_the_sound(
    program: Program, sounds: Path, tmp_path: Path, option: dict[str, Any]
) -> None:
    plain, *_ = cache_of(program, sounds, tmp_path, 2)
    changed, *_ = cache_of(program, sounds, tmp_path / "changed", 2, **option)
    rng = np.random.default_rng
    assert not torch.equal(plain.chunk(0, np.arange(2), rng(0)).inputs, changed.chunk(0, np.arange(2), rng(0)).inputs)


def test_models_of_all_folds_share_a_copy(program: Program, sounds: Path, tmp_path: Path) -> None:
    """It is there when the second split asks for it, and no sequence has a clip that is held out."""
    first, *_ = cache_of(program, sounds, tmp_path, 2)
    one = first.chunk(0, np.arange(first.count), np.random.default_rng(0))
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "copies").rglob("*")}
    second, dataset, *_ = cache_of(program, sounds, tmp_path, 3)
    two = second.chunk(0, np.arange(second.count), np.random.default_rng(0))
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "copies").rglob("*")} == written
    assert len(one) == first.count and len(two) == len(dataset.of(held_out=False))
    again = second.chunk(0, np.arange(second.count), np.random.default_rng(0))
    assert torch.equal(two.inputs, again.inputs) and torch.equal(two.weights, again.weights)


def test_recordings_are_unknown(program: Program, sounds: Path, tmp_path: Path) -> None:
    """In sequences of their own, and between clips."""
    cache, dataset, *_ = cache_of(program, sounds, tmp_path, 2, unknown=True)
    trained, unknown = len(dataset.of(held_out=False)), dataset.labels.index("_unknown_")
    chunk = cache.chunk(0, np.arange(cache.count), np.random.default_rng(0))
    judged = chunk.weights > 0
    own = judged[trained:]
    assert cache.count > trained and own.any() and bool((chunk.labels[trained:][own] == unknown).all())
    among = chunk.labels[:trained][judged[:trained]]
    assert bool((among == unknown).any()) and bool((among != unknown).any())


def test_silence_is_unknown_without_a_label_of_its_own(
    program: Program, sounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("classifier_training.stem_cache._OTHER", 0.0)  # no recordings around the clips
    shutil.rmtree(sounds / "_silence_")
    cache, dataset, *_ = cache_of(program, sounds, tmp_path, 2, unknown=True, cold_fraction=0.0, context_seconds=3.0)
    chunk = cache.chunk(0, np.arange(cache.count), np.random.default_rng(0))
    around = slice(len(dataset.of(held_out=False)))
    unknown = chunk.labels[around] == dataset.labels.index("_unknown_")
    assert bool((chunk.weights[around][unknown] > 0).any())
