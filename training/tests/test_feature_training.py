"""Models for streams of features: trained, exported, run by the program, and measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from classifier_training import trainer
from classifier_training.checkpoint import save_checkpoint
from classifier_training.cli import main
from classifier_training.encoding import encode
from classifier_training.errors import TrainingError
from classifier_training.feature_commands import FEATURE_DEFAULTS, export_features, fit_features
from classifier_training.feature_evaluation import best_thresholds, cold, figures, long
from classifier_training.feature_reading import read_streams
from classifier_training.feature_sequences import label_loss
from classifier_training.options import ModelOptions
from classifier_training.phases import training_phases
from classifier_training.recipe import Recipe, with_values

WIDTH = 6
TINY = (
    "--width 16 --feed-forward 16 --heads 2 --window 8 --landmarks 4 --epochs 3 --landmark-epochs 2 --threads 1".split()
)
SYSTEMS = [
    ("full", "fixed", "stream"),
    ("full", "fixed", "window"),
    ("nystromformer", "fixed", "window"),
    ("continual", "fixed", "stream"),
    ("continual", "fixed", "window"),
    ("continual-nystrom", "fixed", "stream"),
    ("continual-nystrom", "fixed", "window"),
    ("continual-nystrom", "continual", "stream"),
    ("continual-nystrom", "continual", "window"),
]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Streams of three kinds, each with features of its own mean; a third of them is held out."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "data"
    folder.mkdir()
    rows = ["stream,file,labels,split"]
    for number in range(36):
        features = rng.standard_normal((int(rng.integers(9, 14)), WIDTH))
        features[:, number % 3] += 1.5
        np.save(folder / f"{number}.npy", features)
        rows.append(f"s{number},{number}.npy,{'abc'[number % 3]},{'test' if number % 9 < 3 else 'train'}")
    (folder / "streams.csv").write_text("\n".join(rows))
    return folder


@pytest.fixture
def steps(tmp_path: Path) -> Path:
    """Long streams in which two labels come and go, given as spans; a third label never comes in those held out."""
    rng = np.random.default_rng(1)
    folder = tmp_path / "steps"
    folder.mkdir()
    rows, spans = ["stream,file,split"], ["stream,label,begin,end"]
    for number in range(16):
        held_out = number % 4 == 0
        features = rng.standard_normal((40, WIDTH)) * 0.5
        for label in range(2 if held_out else 3):
            begin = int(rng.integers(2, 30))
            end = begin + int(rng.integers(2, 9))
            features[begin:end, label] += 3
            spans.append(f"s{number},{'xyz'[label]},{begin * 0.5},{end * 0.5}")
        np.save(folder / f"{number}.npy", features.astype(np.float32))
        rows.append(f"s{number},{number}.npy,{'test' if held_out else 'train'}")
    (folder / "streams.csv").write_text("\n".join(rows))
    (folder / "spans.csv").write_text("\n".join(spans))
    return folder


@pytest.mark.parametrize(("attention", "update", "depth"), SYSTEMS)
def test_every_system_is_trained_and_exported(
    attention: str, update: str, depth: str, data: Path, program_path: Path, tmp_path: Path
) -> None:
    """The program's logits are those of PyTorch, for a stream of the data and for a long one."""
    recipe = with_values(
        FEATURE_DEFAULTS,
        {
            "model": {
                "width": 16, "layers": 2, "heads": 2, "feed_forward": 16, "window": 8, "landmarks": 4,
                "attention": attention, "landmark_update": update, "depth": depth,
            },
            "training": {"epochs": 2, "landmark_epochs": 1, "learning_rate": 1e-2},
        },
        "test",
    )  # fmt: skip
    streams = read_streams(data, (), recipe.streams)
    model = fit_features(recipe, streams, tmp_path / "work" / "checkpoint")
    assert model.sliding == (depth == "stream") and (model.input.scale != 1).all()
    folder = tmp_path / "model"
    folder.mkdir()
    config = export_features(model, recipe, streams, "model", folder)
    assert config["encoder"]["attention"]["kind"] == attention and config["encoder"]["depth"] == depth
    stream = np.concatenate([each.features for each in streams.streams[:4]]).astype(np.float32)
    with torch.no_grad():
        own = model.double()(torch.from_numpy(stream)[None].double())[0].numpy()
    assert np.abs(encode(program_path, folder, stream) - own).max() < 1e-4


