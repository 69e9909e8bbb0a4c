"""The recipes of AudioSet's features, on a small part in their layout, and on the real data where it is.

`FEATURE_DATA` names the folder of docs/data.md.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from classifier_training.cli import main
from classifier_training.feature_commands import FEATURE_DEFAULTS
from classifier_training.feature_reading import read_streams
from classifier_training.feature_sequences import FeatureSequences
from classifier_training.feature_sources import read_spans
from classifier_training.feature_streams import steps_of_spans
from classifier_training.recipe import read_recipe

RECIPES = Path(__file__).parents[1] / "recipes"
NAMES = ["Speech", "Gunshot, gunfire", "Baby cry, infant cry"]
TINY = "--width 16 --heads 2 --feed-forward 16 --landmarks 4 --epochs 60 --landmark-epochs 5 --batch 4 --threads 1"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Clips of ten features, in AudioSet's layout: the first two numbers rise while there is a shot, or a cry."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "recordings"
    features, strong = folder / "audioset-vggish", folder / "audioset-strong"
    features.mkdir(parents=True)
    strong.mkdir()
    (features / "class_labels_indices.csv").write_text(
        "index,mid,display_name\n" + "".join(f'{n},/m/{n},"{name}"\n' for n, name in enumerate(NAMES))
    )
    for part, count in (("bal_train", 48), ("eval", 24)):
        frames = rng.integers(90, 140, (count * 10, 8)).astype(np.uint8)
        labels, first = [], [0]
        spans: dict[str, list[str]] = {"gun": [], "baby_cry": []}
        seconds = {name: np.zeros(count * 10, np.int8) for name in spans}
        for clip in range(count):
            names = [0]
            for label, name in enumerate(spans):
                if (clip + label) % 3 == 0:
                    begin = int(rng.integers(0, 6))
                    rows = slice(clip * 10 + begin, clip * 10 + begin + 3)
                    frames[rows, label] += 100
                    names.append(label + 1)
                    seconds[name][rows] = 1
                    if clip != 3:  # a clip that has the label, but no span
                        spans[name].append(f"{part}{clip}_{clip * 1000}\t{begin * 0.96}\t{(begin + 3) * 0.96}\t/m/x\n")
            labels += names
            first.append(len(labels))
        np.savez(
            features / f"{part}.npz",
            id=np.array([f"{part}{clip}" for clip in range(count)]),
            start=np.arange(count).astype(np.float32),
            first=np.arange(count) * 10, count=np.full(count, 10, np.uint8), frames=frames,
            label_first=np.array(first[:-1]), label_count=np.diff(first).astype(np.uint8),
            labels=np.array(labels, np.uint16),
        )  # fmt: skip
        for name, lines in spans.items():
            table = strong / f"{name}_{'train' if part == 'bal_train' else 'eval'}_strong.tsv"
            table.write_text("segment_id\tstart_time_seconds\tend_time_seconds\tlabel\n" + "".join(lines))
        if part == "eval":
            for name, truth in seconds.items():
                np.savez(strong / f"{name}_eval_seconds.npz", label=truth, judged=np.ones(len(truth), bool))
    return folder


def test_detection_while_it_happens(
    data: Path, program_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The commands of docs/feature-streams.md."""
    out = tmp_path / "shots"
    command = [
        "train-features",
        "--recipe-file",
        str(RECIPES / "audioset-strong.json"),
        "--data",
        str(data),
        "--out",
        str(out),
    ]
    assert main([*command, "--work", str(tmp_path / "work"), *TINY.split(), "--learning-rate", "1e-2"]) == 0
    capsys.readouterr()
    assert main(["evaluate-features", "--model", str(out), "--data", str(data), "--settings", "long", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["long"]["labels"]
    assert list(found) == ["gunshot", "baby cry"]
    for label in found.values():
        assert label["positive"] == 24 and label["steps"] == 240
        assert label["average_precision"] > 0.8 and label["found"] > 0.8 and label["mean_delay_seconds"] < 1


def test_clips_with_several_labels(data: Path) -> None:
    recipe = read_recipe(RECIPES / "audioset-vggish.json", FEATURE_DEFAULTS)
    streams = read_streams(data, recipe.arrays, recipe.streams)
    assert streams.labels == tuple(NAMES) and len(streams.of(held_out=False)) == 48
    assert [stream.labels for stream in streams.streams[:4]] == [(0, 1), (0,), (0, 2), (0, 1)]


def test_a_clip_with_a_label_but_no_span_is_not_judged(data: Path) -> None:
    recipe = read_recipe(RECIPES / "audioset-strong.json", FEATURE_DEFAULTS)
    source = replace(recipe.arrays[0], weak={"gunshot": ["Gunshot, gunfire"], "baby cry": ["Baby cry, infant cry"]})
    streams = read_streams(data, (source,), recipe.streams)
    judged = [streams.judged(stream)[0].tolist() for stream in streams.streams[:4]]
    assert judged == [[True, True], [True, True], [True, True], [False, True]]


@pytest.mark.parametrize("learned", [True, False])
def test_a_clip_with_a_label_but_no_span_is_learned_as_one_that_is_full_of_it(data: Path, learned: bool) -> None:
    recipe = read_recipe(RECIPES / "audioset-strong.json", FEATURE_DEFAULTS)
    source = replace(recipe.arrays[0], learn_weak=learned)
    streams = read_streams(data, (source,), replace(recipe.streams, length=0))
    chunk = FeatureSequences(streams, replace(recipe.streams, length=0)).chunk(np.arange(4), np.random.default_rng(0))
    assert (chunk.labels[3, :, 0] == (1 if learned else -1)).all() and (chunk.weights[3] == 1).all()
    for row, stream in enumerate(streams.streams[:3]):
        assert np.array_equal(chunk.labels[row].numpy(), streams.positive(stream))
    assert not streams.judged(streams.streams[3])[:, 0].any()


@pytest.mark.skipif("FEATURE_DATA" not in os.environ, reason="FEATURE_DATA names no folder of docs/data.md")
@pytest.mark.parametrize("name", ["gun", "baby_cry"])
def test_spans_give_the_seconds_that_were_published_with_them(name: str) -> None:
    """An independent computation of the labels of seconds, over all clips of AudioSet's evaluation part."""
    folder = Path(os.environ["FEATURE_DATA"])
    spans = read_spans(folder / f"audioset-strong/{name}_eval_strong.tsv")
    with np.load(folder / "audioset-vggish/eval.npz") as part:
        names = [f"{each}_{round(float(start) * 1000)}" for each, start in zip(part["id"], part["start"])]
        counts = part["count"]
    marked = [
        steps_of_spans([(begin, end, 0) for begin, end, _, _ in spans.get(each, [])], int(count), 1, 0.96, 0.1)[:, 0]
        for each, count in zip(names, counts)
    ]
    with np.load(folder / f"audioset-strong/{name}_eval_seconds.npz") as found:
        assert np.array_equal(np.concatenate(marked), found["label"].astype(bool))
