"""What people who train a model of their own stumble over: sounds, split, background, checkpoints, measuring."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from bundle_writer import write_yamnet, yamnet_tensors
from conftest import RATE, tone, write_wav
from test_pipeline import TINY, train

from classifier_training.background import background_labels, with_background
from classifier_training.cli import main
from classifier_training.dataset import Dataset, read_dataset
from classifier_training.evaluate import Confusion
from classifier_training.options import DataOptions
from classifier_training.program import Program
from classifier_training.recipe import Recipe, with_values
from classifier_training.store import Store

RANDOM = DataOptions(split="random")


@pytest.fixture
def program(program_path: Path, tmp_path: Path) -> Program:
    return Program(program_path, {"recipe": "yamnet"}, tmp_path / "work")


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """A folder with one Debian package that was fetched; its recordings are chirps, which are neither tone."""
    folder = tmp_path / "packages"
    times = np.arange(2 * RATE) / RATE
    for number in range(24):
        chirp = 0.2 * np.sin(2 * np.pi * (900 + 40 * number) * times * (1 + 0.2 * times))
        write_wav(folder / "asterisk-core-sounds-en-wav" / "usr" / f"{number}.wav", chirp.astype(np.float32))
    (folder / "fillets-ng-data-nl").mkdir()
    return folder


@pytest.fixture
def tones(tmp_path: Path) -> Path:
    """Ten clips of each of two tones, without anything else."""
    rng, folder = np.random.default_rng(3), tmp_path / "tones"
    for number in range(10):
        for label, hertz in (("high", 3000), ("low", 400)):
            write_wav(folder / label / f"{number}.wav", tone(hertz * rng.uniform(0.9, 1.1), 1, rng))
    return folder


def test_only_the_files_that_a_table_names_are_decoded(program: Program, tmp_path: Path) -> None:
    """A file beside them, which would be an error, is not touched; a table may name files outside its folder."""
    rng = np.random.default_rng(0)
    write_wav(tmp_path / "elsewhere" / "a.wav", tone(400, 1, rng))
    write_wav(tmp_path / "data" / "b.wav", tone(400, 2, rng))
    (tmp_path / "data" / "broken.wav").write_bytes(b"this is no sound")
    (tmp_path / "data" / "clips.csv").write_text("filename,label\n../elsewhere/a.wav,a\nb.wav,b\n")
    dataset = read_dataset(tmp_path / "data", DataOptions(split="none"))
    store = Store(dataset, program, tmp_path / "work", 400)
    assert [len(store.samples(clip)) for clip in dataset.clips] == [RATE, 2 * RATE]
    (decoded,) = (tmp_path / "work").glob("samples-*/samples.npy")
    assert decoded.stat().st_size < 3 * RATE * 4 + 1000


def test_background_comes_by_itself(program: Program, tones: Path, packages: Path, tmp_path: Path) -> None:
    """Both labels have clips on both sides of the split, and no recording is on both."""
    dataset = read_dataset(tones, RANDOM)
    recipe = with_values(Recipe(data=RANDOM), {"data": {"added_background": "speech"}}, "test")
    labels = background_labels(dataset, recipe)
    assert labels == ("_silence_", "_unknown_")
    background = with_background(dataset, recipe, program, tmp_path / "work", packages, labels)
    whole = background.dataset
    assert whole.labels == ("_silence_", "_unknown_", "high", "low")
    for label in labels:
        sides = [clip.held_out for clip in whole.clips if clip.label == label]
        assert 24 <= len(sides) <= 30 and 0.1 < sum(sides) / len(sides) < 0.5
    store = Store(whole, program, tmp_path / "work", 400)
    first = {store.samples(clip)[1000:1100].tobytes(): clip.held_out for clip in whole.clips if "_unk" in clip.label}
    for clip in whole.clips:
        if clip.label == "_unknown_":
            assert first[store.samples(clip)[1000:1100].tobytes()] == clip.held_out
    assert set(background.held_out) == {"speech", "noise"}
    silence = [store.samples(clip) for clip in whole.clips if clip.label == "_silence_"]
    assert max(np.sqrt(np.mean(np.square(each))) for each in silence) < 0.02


def test_background_is_refused_or_there_already() -> None:
    sounds = [("_silence_", "a"), ("_unknown_", "a")]
    for kind, given, expected in (
        ("none", [], ()),
        ("silence", [], ("_silence_",)),
        ("all", sounds[0], ("_unknown_",)),
        ("all", ["_silence_", "_unknown_"], ()),
    ):
        dataset = Dataset(Path("."), tuple(given), (), ())
        recipe = with_values(Recipe(), {"data": {"added_background": kind}}, "test")
        assert background_labels(dataset, recipe) == expected
    complete = with_values(Recipe(), {"sources": [{"folder": "sounds"}]}, "test")
    assert background_labels(Dataset(Path("."), (), (), ()), complete) == ()


def test_a_model_of_two_tones_alone(
    program_path: Path, tones: Path, packages: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing but two folders: background, card with streams and plots, clips; then other sounds are measured."""
    out, work = tmp_path / "models" / "tones", tmp_path / "work"
    places = ["--out", str(out), "--work", str(work), "--packages", str(packages)]
    options = [*TINY[:-1], "speech", "--split", "random", "--epochs", "6", "--learning-rate", "0.01"]
    assert main(["train", "--data", str(tones), *places, *options]) == 0
    config, card = json.loads((out / "config.json").read_text()), (out / "README.md").read_text()
    assert config["labels"] == ["_silence_", "_unknown_", "high", "low"]
    streams = config["card"]["in_streams"]
    assert set(streams["false_events_an_hour"]) == {"speech", "noise", "silence"} and "quiet" in streams["reported"]
    assert "recordings of Debian's packages that were not trained on" in card and "![confusion](confusion.svg)" in card
    for name in config["card"]["plots"]:
        assert (out / name).read_text().startswith("<svg") and (out / name).read_text().endswith("</svg>\n")
    rows = list(csv.DictReader((out / "clips.csv").open()))
    assert {row["side"] for row in rows} == {"trained", "held out"} and all(row["predicted"] for row in rows)
    wrong = [row["predicted"] != row["label"] for row in rows]
    assert wrong == sorted(wrong, reverse=True)  # likely label errors first
    log = list(csv.DictReader((work / "tones.csv").open()))
    assert [row["phase"] for row in log] == ["softmax"] * 6 + ["landmarks"] and all(row["held_out_loss"] for row in log)
    capsys.readouterr()

    # The same data: the clips that were held out. Some clips trained on and a new one: only that. Others: all of them.
    measure = ["evaluate", "--model", str(out), "--work", str(work), "--packages", str(packages), "--json"]
    assert main([*measure, "--data", str(tones)]) == 0
    assert json.loads(capsys.readouterr().out)["accuracy"] == config["card"]["accuracy"]
    rng, other = np.random.default_rng(9), tmp_path / "other"
    for number in range(3):
        write_wav(other / "high" / f"{number}.wav", tone(3000 + number, 1, rng))
        write_wav(other / "whistle" / f"{number}.wav", tone(1500 + number, 1, rng))
    assert main([*measure, "--data", str(other), "--predictions", str(tmp_path / "p.csv")]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["accuracy"]["cold"]["clips"] == 6
    assert "all 6 clips are measured; none was trained on" in printed.err
    assert "does not know whistle: their clips count as _unknown_" in printed.err
    assert len((tmp_path / "p.csv").read_text().splitlines()) == 7


def test_the_best_epoch_is_kept(program_path: Path, sounds: Path, tmp_path: Path) -> None:
    """With a learning rate that ruins the model, the export is as good as the best epoch of the log."""
    out = tmp_path / "models" / "tones"
    ruinous = ["--attention", "continual", "--learning-rate", "0.3", "--average", "0", "--warm-up", "0.9"]
    assert train(sounds, out, *ruinous, epochs=5) == 0
    log = list(csv.DictReader((tmp_path / "models" / "work" / "tones.csv").open()))
    best = max(float(row["cold"]) + float(row["mid_stream"]) for row in log)
    accuracy = json.loads((out / "config.json").read_text())["card"]["accuracy"]
    # The export rounds to half precision: one of the 20 clips may change sides.
    assert accuracy["cold"]["accuracy"] + accuracy["mid_stream"]["accuracy"] >= best - 0.1
    assert "epoch that was best on these clips" in (out / "README.md").read_text()


def test_confusions_of_many_labels_are_a_list() -> None:
    """The table of a model with many labels names the most frequent confusions; a row of 20 counts cannot be read."""
    few = Confusion(("a", "b"), np.array([[3, 1], [0, 0]]), 1, 1)
    rows = few.table().splitlines()
    assert rows[2:] == ["| a | 75.0% | 100.0% | 3 | 1 |", "| b | no clips | 0.0% | 0 | 0 |"]
    labels = tuple(f"l{number}" for number in range(20))
    counts = np.diag(np.full(20, 5))
    counts[4, [2, 7, 9, 11]] = 1, 3, 1, 2
    many = Confusion(labels, counts, 1, 1).table().splitlines()
    assert many[2:][4] == "| l4 | 41.7% | 100.0% | l7 3, l11 2, l2 1 |"
    assert many[2:][7] == "| l7 | 100.0% | 62.5% |  |"


def test_an_initial_model_brings_its_stem(program_path: Path, sounds: Path, tmp_path: Path) -> None:
    """No option of the stem is needed; clips that are shorter than a token are padded."""
    checkpoint = write_yamnet(tmp_path / "yamnet", yamnet_tensors(2, np.random.default_rng(0)))
    first, second = tmp_path / "models" / "first", tmp_path / "models" / "second"
    stem = "--stem yamnet --yamnet-blocks 2 --yamnet-token-frames 4 --stem-rate 0".split()
    assert train(sounds, first, *stem, "--yamnet", str(checkpoint), epochs=1) == 0
    write_wav(sounds / "high" / "short.wav", tone(3000, 0.019, np.random.default_rng(0)))
    places = ["--data", str(sounds), "--out", str(second), "--work", str(tmp_path / "work")]
    own = "--width 16 --layers 1 --heads 2 --feed-forward 16 --attention continual --split-seed 2".split()
    assert main(["train", *places, *own, "--background", "none", "--initial", str(first), "--epochs", "1"]) == 0
    one, two = (json.loads((folder / "config.json").read_text()) for folder in (first, second))
    assert one["stem"] == two["stem"] and two["card"]["recipe"]["training"]["stem_rate"] == 0


def test_a_training_goes_on_for_longer_and_names_new_clips(
    program_path: Path, sounds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "models" / "tones"
    assert train(sounds, out, "--attention", "continual", epochs=1) == 0
    assert train(sounds, out, "--attention", "continual", epochs=2) == 0
    assert "softmax 2/2" in capsys.readouterr().err
    write_wav(sounds / "high" / "s0_nohash_9.wav", tone(3000, 1, np.random.default_rng(0)))
    assert train(sounds, out, "--attention", "continual", epochs=2) == 78
    assert "the clips are others (high/s0_nohash_9.wav came)" in capsys.readouterr().err
