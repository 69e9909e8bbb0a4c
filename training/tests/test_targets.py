"""The targets of tokens, and their weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from classifier_training.errors import TrainingError
from classifier_training.frontend import Frontend
from classifier_training.store import active_region
from classifier_training.targets import TargetRule, token_times

YAMNET = Frontend(sample_rate=16000, bands=64, hop=160, window_length=400, fft_length=512, center=False)
TIMES = np.arange(1, 51) * 0.04  # two seconds of tokens


def targets(
    silence: int | None = 0, quiet: int | None = 0, **piece: object
) -> tuple[np.ndarray, np.ndarray, int | None]:
    rule = TargetRule(silence, quiet, (0.5, 1.0), last_weight=2.0, memory=0.6)
    labels, weights = np.zeros(len(TIMES), int), np.zeros(len(TIMES))
    values: dict[str, Any] = {"label": 3, "onset": 0.2, "end": 0.6, "length": 1.0, "complete": True, **piece}
    last = rule.apply(TIMES, labels, weights, **values)
    return labels, weights, last


def test_a_word_counts_from_its_middle_and_in_full_from_its_end() -> None:
    labels, weights, last = targets()
    before, first_half = TIMES < 0.199, (TIMES > 0.201) & (TIMES < 0.399)
    after = (TIMES > 0.601) & (TIMES < 0.96)
    assert (labels[before] == 0).all() and (weights[before] == 0.1).all()
    assert (weights[first_half] == 0).all()
    rising = weights[(TIMES > 0.401) & (TIMES < 0.599)]
    assert (np.diff(rising) > 0).all() and 0 < rising[0] < rising[-1] < 1
    assert (labels[after] == 3).all() and (weights[after] == 1).all()
    assert last is not None and TIMES[last] <= 1.0 < TIMES[last + 1] and weights[last] == 2


def test_silence_after_a_word_counts_only_when_its_label_has_faded() -> None:
    rule = TargetRule(0, 0, (0.5, 1.0), 2.0, 0.6)
    labels, weights = np.zeros(len(TIMES), int), np.zeros(len(TIMES))
    rule.apply(TIMES, labels, weights, label=3, onset=0.2, end=0.9, length=1.0, complete=True)
    rule.apply(TIMES - 1.0, labels, weights, label=None, onset=0, end=1, length=1.0, complete=True)
    weights = np.nan_to_num(weights)
    assert (weights[(TIMES > 1.001) & (TIMES < 1.499)] == 0).all()
    assert (weights[TIMES > 1.501] == 0.1).all() and (labels[TIMES > 1.501] == 0).all()


def test_a_cut_word_counts_for_nothing() -> None:
    _, weights, _ = targets(onset=-0.1, end=0.3, length=0.5, complete=False)
    assert (weights[TIMES <= 0.5] == 0).all()


def test_without_a_label_for_it_silence_counts_for_nothing() -> None:
    _, weights, _ = targets(silence=None, quiet=None)
    assert (weights[TIMES < 0.399] == 0).all() and np.nanmax(weights[TIMES > 0.601]) == 2


def test_without_a_label_of_its_own_silence_is_none_of_the_sounds() -> None:
    labels, weights, _ = targets(silence=None, quiet=7)
    before = TIMES < 0.199
    assert (labels[before] == 7).all() and (weights[before] == 1).all()
    # A recording with that label is a sound like others.
    labels, weights, last = targets(silence=None, quiet=7, label=7)
    assert last is not None and (labels[TIMES > 0.201][:10] == 7).all() and weights[last] == 2
    assert (weights[(TIMES > 0.601) & (TIMES < 0.96)] == 1).all()


def test_token_times_end_with_the_newest_sample() -> None:
    # Token 0 covers the frames 0 to 3; frame 3 ends with sample 3 * 160 + 400.
    times = token_times(YAMNET, 4, 16000)
    assert len(times) == 24 and times[0] == 880 / 16000 and times[-1] <= 1.0


def test_active_region_finds_a_burst_and_gives_up_on_steady_sound() -> None:
    rng = np.random.default_rng(0)
    samples = (0.001 * rng.standard_normal(16000)).astype(np.float32)
    assert active_region(samples, 16000).end == 16000
    samples[5000:9000] += 0.3 * np.sin(np.arange(4000)).astype(np.float32)
    region = active_region(samples, 16000)
    assert abs(region.start - 5000) <= 320 and abs(region.end - 9000) <= 320


def test_frames_of_centred_and_plain_front_ends() -> None:
    assert YAMNET.frames(16000) == 98 and YAMNET.frames(399) == 0 and YAMNET.margin == 0
    librosa = Frontend(sample_rate=22050, bands=128, hop=512, window_length=2048, fft_length=2048, center=True)
    assert librosa.frames(22050) == 44 and librosa.margin == 1024


def test_values_of_a_model_override_those_of_a_recipe() -> None:
    recipes = {"yamnet": {"recipe": "yamnet", "log": "ln", **vars(YAMNET)}}
    assert Frontend.of({"recipe": "yamnet"}, recipes) == YAMNET
    assert Frontend.of({"recipe": "yamnet", "bands": 40}, recipes).bands == 40
    assert Frontend.of({"recipe": "custom", **vars(YAMNET)}, recipes) == YAMNET
    with pytest.raises(TrainingError, match="unknown front-end recipe `mel`; it is one of custom, yamnet"):
        Frontend.of({"recipe": "mel"}, recipes)
    with pytest.raises(TrainingError, match="the front-end `custom` lacks the key 'bands'"):
        Frontend.of({"recipe": "custom", "sample_rate": 8000}, recipes)
