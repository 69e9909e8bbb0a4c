"""Figures of models that tag sounds: by hand, and of a shipped model with the real program."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from classifier_training.card import first_label_section
from classifier_training.errors import TrainingError
from classifier_training.event_times import LabelledSound, event_delays, event_times
from classifier_training.program import Program, write_wave
from classifier_training.tag_labels import tag_labels
from classifier_training.tagging import calibration_error, first_labels, labelled_sounds, read_labelled

GENERAL = Path(__file__).resolve().parents[2] / "models" / "general"


def test_calibration_error_by_hand() -> None:
    """Two bins: 0.15 on average, of which half are right, and 0.95, of which all are."""
    probabilities = np.array([0.1, 0.19, 0.95, 0.95])
    right = np.array([True, False, True, True])
    assert calibration_error(probabilities, right) == pytest.approx((abs(0.29 - 1) + abs(1.9 - 2)) / 4)
    assert calibration_error(np.array([1.0]), np.array([True])) == 0


def test_a_shipped_model(program_path: Path, tmp_path: Path) -> None:
    """Of a tone that is no siren and of a siren's sweep the figures have all their parts."""
    times = np.arange(0, 4, 1 / 16_000)
    phase = 2 * np.pi * np.cumsum(900 + 400 * np.sin(2 * np.pi * 0.4 * times)) / 16_000
    folder = tmp_path / "labelled"
    (folder / "sweeps").mkdir(parents=True)
    write_wave(folder / "sweeps" / "siren.wav", (0.3 * np.sign(np.sin(phase))).astype(np.float32), 16_000)
    write_wave(folder / "sweeps" / "dog.wav", (0.1 * np.sin(2 * np.pi * 440 * times)).astype(np.float32), 16_000)
    table = "filename,label,split\nsweeps/siren.wav,siren,\nsweeps/dog.wav,dog,\n"
    (folder / "clips.csv").write_text(table, encoding="utf-8")
    sets = read_labelled(folder)
    assert [(one.name, one.classes) for one in sets] == [("sweeps", ("siren", "dog"))]
    program = Program(program_path, {"recipe": "yamnet"}, tmp_path / "work")
    found = first_labels(GENERAL, sets, folder, program)
    assert found["sets"][0]["recordings"] == 2 and found["sets"][0]["right"] == 0.5
    gains = found["sets"][0]["gains_db"]
    assert list(gains) == ["-40", "-30", "-20", "-10", "+10", "+20"] and gains["+10"] == 0.5
    assert max(gains.values()) == 0.5, "a tone is no dog at any level"
    quiet = tmp_path / "quiet.wav"
    write_wave(quiet, (0.003 * np.sign(np.sin(phase))).astype(np.float32), 16_000)
    heard = program.summaries(GENERAL, [quiet])[0].label
    assert gains["-40"] == (0.5 if "siren" in heard.lower() else 0), heard
    table = next(part for part in first_label_section(found) if part.startswith("| recordings | -40 "))
    assert table.endswith("| " + " | ".join(f"{gain:.1%}" for gain in gains.values()) + " |")
    assert found["changes"]["minutes"] == 0.1 and found["changes"]["smoothed"] >= 0
    _check_times(labelled_sounds(sets[0], program), program, tmp_path / "delayed")
    (folder / "clips.csv").write_text("filename,label\nsweeps/dog.wav,dog\n", encoding="utf-8")
    dogs = [(GENERAL, labelled_sounds(read_labelled(folder)[0], program))]
    unheard = event_times("dogs", dogs, program)
    assert unheard["reported"] == 0 and unheard["onset"] is None, "a tone is no dog"
    assert not event_delays(dogs, program)
    (folder / "clips.csv").write_text("filename,label\nsweeps/dog.wav,unicorn\n", encoding="utf-8")
    with pytest.raises(TrainingError, match="unicorn"):
        first_labels(GENERAL, read_labelled(folder), folder, program)
    (folder / "clips.csv").unlink()
    with pytest.raises(TrainingError, match="cannot read"):
        read_labelled(folder)


def _check_times(sounds: list[LabelledSound], program: Program, copy: Path) -> None:
    """The delays that are measured make the times of events those of the sounds."""
    shutil.copytree(GENERAL, copy)
    config = json.loads((copy / "config.json").read_text(encoding="utf-8"))
    times = ("onset_delay_ms", "offset_delay_ms", "offset_fall_db")
    decision = {key: value for key, value in config["decision"].items() if key not in times}
    decision |= {"threshold": 0.05, "threshold_off": 0.03, "class_thresholds": {}}
    config["decision"] = decision
    (copy / "config.json").write_text(json.dumps(config), encoding="utf-8")
    delays = event_delays([(copy, sounds)], program)
    assert delays["onset_delay_ms"] > 0 and delays["offset_delay_ms"] > 0 and delays["offset_fall_db"] == 15
    decision |= delays
    (copy / "config.json").write_text(json.dumps(config), encoding="utf-8")
    found = event_times("sweeps", [(copy, sounds)], program)
    assert found["sounds"] == 2 and found["reported"] == 1
    # Of one sound the median is its own delay, in whole tenths of a second.
    assert found["onset"] <= 0.06 <= found["onset_before"] and found["offset"] <= 0.1 < found["offset_before"]


def test_audiosets_labels_have_their_tree() -> None:
    labels = ["Animal", "Dog", "Domestic animals, pets", "Bark", "Silence", "Something else"]
    about = tag_labels(labels)
    # As AudioSet's ontology has them: a bark is of a dog, a dog is a pet, pets are animals.
    assert about["parents"] == {
        "Dog": ["Domestic animals, pets"],
        "Domestic animals, pets": ["Animal"],
        "Bark": ["Dog"],
    }
    assert about["background"] == ["Silence"] and about["summary"] == {"Silence": "least"}
    assert tag_labels(labels[:2])["parents"] == {}, "a label above that the model does not have is left out"
    assert tag_labels(["Bark"])["background"] == []
