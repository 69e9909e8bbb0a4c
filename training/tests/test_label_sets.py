"""Tables of clips with any number of labels: read, split, refused, and mixed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from classifier_training.background import background_labels
from classifier_training.cli import main
from classifier_training.dataset import read_dataset
from classifier_training.label_sets import multi_hot, overlaid
from classifier_training.options import DataOptions
from classifier_training.pieces import Sequences
from classifier_training.recipe import Recipe
from classifier_training.streams import Place, Stream, reports


def write_table(folder: Path, rows: Sequence[str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "clips.csv").write_text("\n".join(["filename,label,split", *rows]), encoding="utf-8")
    return folder / "clips.csv"


def test_a_field_has_several_labels(tmp_path: Path) -> None:
    rows = ["a.wav,dog;rain,train", "b.wav, rain ; dog ,x", "c.wav,rain,train", "d.wav,,x", "e.wav,_silence_,x"]
    dataset = read_dataset(write_table(tmp_path, rows), DataOptions(separator=";", split="column"))
    assert dataset.labels == ("dog", "rain")
    assert [clip.labels for clip in dataset.clips] == [("dog", "rain"), ("dog", "rain"), ("rain",), (), ()]
    assert dataset.combinations == ("", "_silence_", "_unknown_", "dog;rain", "rain")
    assert multi_hot(dataset).tolist() == [[0, 0], [0, 0], [0, 0], [1, 1], [0, 1]]
    # Without a separator the same fields are one label each, semicolons included.
    assert "dog;rain" in read_dataset(write_table(tmp_path, rows[:3]), DataOptions(split="none")).labels
    # A text of several letters, and one label only, which a probability of its own is enough for.
    one = [f"{n}.wav,dog,{side}" for n, side in enumerate(("x", "train"))]
    assert read_dataset(write_table(tmp_path, one), DataOptions(separator=" + ", split="column")).labels == ("dog",)


@pytest.mark.parametrize("seed", range(5))
def test_each_label_is_split_in_the_same_share(seed: int, tmp_path: Path) -> None:
    """A label that comes in mixtures only, too, and a rare one."""
    rng, rows = np.random.default_rng(seed), []
    for number in range(200):
        labels = [label for label, share in (("a", 0.5), ("b", 0.2), ("c", 0.4)) if rng.random() < share]
        labels += ["rare"] if number % 50 == 0 else []
        labels += ["with a"] if "a" in labels and number % 3 == 0 else []
        rows.append(f"{number}.wav,{';'.join(labels) or '_silence_'},")
    dataset = read_dataset(write_table(tmp_path, rows), DataOptions(separator=";", split="random", split_seed=seed))
    for label in dataset.labels:
        sides = [clip.held_out for clip in dataset.clips if label in clip.labels]
        wanted = max(1, round(0.2 * len(sides)))
        assert wanted <= sum(sides) <= wanted + 1 + 0.1 * len(sides), label
    assert any(clip.held_out for clip in dataset.clips if not clip.labels)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["a.wav,dog;;rain,"], "line 2, `dog;;rain`: a label is empty"),
        (["a.wav,dog,", "b.wav,rain;,"], "line 3, `rain;`: a label is empty"),
        (["a.wav,dog;rain;dog,"], "line 2, `dog;rain;dog`: the label `dog` is there twice"),
        (["a.wav,dog; dog,"], "line 2, `dog; dog`: the label `dog` is there twice"),
        (["a.wav,dog;_silence_,"], "line 2, `dog;_silence_`: `_silence_` means that no label applies"),
        (["a.wav,dog;rain,", "b.wav,dog,"], "line 2: label `rain` has one clip only"),
        (["a.wav,dog,", "b.wav,dog,", "a.wav,rain,"], "line 4: a.wav is there twice, first in line 2: write all"),
        (["a.wav,_silence_,", "b.wav,_unknown_,"], "no label but those of the background"),
    ],
)
def test_a_bad_table_is_refused_with_its_line(rows: list[str], message: str, tmp_path: Path, capsys: Any) -> None:
    table = write_table(tmp_path, rows)
    places = ["--data", str(table), "--out", str(tmp_path / "model"), "--work", str(tmp_path / "work")]
    assert main(["train", *places, "--separator", ";", "--split", "random", "--background", "none"]) == 65
    assert f"error: {table}" in (shown := capsys.readouterr().err) and message in shown
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("command", "options", "message"),
    [
        ("train", "--separator ;", "is a folder: --separator needs a CSV file"),
        ("train", "--separator=", "--separator needs a text, as --separator ';'"),
        ("train", "--overlay 0.5", "--overlay unites the labels of two sounds, which needs --separator"),
        ("distil", "--separator ;", "--separator is for labelled sounds (train, cross-validate)"),
        ("train", "--separator ; --unknown-offset 1 --table", "a model has not with --separator"),
        ("train", "--separator ; --overlay 0.2 --stem-rate 0 --table", "--overlay mixes sounds, and --stem-rate 0"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    command: str, options: str, message: str, tmp_path: Path, capsys: Any
) -> None:
    data, given = tmp_path / "data", options.split()
    data.mkdir()
    if given[-1] == "--table":
        data, given = write_table(data, ["a.wav,dog,", "b.wav,dog,"]), given[:-1]
    assert main([command, "--data", str(data), "--out", str(tmp_path / "model"), *given]) == 64
    assert message in capsys.readouterr().err


def test_background_is_added_unless_the_table_has_it(tmp_path: Path) -> None:
    """Rows without a label are none of it; models have no label for it, and are measured with it all the same."""
    for rows, expected in (
        (["a.wav,dog,", "b.wav,,"], ("_silence_", "_unknown_")),
        (["a.wav,dog,", "b.wav,_unknown_,"], ("_silence_",)),
    ):
        dataset = read_dataset(write_table(tmp_path, rows), DataOptions(separator=";", split="none"))
        assert background_labels(dataset, Recipe()) == background_labels(dataset, Recipe(), ["dog"]) == expected


def test_a_clip_is_reported_if_all_of_its_labels_are() -> None:
    stream = Stream(np.zeros(30), 1, (Place(1, 9, frozenset("ab"), "x"), Place(11, 19, frozenset("a"), "y")))
    for labels, expected in (
        ("a", [("x", False, False), ("y", True, False)]),
        ("ab", [("x", True, False), ("y", True, True)]),
        ("bc", [("x", False, True), ("y", False, True)]),
        ("", [("x", False, False), ("y", False, False)]),
    ):
        events = [{"label": label, "t0": second} for label in labels for second in (2, 12)]
        assert reports(stream, events) == expected


def test_an_overlay_has_the_labels_of_both() -> None:
    """Row by row, against the two rows that its samples are the sum of."""
    rng, count, tokens = np.random.default_rng(0), 32, 5
    samples = np.tile((2.0 ** -np.arange(1, count + 1))[:, None], 3)  # every sum of two names them
    labels = (rng.random((count, tokens, 4)) < 0.3).astype(np.float32)
    weights = rng.choice([0, 0.1, 1], (count, tokens)).astype(np.float32)
    before = Sequences(samples, labels, weights, np.arange(count))
    after = overlaid(before, 0.5, np.random.default_rng(1))
    mixed = 0
    for row in range(count):
        rest = after.samples[row, 0] - samples[row, 0]
        other = row if rest == 0 else int(np.flatnonzero(samples[:, 0] == rest)[0])
        mixed += other != row
        assert np.array_equal(after.labels[row], np.maximum(labels[row], labels[other]))
        known = (weights[row] > 0) & (weights[other] > 0)
        assert np.array_equal(after.weights[row], np.where(known, np.maximum(weights[row], weights[other]), 0))
    assert 8 < mixed < 24 and np.array_equal(after.last, before.last)
    assert overlaid(before, 0, rng) is before and np.array_equal(before.samples, samples)
