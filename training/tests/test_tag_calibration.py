"""The calibration of models that tag sounds: by hand, on synthetic labels, and of a shipped model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from classifier_training.cli import main
from classifier_training.program import Program, write_wave
from classifier_training.tag_calibration import Known, Tree, fit_decision, fit_offsets, probability

GENERAL = Path(__file__).resolve().parents[2] / "models" / "general"
LABELS = ["Speech", "Speech synthesizer", "Animal", "Dog", "Bark", "Cat", "Music", "Singing"]
PARENTS = {
    "Speech synthesizer": ["Speech"],
    "Dog": ["Animal"],
    "Bark": ["Dog"],
    "Cat": ["Animal"],
    "Singing": ["Music"],
}
DECISION = {"threshold": 0.2, "threshold_off": 0.1, "min_duration_ms": 0, "max_gap_ms": 0, "refractory_ms": 0}


def test_what_is_heard_follows_from_the_tree() -> None:
    """Of a class's two names the likelier one is heard; its relatives are unknown, and so is speech behind it."""
    tree, nan = Tree(LABELS, PARENTS), np.nan
    logits = np.zeros((3, len(LABELS)))
    logits[1, LABELS.index("Bark")] = 2
    np.testing.assert_array_equal(tree.truth(["Dog", "Bark"], logits), [nan, nan, nan, nan, 1, 0, 0, 0])
    np.testing.assert_array_equal(tree.truth(["Speech"], logits), [1, 0, 0, 0, 0, 0, 0, 0])
    np.testing.assert_array_equal(tree.truth(["Music"], logits), [nan, nan, 0, 0, 0, 0, 1, nan])


def test_only_a_label_that_is_too_probable_falls() -> None:
    """The offset of a label that is heard where it is not is where the derivative of its posterior is zero."""
    rng = np.random.default_rng(0)
    truth = np.tile([1.0, 0.0, 0.0], (200, 1))
    truth[::2] = [0, 0, 1]
    logits = np.where(truth == 1, 1.5, -4) + rng.normal(0, 0.5, truth.shape)
    logits[:, 1] = rng.normal(1, 0.5, 200)  # says much, and is never right
    known = [Known("a", row[None], heard) for row, heard in zip(logits, truth)]
    offsets = fit_offsets(known, 5.0, 1.0, 0.5)
    assert offsets[0] == offsets[2] == 1 and offsets[1] < 0.2

    def posterior(own: float, shared: float) -> float:
        return float(np.log1p(np.exp(logits[:, 1] + own)).sum() + (own - shared) ** 2 / (2 * 0.5**2))

    def loss(shared: float) -> float:
        return float((np.log1p(np.exp(logits + shared)) - truth * (logits + shared)).sum())

    grid = np.arange(-12, 4, 0.002)
    shared = grid[np.argmin([loss(each) for each in grid])]
    best = grid[np.argmin([posterior(each, shared) for each in grid])]
    assert offsets[1] == pytest.approx(1 + best - shared, abs=0.01)


def test_thresholds_by_hand() -> None:
    """36 s of each kind: one event in one of them is 100 an hour."""
    quiet, loud = np.full((36, 2), -5.0), np.full((36, 2), -5.0)
    loud[5, 0] = np.log(0.52 / 0.48)  # a probability of 0.52, where it is not heard
    loud[[7, 20], 1] = np.log(0.62 / 0.38)  # twice 0.62, where nobody knows
    known = [Known("a", quiet, np.array([1.0, 0.0])), Known("b", loud, np.array([0.0, np.nan]))]
    config = {"labels": ["x", "y"], "background": [], "decision": DECISION}
    strict = fit_decision(config, known, 1.0, 0.3, 3.0)
    assert strict == {**DECISION, "threshold": 0.3, "threshold_off": 0.18, "class_thresholds": {"x": 0.55, "y": 0.65}}
    between = fit_decision(config, known, 1.0, 0.3, 60.0)  # allows 60 and 240: x is reported 100 times, y 200 times
    assert between["class_thresholds"] == {"x": 0.55}
    assert fit_decision(config, known, 1.0, 0.3, 100.0)["class_thresholds"] == {}


