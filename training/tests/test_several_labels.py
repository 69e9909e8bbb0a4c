"""Clips with any number of labels: trained, run by the program, and measured."""

from __future__ import annotations

import csv
import itertools
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import RATE, write_wav
from sklearn.metrics import average_precision_score, precision_recall_fscore_support
from test_label_sets import write_table
from test_pipeline import TINY
from torch import Tensor

from classifier_training.cli import main
from classifier_training.compose import Composer
from classifier_training.dataset import read_dataset
from classifier_training.options import DataOptions
from classifier_training.program import Program
from classifier_training.recipe import Recipe, with_values
from classifier_training.stem_cache import StemCache
from classifier_training.store import Store
from classifier_training.tag_report import TagReport

LABELS = ("click", "high", "low")
SETS = [subset for size in range(4) for subset in itertools.combinations(LABELS, size)]
EACH = 10  # clips of each set


def sound(labels: Sequence[str], rng: np.random.Generator) -> np.ndarray:
    """A second with two tones and a row of clicks, or some of them, in faint noise."""
    samples, time = 0.002 * rng.standard_normal(RATE), np.arange(RATE) / RATE
    for label, hertz in (("high", 3000), ("low", 400)):
        if label in labels:
            samples += rng.uniform(0.1, 0.3) * np.sin(2 * np.pi * hertz * rng.uniform(0.9, 1.1) * time)
    if "click" in labels:
        samples[int(rng.integers(100)) :: RATE // 25] += 0.9
    return samples.astype(np.float32)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Clips of all subsets of the labels, in no order; a quarter is held out."""
    rng, rows = np.random.default_rng(5), []
    for number, labels in enumerate(SETS * EACH):
        write_wav(tmp_path / "data" / f"{number}.wav", sound(labels, rng))
        field = ";".join(rng.permutation(list(labels))) or ("_silence_", "_unknown_", "")[number % 3]
        rows.append(f"{number}.wav,{field},{'test' if number // len(SETS) % 4 == 0 else 'train'}")
    return write_table(tmp_path / "data", rows)


def test_targets_of_composed_sequences(program_path: Path, table: Path, tmp_path: Path) -> None:
    """The token at which a clip is decided has exactly its labels; what follows fades into none."""
    program = Program(program_path, {"recipe": "yamnet"}, tmp_path / "work")
    recipe = with_values(Recipe(data=DataOptions(separator=";", split="column")), {}, "test")
    dataset = read_dataset(table, recipe.data)
    composer = Composer(dataset, Store(dataset, program, tmp_path / "work", 400), program.frontend, 4, recipe)
    clips = dataset.of(held_out=False)
    sequences = composer.training(clips, np.random.default_rng(0))
    targets = composer.targets(sequences.labels)
    assert not composer.has_one_label and targets.shape == (*sequences.weights.shape, 3)
    for clip, row, last in zip(clips, targets, sequences.last):
        assert [label for label, has in zip(dataset.labels, row[last]) if has] == list(clip.labels)
    held_out = list(dataset.of(held_out=True))
    for mid_stream in (False, True):
        (part,) = composer.held_out(held_out, mid_stream, 1000)
        has = composer.targets(part.labels)[np.arange(len(held_out)), part.last]
        assert has.tolist() == [[label in clip.labels for label in LABELS] for clip in held_out]

    # And of sequences that are composed of the features of a frozen stem.
    def stem(features: Tensor) -> Tensor:
        return features[:, None, : features.shape[1] // 4 * 4 : 4]

    options = with_values(recipe, {"training": {"context_seconds": 0.0}}, "test").training
    cache = StemCache(dataset.clips, composer, program, options, stem, torch.zeros(64), tmp_path / "copies")
    chunk = cache.chunk(0, np.arange(len(clips)), np.random.default_rng(0))
    for clip, row, last in zip(clips, chunk.labels, chunk.last):
        assert row[last].tolist() == [label in clip.labels for label in LABELS]
    # Where every other clip has one of its labels too, silence or noise comes before a clip.
    alike = [clip for clip in held_out if "low" in clip.labels]
    (part,) = composer.held_out(alike, True, 1000)
    assert 0 < part.samples[:, : RATE // 2].max() < 0.02


def test_cross_validation(program_path: Path, tmp_path: Path, capsys: Any) -> None:
    """The card of the final model has the figures of the folds together, at its own thresholds."""
    rng, rows = np.random.default_rng(5), []
    for number, labels in enumerate(SETS * 6):
        write_wav(tmp_path / "data" / f"{number}.wav", sound(labels, rng))
        rows.append(f"{number}.wav,{'+'.join(labels)},{number // len(SETS) % 2}")
    write_table(tmp_path / "data", rows).write_text("\n".join(["filename,label,fold", *rows]))
    out, folds = tmp_path / "models" / "final", tmp_path / "folds"
    places = ["--data", str(tmp_path / "data"), "--work", str(tmp_path / "work"), "--folds", str(folds)]
    options = [*TINY, "--epochs", "2", "--attention", "continual", "--balance", "0.5", "--mixup", "0.2"]
    assert main(["cross-validate", *places, "--out", str(out), *options, "--separator", "+"]) == 0
    config = json.loads((out / "config.json").read_text())
    tags = config["card"]["tags"]
    assert f"{tags['clips']} clips, 6 of them without a label" in capsys.readouterr().out and tags["clips"] == 48
    own = config["decision"]["class_thresholds"]
    assert {label: each["threshold"] for label, each in tags["labels"].items()} == own
    # The thresholds of the folds' models, which have no part in it, differ.
    assert own != json.loads((folds / "fold-0" / "config.json").read_text())["decision"]["class_thresholds"]
    assert main(["evaluate", "--model", str(out), *places, "--check"]) == 0


def test_figures_are_those_of_scikit_learn() -> None:
    rng, labels = np.random.default_rng(2), ("a", "b", "c", "never")
    has = rng.random((60, 4)) < [0.5, 0.3, 0.1, 0]
    cold, decided, peaks = (np.clip(0.4 * has + rng.random((60, 4)) * 0.6, 0, 1) for _ in range(3))
    decision = {"threshold": 0.6, "class_thresholds": {"b": 0.5}}
    half = [slice(0, 30), slice(30, None)]
    first, second = (TagReport(labels, has[part], cold[part], decided[part], peaks[part]) for part in half)
    found = (first + second).at(decision).json()
    for name, scores in (("cold", cold), ("mid_stream", decided)):
        expected = [average_precision_score(has[:, index], scores[:, index]) for index in range(3)]
        own = [found["labels"][label]["average_precision"][name] for label in labels]
        assert own[:3] == pytest.approx(expected, abs=1e-4) and own[3] is None
        assert found["mean_average_precision"][name] == pytest.approx(np.mean(expected), abs=1e-4)
    above = peaks >= [0.6, 0.5, 0.6, 0.6]
    expected = precision_recall_fscore_support(has, above, zero_division=0)
    for index, label in enumerate(labels[:3]):
        each = found["labels"][label]
        assert [each[key] for key in ("precision", "recall", "f1", "clips")] == pytest.approx(
            [figures[index] for figures in expected], abs=1e-4
        )
    assert found["labels"]["never"]["recall"] is None and found["without_labels"] == (~has.any(1)).sum()


def reported(program: Path, model: Path, file: Path) -> set[str]:
    """The labels of the events in a file, as `run` reports them."""
    command = [str(program), "run", "--model", f"{model}/", "--emit", "events", str(file)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return {record["label"] for line in lines if (record := json.loads(line))["type"] == "event"}


def evaluation(program: Path, model: Path, table: Path) -> dict[str, Any]:
    """What the program's own `evaluate` says of the same table."""
    command = [str(program), "evaluate", str(table), "--separator", ";", "--model", f"{model}/", "--format", "json"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    found: dict[str, Any] = json.loads(lines[0])
    return found


def test_train_export_run_evaluate(program_path: Path, table: Path, tmp_path: Path, capsys: Any) -> None:
    """Both labels of a mixture are found, and a single sound has only its own: in new sounds, through the program."""
    out, work = tmp_path / "models" / "mixed", tmp_path / "work"
    places = ["--data", str(table), "--work", str(work)]
    options = "--epochs 14 --learning-rate 0.01 --split column --attention continual --window 10".split()
    options += "--stem-channels 8 16 16 16 --width 32".split()
    assert main(["train", *places, "--out", str(out), *TINY, *options, "--separator", ";"]) == 0
    printed = capsys.readouterr()
    config, card = json.loads((out / "config.json").read_text()), (out / "README.md").read_text()
    assert config["activation"] == "sigmoid" and config["labels"] == list(LABELS) and config["background"] == []
    assert set(config["decision"]["class_thresholds"]) == set(LABELS)
    tags = config["card"]["tags"]
    assert "mean average precision cold" in printed.err and f"{tags['clips']} clips" in printed.out
    assert min(tags["mean_average_precision"].values()) > 0.9
    assert "mean average precision over the labels" in card and "![thresholds](thresholds.svg)" in card
    assert config["card"]["events"]["clips"] == 7 * 3

    # New sounds, as the program reports them and as its own `evaluate`, which reads the same tables, measures them.
    rng, right, rows = np.random.default_rng(99), 0, []
    for number, labels in enumerate(SETS * 3):
        write_wav(file := tmp_path / "new" / f"{number}.wav", sound(labels, rng))
        rows.append(f"{number}.wav,{';'.join(labels)},")
        right += reported(program_path, out, file) == set(labels)
    assert right >= 0.75 * len(SETS) * 3  # an eighth if the sets were drawn
    found = evaluation(program_path, out, write_table(tmp_path / "new", rows))
    assert found["recordings"] == 24 and found["classification"]["micro"]["given"] == 36
    assert min(each["average_precision"] for each in found["per_class"]) > 0.9  # half by chance

    # The table of clips: labels that reach their thresholds, those that agree least first.
    clips = list(csv.DictReader((out / "clips.csv").open()))
    assert len(clips) == len(SETS) * EACH and {"low", "high;low", "click;high;low"} <= {row["label"] for row in clips}
    wrong = [_labels(row["predicted"]) != _labels(row["label"]) for row in clips]
    assert wrong == sorted(wrong, reverse=True)
    doubtful = [float(row["probability_of_label"]) for row, is_wrong in zip(clips, wrong) if not is_wrong]
    assert doubtful == sorted(doubtful)

    # The card's figures again; then other data, of which the model knows some labels, and a folder of single sounds.
    measure = ["evaluate", "--model", str(out), "--work", str(work)]
    assert main([*measure, "--data", str(table), "--check"]) == 0
    assert "mean average precision, mid-stream" in capsys.readouterr().out
    other = write_table(tmp_path / "new", [row.replace("low", "whistle;low") for row in rows])
    assert main([*measure, "--data", str(other), "--json", "--predictions", str(tmp_path / "p.csv")]) == 0
    shown = capsys.readouterr()
    assert "the model does not know whistle: these labels are left out" in shown.err
    measured = json.loads(shown.out)["tags"]
    assert measured["clips"] == 24 and measured["without_labels"] == 3 and measured["labels"]["low"]["clips"] == 12
    for label in ("high", "low"):
        write_wav(tmp_path / "folder" / label / "1.wav", sound([label], rng))
    assert main([*measure, "--data", str(tmp_path / "folder"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["tags"]["clips"] == 2


def _labels(field: str) -> list[str]:
    return [label for label in field.split(";") if label in LABELS]  # none of the background's
