"""The experiment on streams of features: its grid, a run, its statistics and its tables, on synthetic streams."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from classifier_training.errors import TrainingError
from classifier_training.feature_reading import read_streams
from classifier_training.recipe import Recipe, with_values
from experiments.features import document as document_module
from experiments.features.baselines import linear_steps, pooled_hidden_layer, pooled_svm
from experiments.features.costs import cost, operations
from experiments.features.document import Tables, write_tables
from experiments.features.grid import DATA, SYSTEMS, TRANSFORMER, FeatureData, FeatureRun, FeatureSystem, grid
from experiments.features.published import lean_layers, published_operations
from experiments.features.runs import FeatureRuns
from experiments.features.statistics import paired_accuracy, paired_precision

TINY: dict[str, dict[str, Any]] = {
    "model": {"width": 16, "heads": 2, "feed_forward": 16},
    "training": {"epochs": 2, "landmark_epochs": 1, "batch": 8},
    "streams": {"noise": 0.0},
}


class TinyData(FeatureData):
    """GTZAN's recipe with a small network."""

    @property
    def recipe(self) -> Recipe:
        return with_values(super().recipe, TINY, "test")


@pytest.fixture
def data() -> TinyData:
    return TinyData(**{**vars(DATA[0]), "windows": ((8, 0),)})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Archives in the layout of GTZAN's tags: ten genres, each with a tag that is more probable."""
    rng = np.random.default_rng(0)
    (tmp_path / "gtzan-taggram").mkdir()
    for name, tracks in (("training", 40), ("evaluation", 20)):
        genre = np.arange(tracks) % 10
        x = rng.uniform(0.05, 0.4, (tracks, 9, 12))
        x[np.arange(tracks), :, genre] += 0.4
        ids = np.array([f"{name}/{number}" for number in range(tracks)])
        np.savez(
            tmp_path / "gtzan-taggram" / f"{name}.npz",
            X=x.reshape(-1, 12).astype(np.float32), Y=genre.repeat(9), IDS=ids.repeat(9),
        )  # fmt: skip
    return tmp_path


def test_the_grid_has_what_the_paper_compares() -> None:
    runs = grid()
    assert len({run.name for run in runs}) == len(runs)
    gtzan = [run for run in runs if run.data.name == "gtzan-taggram"]
    assert {run.seed for run in gtzan} == set(range(5)) and {run.window for run in gtzan} == {28}
    assert {run.system for run in gtzan} == set(SYSTEMS)
    strong = [run for run in runs if run.data.name == "audioset-strong"]
    assert {run.window for run in strong} == {10, 60, 120, 480} and {run.seed for run in strong} == {0, 1, 2}
    assert {(run.layers, run.schedule) for run in strong if run.window > 10} == {(1, "tuned")}
    clips = [run for run in runs if run.data.name == "audioset-vggish" and run.seed > 0]
    assert {(run.window, run.layers, run.schedule, run.seed) for run in clips} == {
        (10, 1, "tuned", 1), (10, 1, "tuned", 2),
    }  # fmt: skip
    for run in runs:
        recipe = run.run_recipe(Path("base"))  # is checked
        assert recipe.training.seed == run.seed and recipe.model.layers == run.layers
        total = recipe.training.epochs + recipe.training.landmark_epochs
        whole = run.data.recipe.training
        expected = whole.landmark_epochs + (whole.epochs if run.schedule == "scratch" else 0)
        assert total == expected and (recipe.training.initial == "base") == (run.schedule != "scratch")
        assert (recipe.training.landmark_schedule == "layerwise") == (run.schedule == "layerwise")
        tokens, (window, length) = recipe.training.batch * (run.length or run.window), run.data.windows[0]
        assert tokens == pytest.approx(whole.batch * (length or window), rel=0.07), "other steps for a longer window"
    assert {(run.layers, run.system.is_fixed) for run in runs if run.schedule == "layerwise"} == {(2, True)}