def test_a_shipped_model_is_calibrated_in_place(
    program_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The program's logits move by the offsets, and the model says which sounds it was calibrated by."""
    model, data = tmp_path / "general", tmp_path / "known"
    _uncalibrated(model)
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    times = np.arange(0, 4, 1 / 16_000)
    phase = 2 * np.pi * np.cumsum(900 + 400 * np.sin(2 * np.pi * 0.4 * times)) / 16_000
    (data / "sweeps").mkdir(parents=True)
    (data / "tones").mkdir()
    siren = (0.3 * np.sign(np.sin(phase))).astype(np.float32)
    write_wave(data / "sweeps" / "siren.wav", siren, 16_000)
    write_wave(data / "tones" / "tone.wav", (0.1 * np.sin(2 * np.pi * 440 * times)).astype(np.float32), 16_000)
    (data / "clips.csv").write_text("filename,label\nsweeps/siren.wav,siren\ntones/tone.wav,Sine wave\n", "utf-8")
    program = Program(program_path, {"recipe": "yamnet"}, tmp_path / "work")
    before = program.encode(model, program.features(siren[None])[0])
    command = ["calibrate", "--model", str(model), "--data", str(data), "--work", str(tmp_path / "work")]
    assert main([*command, "--common", "0.5"]) == 0
    after = program.encode(model, program.features(siren[None])[0])  # the program checks the golden logits, too
    moved = (after - before).mean(0)
    np.testing.assert_allclose(after - before, np.tile(moved, (len(after), 1)), atol=1e-4)
    assert moved.max() <= 0.5 + 2e-3 and moved[config["labels"].index("Silence")] == pytest.approx(0.5, abs=2e-3)
    made = json.loads((model / "config.json").read_text(encoding="utf-8"))
    assert made["card"]["calibration"]["recordings"] == {"sweeps": 1, "tones": 1}
    assert made["decision"]["threshold"] == 0.25 and made["decision"]["onset_delay_ms"] % 100 == 0
    assert "sweeps (1), tones (1)" in (model / "README.md").read_text(encoding="utf-8")
    capsys.readouterr()
    assert main(command) == 78 and "is calibrated already" in capsys.readouterr().err
    assert main([*command[:1], "--model", str(GENERAL.with_name("keywords-en")), *command[3:]]) == 64
    assert probability(np.zeros(1)) == 0.5


def _uncalibrated(model: Path) -> bytes:
    """A copy of a shipped model that says of no calibration; returns its weights."""
    shutil.copytree(GENERAL, model)
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    del config["card"]["calibration"]
    (model / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return (model / "model.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("filename,label\ns/a.wav,unicorn\n", "unicorn"),
        ("filename,label\n", "has no rows"),
        ("filename,label\n,Siren\n", "line 2: no filename"),
        ("filename,label\ns/a.wav\n", "line 2: no label"),
        ("filename,label\ns/b.wav,Siren\n", "does not exist"),
        ("name,label\ns/a.wav,Siren\n", "no column `filename`"),
        ("filename,label\ns/a.wav,Theremin\n", "reports no sound of s"),  # the weights are changed by then
    ],
)
def test_a_model_stays_whole(
    table: str, words: str, program_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = _uncalibrated(tmp_path / "general")
    (tmp_path / "data" / "s").mkdir(parents=True)
    write_wave(tmp_path / "data" / "s" / "a.wav", np.zeros(32_000, np.float32), 16_000)
    (tmp_path / "data" / "clips.csv").write_text(table, "utf-8")
    command = ["calibrate", "--model", str(tmp_path / "general"), "--data", str(tmp_path / "data")]
    assert main([*command, "--work", str(tmp_path / "work")]) in (65, 66) and words in capsys.readouterr().err
    assert (tmp_path / "general" / "model.safetensors").read_bytes() == weights
    assert not list(tmp_path.glob(".general*"))
    for option in ("--common nan", "--spread 0", "--threshold 1e-300", "--target inf"):
        assert main([*command, "--work", str(tmp_path / "work"), *option.split()]) == 64
        assert f"{option.split()[0]} is" in capsys.readouterr().err
