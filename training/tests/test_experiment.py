"""The retention experiment: its grid, its streams, its runs and its document, on synthetic sounds."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from bundle_writer import write_yamnet, yamnet_tensors

from classifier_training.dataset import read_dataset
from classifier_training.errors import TrainingError
from classifier_training.model import Network
from classifier_training.program import Program
from classifier_training.store import Store
from experiments.datasets import experiment_dataset
from experiments.document import write_document
from experiments.fit import Budget, stream_batches, window_batches
from experiments.grid import EXACT, SYSTEMS, Configuration, System, grid, network_config
from experiments.measure import decision_logits
from experiments.runs import Runs
from experiments.speed import Cost, Speed, key, measured_speed
from experiments.stem_features import Sizes, StemFeatures, Streams, prepare
from experiments.streams import HeldOut
from experiments.summary import Mean, Summary, shapes

MOVING = System("continual-nystrom", "continual", 8)
SIZES = Sizes(tokens=60, streams=12, lead=30, width=12)
BUDGET = Budget(base_tokens=2000, tuning_tokens=600, recomputed_tokens=600, batch_tokens=240)


def synthetic_streams(count: int, tokens: int, seed: int) -> Streams:
    """Half of the labels are 1, and shift every number of their features."""
    generator = torch.Generator().manual_seed(seed)
    labels = (torch.rand(count, tokens // 10, generator=generator) < 0.5).long().repeat_interleave(10, 1)
    features = torch.randn(count, tokens, 12, generator=generator) + 2 * labels[..., None]
    row, token = np.divmod(np.arange(count * tokens // 10), tokens // 10)
    decisions = torch.from_numpy(np.stack([row, token * 10 + 9], 1))
    return Streams(features.half(), labels, torch.ones(labels.shape), decisions)


@pytest.fixture
def features() -> StemFeatures:
    return StemFeatures(
        ("a", "b"),
        0.04,
        synthetic_streams(24, 60, 0),
        synthetic_streams(8, 20, 1),
        synthetic_streams(6, 90, 2),
    )


def test_the_grid_has_every_system_in_every_shape() -> None:
    runs = grid()
    assert len(runs) == len({each.name for each in runs}) == 7 * 2 * 3 * 2 * 3
    assert {each.window for each in runs if each.system == MOVING} == {24, 120, 480}
    assert {each.window for each in runs if each.system == EXACT} == {25, 120, 480}
    assert all(each.window % 8 == 0 for each in runs if each.system.kind == "nystromformer")
    for index, each in enumerate(runs):
        assert each.repeats is None or runs.index(each.repeats) < index
    assert sum(each.repeats is not None for each in runs) == 18


def test_held_out_clips_are_decided_at_their_last_token(sounds: Path, program_path: Path, tmp_path: Path) -> None:
    recipe = experiment_dataset("keywords").recipe
    dataset = read_dataset(sounds, recipe.data)
    program = Program(program_path, recipe.model.frontend, tmp_path)
    store = Store(dataset, program, tmp_path, 400)
    held_out = HeldOut(dataset, store, program.frontend, 4, 0)
    clips = dataset.of(held_out=True)
    cold, long = held_out.cold(1.0), held_out.long(30, 3, 1.0)
    # A token of 4 frames ends with the sample 160 * (4 i + 3) + 400: of a second, token 23 is the last.
    assert cold.decisions.tolist() == [[index, 23] for index in range(len(clips))]
    assert [dataset.labels[label] for label in cold.labels[:, 23]] == [clip.label for clip in clips]
    assert len(long.decisions) == len(clips)
    decided = [dataset.labels[long.labels[row, token]] for row, token in long.decisions]
    assert sorted(decided) == sorted(clip.label for clip in clips)
    for row, token in long.decisions:
        assert token >= 30 + 24
        end = 160 * (4 * token + 3) + 400
        # The clip lies so that its end is less than a token after the token that decides.
        found = [
            clip
            for clip in clips
            for late in range(640)
            if end + late >= 16000
            and np.array_equal(long.samples[row, end + late - 16000 : end + late], store.samples(clip))
        ]
        assert [clip.label for clip in found][:1] == [dataset.labels[long.labels[row, token]]]


def test_columns_are_computed_once(
    sounds: Path, program_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = write_yamnet(tmp_path / "yamnet", yamnet_tensors(2, np.random.default_rng(0)))
    monkeypatch.setenv("YAMNET_CHECKPOINT", str(checkpoint))
    monkeypatch.setenv("AUDIO_CLASSIFIERD", str(program_path))
    recipe = experiment_dataset("keywords").recipe
    recipe = replace(recipe, model=replace(recipe.model, yamnet_blocks=2))
    keywords = replace(experiment_dataset("keywords"), path=sounds.name, scored=3, recipe=recipe)
    work = tmp_path / "work"
    work.mkdir()
    first = prepare(keywords, sounds.parent, work, SIZES)
    assert first.labels == ("_silence_", "high", "low") and first.seconds == 0.04
    assert first.training.features.shape == (12, 60, 12) and first.training.labels.shape == (12, 60)
    assert first.training.weights.max() > 0 and first.cold.features.shape[1:] == (24, 12)
    variance = first.training.features.float().flatten(0, 1).var(0)
    assert 0.5 < float(variance.mean()) < 2
    monkeypatch.setenv("YAMNET_CHECKPOINT", str(tmp_path / "nothing"))
    again = prepare(keywords, sounds.parent, work, SIZES)
    assert torch.equal(first.long.features, again.long.features)


def test_batches_have_the_tokens_that_they_are_to_have() -> None:
    streams, rng = synthetic_streams(10, 60, 0), np.random.default_rng(0)
    batches = list(stream_batches(streams, 1200, 240, rng))
    assert [batch.features.shape for batch in batches] == [(4, 60, 12)] * 5
    for batch in window_batches(streams, 25, 5000, 240, rng):
        rows, size, _ = batch.features.shape
        assert size <= 25 and rows <= 240 // size and batch.labels.shape == batch.weights.shape == (rows,)
        # The windows end with the tokens that the labels are of: their numbers say so.
        level = batch.features[:, -1].mean(-1)
        assert float(((level > 1) == (batch.labels == 1)).float().mean()) > 0.9


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system.slug)
def test_decisions_are_those_of_the_whole_stream(system: System, layers: int) -> None:
    torch.manual_seed(0)
    network = Network(network_config(Configuration("", system, layers, 25, 0), ("a", "b"), 12), 0.0).eval()
    if system.update == "fixed":
        shape = (4, system.landmarks, 32)
        network.fix_landmarks([(torch.randn(shape), torch.randn(shape)) for _ in range(layers)])
    streams = synthetic_streams(3, 200, 0)
    late = replace(streams, decisions=torch.tensor([[0, 130], [1, 199], [2, 144]]))
    with torch.no_grad():
        every = network(late.features.float())[[0, 1, 2], [130, 199, 144]]
    assert torch.allclose(decision_logits(network, late), every, atol=1e-5)


def test_runs_learn_and_go_on_where_they_stopped(features: StemFeatures, tmp_path: Path) -> None:
    runs = Runs(tmp_path, SIZES, BUDGET, windows=(16,))
    wanted = grid(data=("keywords",), windows=(16,), seeds=(0,))
    for each in wanted:
        record = runs.run(each, features)
        assert record["configuration"]["system"] == each.system.name
        for part, clips in (("cold", 16), ("long", 54)):
            assert record[part]["clips"] == clips
            assert record[part]["right"] > 0.85 * clips, each.name
    assert len(list((tmp_path / "runs").iterdir())) == len(wanted) == 14
    full = runs.read(Configuration("keywords", System("full"), 1, 16, 0))
    assert full is not None and full["same_as"] == Configuration("keywords", EXACT, 1, 16, 0).name
    again = Runs(tmp_path, SIZES, BUDGET, windows=(16,))
    assert all(again.read(each) == runs.read(each) is not None for each in wanted)
    # A run that is done again, from the base that is kept, reaches the same.
    before, after = runs.read(wanted[-2]), again.run(wanted[-2], features)
    assert before is not None and all(before[part] == after[part] for part in ("cold", "long", "loss"))
    other = Runs(tmp_path, SIZES, replace(BUDGET, tuning_tokens=700), windows=(16,))
    with pytest.raises(TrainingError, match="its `budget` is not that of this experiment"):
        other.read(wanted[0])
    (tmp_path / "runs" / f"{wanted[0].name}.json").write_text("{", encoding="utf-8")
    with pytest.raises(TrainingError, match="not JSON"):
        runs.read(wanted[0])


def test_a_run_is_verified_by_the_program(features: StemFeatures, program_path: Path, tmp_path: Path) -> None:
    runs = Runs(tmp_path, SIZES, BUDGET, windows=(16,), program=program_path)
    for system in SYSTEMS:
        record = runs.run(Configuration("keywords", system, 2, 16, 0), features)
        assert record["program"]["largest_difference"] < 1e-4


def test_the_program_tells_what_a_step_costs(
    program_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("experiments.speed.WINDOWS", (25,))
    speed = measured_speed(program_path, tmp_path)
    assert len(speed.costs) == 14
    fixed = speed.of(Configuration("", System("continual-nystrom", "fixed", 16), 1, 25, 0))
    exact = speed.of(Configuration("", EXACT, 1, 25, 0))
    # Queries, keys, values, outputs and the feed-forward part; 2 n D of scores and weighted sums.
    assert exact.multiply_adds == 4 * 128 * 128 + 2 * 128 * 256 + 2 * 25 * 128
    # Folded queries and keys, values, outputs; about 9 m D + H m^2 of attention (docs/numerics.md, sections 2 and 3).
    folded = 2 * 128 * 128 + 2 * 4 * 16 * 128 + 2 * 128 * 256 + 9 * 16 * 128 + 4 * 16**2
    assert fixed.multiply_adds == pytest.approx(folded, rel=0.02)
    assert all(cost.median_microseconds > 0 and cost.state_bytes > 0 for cost in speed.costs.values())
    assert measured_speed(tmp_path / "nothing", tmp_path) == speed


def test_the_document_holds_what_was_found(tmp_path: Path) -> None:
    runs = grid(seeds=(0, 1))[:-5]  # stopped before it was done
    records = {
        each: {
            "configuration": each.json(),
            "cold": {"right": 80 + each.seed, "clips": 100},
            "long": {"right": 70 + 2 * each.seed - (each.system != EXACT), "clips": 100},
        }
        for each in runs
    }
    costs = {
        key(Configuration("", system, layers, window, 0)): Cost(1000.0 * window, 5.0, 6.0, 7.0, 2048)
        for layers, window, system in shapes()
    }
    summary = Summary.of(records.get, grid())
    out = tmp_path / "results.md"
    write_document(summary, Speed("generic", costs), Sizes(), Budget(), "82 %", out)
    text = out.read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| 1 | 120 | continual |")]
    assert rows == ["| 1 | 120 | continual | 80.5 ± 0.7 | 71.0 ± 1.4 | 80.5 ± 0.7 | 71.0 ± 1.4 | 120 | 5.0 | 7.0 | 2 |"]
    assert "| 1 | 24 | nystromformer, m = 8 | +0.0 ± 0.0 | -1.0 ± 0.0 | 1.00 | 1.00 | 1.00 |" in text
    plot = ElementTree.fromstring((tmp_path / "images" / "retention.svg").read_text(encoding="utf-8"))
    assert plot.tag.endswith("svg")


def test_means_have_the_deviation_of_a_sample() -> None:
    mean = Mean.of([1.0, 2.0, 3.0, 6.0])
    assert mean.value == 3.0 and abs(mean.deviation - (14 / 3) ** 0.5) < 1e-12 and mean.error == mean.deviation / 2
    assert json.dumps(Mean.of([5.0]).deviation) == "0.0"