def _layerwise(epochs: int) -> Recipe:
    model = {"width": 16, "layers": 2, "heads": 2, "feed_forward": 16, "window": 8, "landmarks": 4}
    training = {"epochs": 2, "landmark_epochs": epochs, "learning_rate": 1e-2, "landmark_schedule": "layerwise"}
    return with_values(FEATURE_DEFAULTS, {"model": model, "training": training}, "test")


def test_layers_get_their_landmarks_one_after_the_other(data: Path, tmp_path: Path) -> None:
    """The second half of the epochs changes the second layer, what comes after it, and nothing before it; a training
    that was interrupted between them goes on."""
    names = [(phase.name, phase.epochs, phase.layers) for phase in training_phases(_layerwise(5))]
    assert names == [
        ("softmax", 2, range(0)), ("landmarks of layer 1", 2, range(1)), ("landmarks of layer 2", 3, range(1, 2)),
    ]  # fmt: skip
    recipe = _layerwise(4)
    streams = read_streams(data, (), recipe.streams)
    checkpoint = tmp_path / "work" / "checkpoint"
    saved: list[dict[str, torch.Tensor]] = []

    def note(path: Path, identity: dict[str, Any], state: dict[str, Any]) -> None:
        saved.append({name: tensor.clone() for name, tensor in state["model"].items()})
        save_checkpoint(path, identity, state)
        if len(saved) == 4:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "save_checkpoint", note)
        with pytest.raises(KeyboardInterrupt):
            fit_features(recipe, streams, checkpoint)
        fit_features(recipe, streams, checkpoint)
    changed = {name for name, tensor in saved[5].items() if not torch.equal(tensor, saved[4][name])}
    assert changed and all(name.startswith(("encoder.layers.1.", "encoder.norm.", "head.")) for name in changed)
    assert "encoder.layers.1.attention.landmarks.query" not in saved[3]
    # The landmarks of a trained model are where its training put them.
    landmarks = [name for name in saved[5] if ".landmarks." in name]
    assert landmarks and not changed & set(landmarks)
    with pytest.raises(TrainingError, match="fixed landmarks"):
        with_values(recipe, {"model": {"attention": "continual"}}, "test")