@pytest.mark.parametrize("system", [SYSTEMS[1], SYSTEMS[3]], ids=lambda system: system.slug)
def test_a_run_is_made_once_and_verified(
    system: FeatureSystem, data: TinyData, folder: Path, program_path: Path, tmp_path: Path
) -> None:
    run = FeatureRun(data, system, 2, "window", 8, 0, "tuned", 0)
    streams = read_streams(folder, data.recipe.arrays, data.recipe.streams)
    runs = FeatureRuns(tmp_path / "work", program_path)
    assert runs.read(run) is None
    record = runs.run(run, streams)
    assert record["program"]["largest_difference"] < 1e-3 and record["cold"]["streams"] == 20
    assert runs.read(run) == json.loads(json.dumps(record))
    scores = runs.scores(run)
    assert scores is not None and scores["cold"].shape == (20, 10)
    truth = [(stream.labels or ())[0] for stream in streams.of(held_out=True)]
    assert (scores["cold"].argmax(1) == truth).mean() == pytest.approx(record["cold"]["accuracy"], abs=0.05)
    with pytest.raises(TrainingError, match="its recipe is not that of this experiment"):
        runs.read(replace(run, data=DATA[0]))
    # A run stays one in another folder, and when training has a new option.
    (file,) = (tmp_path / "work" / "runs").glob("*.json")
    del record["recipe"]["training"]["balance"]
    (tmp_path / "moved" / "runs").mkdir(parents=True)
    (tmp_path / "moved" / "runs" / file.name).write_text(json.dumps(record))
    assert FeatureRuns(tmp_path / "moved").read(run) == json.loads(json.dumps(record))


def test_exact_attention_of_one_layer_is_trained_once(
    data: TinyData, folder: Path, program_path: Path, tmp_path: Path
) -> None:
    streams = read_streams(folder, data.recipe.arrays, data.recipe.streams)
    runs = FeatureRuns(tmp_path / "work", program_path)
    first = FeatureRun(data, TRANSFORMER, 1, "stream", 8, 0, "tuned", 0)
    second = replace(first, system=SYSTEMS[2])
    assert first.twin == second and second.twin == first and replace(first, layers=2, depth="window").twin is None
    trained, copied = runs.run(first, streams), runs.run(second, streams)
    assert copied["copied"] == first.name and copied["long"] == trained["long"] and runs.read(second) == copied
    own, other = runs.scores(first), runs.scores(second)
    assert own and other and np.array_equal(own["long"], other["long"])


def test_the_page_has_a_row_for_each_run(
    data: TinyData, folder: Path, program_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document_module, "DATA", (data,))
    runs = FeatureRuns(tmp_path / "work", program_path)
    streams = read_streams(folder, data.recipe.arrays, data.recipe.streams)
    planned = [FeatureRun(data, system, 1, "stream", 8, 0, "tuned", 0) for system in (TRANSFORMER, *SYSTEMS[2:4])]
    tables = Tables(runs, tmp_path / "work", program_path, {data.name: streams})
    for run in planned[::2]:
        runs.run(run, streams)
    write_tables(tables, planned, {data.name: {"title": "svm", "figures": pooled_svm(streams)}}, tmp_path / "page.md")
    page = (tmp_path / "page.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| 1 layer")]
    words = " ".join(page.split())
    assert "2 of 3 runs. Missing are 1 of GTZAN" in words and "svm: accuracy" in words
    assert len(rows) == 4 and "Transformer (full)" in rows[0] and "fixed landmarks, m = 4" in rows[1]
    assert " to " in rows[1]
    assert "Of 1 rows of low-rank systems" in words and "The models of 2 runs were exported" in words
    assert all(len(line) <= 120 for line in page.splitlines() if not line.startswith("|"))
    # Costs: the Transformer has 2 n^2 D + 2 n D; of the system 7 D m + H (m^2 + 6 m), with D = 16, n = 8, m = 4, H = 2.
    assert "2.3 (1/1.0)" in rows[2] and f"0.5 (1/{(2 * 64 * 16 + 2 * 8 * 16) / (7 * 64 + 2 * 40):,.1f})" in rows[3]