def test_train_and_evaluate(data: Path, program_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One command trains, one evaluates, and finds what the card says."""
    out = tmp_path / "kinds"
    places = ["--data", str(data), "--work", str(tmp_path / "work")]
    more = "--epochs 12 --learning-rate 1e-2 --length 30 --noise 0.1 --mixup 0.2".split()
    assert main(["train-features", *places, "--out", str(out), *TINY, *more]) == 0
    config = json.loads((out / "config.json").read_text())
    assert config["labels"] == ["a", "b", "c"] and config["activation"] == "softmax" and config["frontend"] is None
    measured = config["card"]["figures"]
    assert measured["cold"]["streams"] == measured["long"]["streams"] == 12
    assert measured["cold"]["accuracy"] >= 0.75 and measured["long"]["accuracy"] >= 0.6
    assert measured["cold"]["labels_without_a_positive"] == []
    assert "accuracy at the last token" in (out / "README.md").read_text()
    capsys.readouterr()
    again = ["evaluate-features", "--model", str(out), "--data", str(data)]
    assert main([*again, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == measured
    assert main([*again, "--check"]) == 0
    config["card"]["figures"]["cold"]["accuracy"] += 0.01
    (out / "config.json").write_text(json.dumps(config))
    assert main([*again, "--check"]) == 1 and "not the same" in capsys.readouterr().out
    assert main([*again, "--step-seconds", "0.5"]) == 64 and "was trained on steps of 1 s" in capsys.readouterr().err
    np.save(data / "0.npy", np.zeros((3, WIDTH + 1)))
    assert main(again) == 65 and "features a step" in capsys.readouterr().err


def test_labels_of_steps_are_found_while_they_last(steps: Path, program_path: Path, tmp_path: Path) -> None:
    out = tmp_path / "spans"
    command = ["train-features", "--data", str(steps), "--work", str(tmp_path / "work"), "--out", str(out), *TINY]
    more = "--activation sigmoid --step-seconds 0.5 --epochs 30 --learning-rate 1e-2 --length 60 --attention continual"
    assert main([*command, *more.split()]) == 0
    config = json.loads((out / "config.json").read_text())
    found = config["card"]["figures"]["cold"]
    assert found["labels_without_a_positive"] == ["z"]
    labels = found["labels"]
    assert labels["z"]["average_precision"] is None and labels["z"]["spans"] == 0
    values = [labels[name]["average_precision"] for name in "xy"]
    assert min(values) > 0.7 and found["mean_average_precision"] == pytest.approx(np.mean(values), abs=1e-3)
    assert labels["x"]["found"] == 1 and labels["x"]["mean_delay_seconds"] < 1
    assert labels["x"]["point_average_precision"]["2"] > 0.5
    assert config["decision"]["class_thresholds"]["x"] == labels["x"]["threshold"]
    assert "their AP is undefined and in no mean: 1 (z)" in (out / "README.md").read_text()


def test_other_features_or_labels_are_another_training(
    steps: Path, program_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A finished training says so; after a correction of the data the same command does not give the old model."""
    command = ["train-features", "--data", str(steps), "--work", str(tmp_path / "work"), "--out", str(tmp_path / "m")]
    command += [*TINY, *"--activation sigmoid --step-seconds 0.5 --thresholds fixed --threshold-off 0.2".split()]
    assert main(command) == 0
    decision = json.loads((tmp_path / "m" / "config.json").read_text())["decision"]
    assert not decision["class_thresholds"] and decision["threshold_off"] == 0.2
    assert "complete" not in capsys.readouterr().err
    assert main(command) == 0
    assert "m.checkpoint: this training is complete; --restart begins it anew" in capsys.readouterr().err
    table = (steps / "spans.csv").read_text()
    (steps / "spans.csv").write_text(table.rpartition("\n")[0])
    assert main(command) == 78 and "the clips are others (s15 changed)" in capsys.readouterr().err
    (steps / "spans.csv").write_text(table)
    np.save(steps / "5.npy", np.load(steps / "5.npy") * 2)
    assert main(command) == 78 and "the clips are others (s5 changed)" in capsys.readouterr().err
    assert main([*command, "--restart"]) == 0


def test_one_label_a_step_with_background(steps: Path, program_path: Path, tmp_path: Path) -> None:
    """Streams in which labels overlap are refused with softmax."""
    out = tmp_path / "spans"
    command = ["train-features", "--data", str(steps), "--work", str(tmp_path / "work"), "--out", str(out), *TINY]
    table = (steps / "spans.csv").read_text().splitlines()
    (steps / "spans.csv").write_text("\n".join([table[0], *(row for row in table[1:] if ",x," in row)]))
    assert main([*command, "--background", "nothing", "--step-seconds", "0.5"]) == 0
    config = json.loads((out / "config.json").read_text())
    assert config["background"] == ["nothing"] and list(config["card"]["figures"]["cold"]["labels"]) == ["x"]


def test_a_resumed_training_gives_the_same_model(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in the second phase of landmarks that are no tensors."""
    from classifier_training import trainer

    values = {
        "model": {"width": 16, "heads": 2, "feed_forward": 16, "window": 8, "landmarks": 4,
                  "landmark_update": "continual"},
        "training": {"epochs": 1, "landmark_epochs": 3},
    }  # fmt: skip
    recipe = with_values(FEATURE_DEFAULTS, values, "test")
    streams = read_streams(data, (), recipe.streams)
    whole = fit_features(recipe, streams, tmp_path / "a" / "checkpoint").state_dict()

    def interrupt(message: str) -> None:
        if message.startswith("landmarks 2"):
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "say", interrupt)
        with pytest.raises(KeyboardInterrupt):
            fit_features(recipe, streams, tmp_path / "b" / "checkpoint")
    resumed = fit_features(recipe, streams, tmp_path / "b" / "checkpoint").state_dict()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_positions_of_ends_in_long_streams(data: Path) -> None:
    """A model that repeats its input has, in the long setting, the features of each stream's own tokens."""
    streams = read_streams(data, (), FEATURE_DEFAULTS.streams)
    for frames in (1, 3):
        ends = lambda found: [each[frames - 1 :: frames][:, :3].copy() for each in found]  # noqa: B023, E731
        found = long(streams, ends, frames, lead=20, parts=3)
        held_out = streams.of(held_out=True)
        assert [each.name for each in found.streams] == [each.name for each in held_out]
        for stream, logits, positive in zip(found.streams, found.logits, found.positive):
            logits = logits.astype(np.float32)
            assert len(logits) in (len(stream) // frames, -(-len(stream) // frames)) and len(positive) == len(logits)
            own = [
                step
                for step in range(len(stream))
                if (stream.features[step, :3].astype(np.float32) == logits).all(1).any()
            ]
            assert len(own) == len(logits) and (frames > 1 or len(own) == len(stream))
    scored = cold(streams, lambda found: [each[:, :3] for each in found], 1)
    assert np.array_equal(scored.logits[0], streams.of(held_out=True)[0].features[:, :3])
    assert figures(streams, scored, 1.0, [0.5] * 3)["accuracy"] > 0.4


def test_the_best_threshold_is_that_of_every_threshold_tried(steps: Path) -> None:
    streams = read_streams(steps, (), with_values(FEATURE_DEFAULTS, {"streams": {"activation": "sigmoid"}}, "").streams)
    scored = cold(streams, lambda found: [each[:, :3] for each in found], 1)
    found = best_thresholds(streams, scored)
    score = 1 / (1 + np.exp(-np.concatenate(scored.logits)[:, 0].astype(float)))
    true = np.concatenate(scored.positive)[:, 0]

    def f1(threshold: float) -> float:
        detected = score >= threshold
        return float(2 * (detected & true).sum() / (detected.sum() + true.sum()))

    assert f1(found[0]) == max(map(f1, score)) and found[2] == 0.5


def test_labels_that_are_not_judged_do_not_count() -> None:
    logits = torch.randn(2, 3, 2, generator=torch.Generator().manual_seed(0))
    target = torch.tensor([[[1.0, -1.0], [0.0, 1.0], [-1.0, -1.0]]] * 2)
    found = label_loss(logits, target)
    expected = torch.nn.functional.softplus(-logits[0, 0, 0])
    assert found[0, 0] == pytest.approx(float(expected)) and (found[:, 2] == 0).all()
    both = torch.nn.functional.softplus(logits[0, 1, 0]) + torch.nn.functional.softplus(-logits[0, 1, 1])
    assert found[0, 1] == pytest.approx(float(both))


def test_labels_among_many_get_the_gradient_that_they_get_alone() -> None:
    logits, target = torch.randn(1, 1, 500, generator=torch.Generator().manual_seed(0)), torch.zeros(1, 1, 500)
    alone, among = logits[..., :1].clone().requires_grad_(), logits.clone().requires_grad_()
    label_loss(alone, target[..., :1]).sum().backward()
    label_loss(among, target).sum().backward()
    assert alone.grad is not None and among.grad is not None
    assert among.grad[0, 0, 0] == pytest.approx(float(alone.grad[0, 0, 0]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--attention nystromformer --window 9", "4 landmarks do not divide a window of 9"),
        ("--attention nystromformer --layers 2", "need --depth window"),
        ("--labels a b c --background d", "none of the labels"),
        ("--labels a b", "the label `c` is none of a, b"),
        ("--label-table x.csv", "cannot read"),
    ],
)
def test_unusable_options(
    options: str, message: str, data: Path, tmp_path: Path, capsys: Any, program_path: Path
) -> None:
    command = ["train-features", "--data", str(data), "--work", str(tmp_path), "--out", str(tmp_path / "m"), *TINY]
    assert main([*command, *options.split()]) != 0
    assert message in capsys.readouterr().err


def test_audio_is_not_trained_with_windows(tmp_path: Path, capsys: Any) -> None:
    assert main(["train", "--data", str(tmp_path), "--out", str(tmp_path / "m"), "--attention", "full"]) == 78
    assert "train-features" in capsys.readouterr().err
    assert ModelOptions().depth == "stream"