def test_operations_of_attention_are_those_of_its_formula(program_path: Path) -> None:
    """A recomputed window has 2 n^2 D multiply-adds, a ring 2 n D."""
    run = FeatureRun(DATA[0], TRANSFORMER, 1, "stream", 28, 0, "tuned", 0)
    width = run.data.recipe.model.width
    found = cost(program_path, run)
    assert found.attention == 2 * 28 * 28 * width and found.median_microseconds > 0 and found.state_bytes > 0
    assert operations(program_path, replace(run, system=SYSTEMS[2]))[0] == 2 * 28 * width
    longer = FeatureRun(DATA[2], SYSTEMS[5], 1, "stream", 60, 240, "tuned", 0)
    assert longer.system.landmarks > longer.data.recipe.model.window, "a window that the recipe does not have"
    assert operations(program_path, longer)[0] < operations(program_path, replace(longer, system=TRANSFORMER))[0]


def test_published_counts_are_close_to_the_programs(program_path: Path) -> None:
    """Where both count the same work: the whole window, a ring, a retroactive pair, and sums without subtraction."""
    for system, layers, low, high in (
        (TRANSFORMER, 1, 1.0, 1.1),
        (SYSTEMS[2], 1, 1.0, 1.1),
        (SYSTEMS[2], 2, 0.9, 1.1),
        (SYSTEMS[4], 1, 0.6, 1.0),
    ):
        run = FeatureRun(DATA[1], system, layers, "window", 120, 480, "tuned", 0)
        ratio = published_operations(run) / operations(program_path, run)[0]
        assert low <= ratio <= high, (system.name, layers, ratio)


def test_a_lean_transformer_computes_what_its_newest_row_needs() -> None:
    """Keys and values of all rows; of the last layer the query, the output and the feed-forward part of one."""
    wide = TinyData(**vars(DATA[0]))
    run = FeatureRun(wide, TRANSFORMER, 1, "stream", 480, 0, "tuned", 0)
    d, f = TINY["model"]["width"], TINY["model"]["feed_forward"]
    assert lean_layers(run) == 480 * 2 * d * d + 2 * d * d + 2 * 480 * d + 2 * d * f
    both = replace(run, layers=2, depth="window")
    assert lean_layers(both) == 480 * (4 * d * d + 2 * d * f) + 2 * 480 * 480 * d + lean_layers(run)


def test_bootstrap_of_accuracy_has_the_interval_of_its_binomial() -> None:
    """Of 400 clips, of which 10 % differ, always to the better: the normal interval of a share."""
    one, other = np.ones((1, 400), bool), np.ones((1, 400), bool)
    other[0, :40] = False
    found = paired_accuracy(one, other)
    half = 1.96 * np.sqrt(0.1 * 0.9 / 400)
    assert found.value == 0.1 and found.low == pytest.approx(0.1 - half, abs=0.005)
    assert found.high == pytest.approx(0.1 + half, abs=0.005) and not found.includes_zero
    assert paired_accuracy(one, one).includes_zero


def test_bootstrap_of_precision_resamples_clips() -> None:
    """The same scores do not differ; better ones do; a repeated row counts as a repeated clip."""
    sklearn = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    positive = rng.random((300, 3)) < 0.3
    positive[:, 2] = False
    good, bad = positive + rng.standard_normal((300, 3)) * 0.7, rng.standard_normal((300, 3))
    clips = np.arange(300) // 3
    assert paired_precision(good, good, positive, clips, resamples=20).includes_zero
    found = paired_precision(good, bad, positive, clips, resamples=50)
    expected = [
        sklearn.average_precision_score(positive[:, :2], scores[:, :2], average="macro") for scores in (good, bad)
    ]
    assert found.value == pytest.approx(expected[0] - expected[1]) and found.low > 0
    assert found.low < found.value < found.high


def test_baselines_learn(folder: Path, data: TinyData, tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    streams = read_streams(folder, data.recipe.arrays, data.recipe.streams)
    assert pooled_svm(streams)["accuracy"] > 0.8
    several: Any = replace(data.recipe.streams, activation="sigmoid")
    streams = read_streams(folder, data.recipe.arrays, several)
    assert pooled_hidden_layer(streams, epochs=60)["mean_average_precision"] > 0.6
    assert linear_steps(streams, epochs=1500)["mean_average_precision"] > 0.6
