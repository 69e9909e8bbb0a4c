"""Streams of clips and of other sounds, the conditions in which they are heard, and the intervals of their figures."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import RATE, write_wav

from classifier_training.cli import main
from classifier_training.conditions import conditions, convolved
from classifier_training.dataset import Clip
from classifier_training.errors import TrainingError
from classifier_training.fragments import fragment
from classifier_training.intervals import poisson_interval, rate, ratio
from classifier_training.options import DataOptions
from classifier_training.split import is_held_out
from classifier_training.stream_command import is_tested, with_telephone
from classifier_training.stream_report import prediction_sample
from classifier_training.stream_table import compare, stream_table
from classifier_training.streams import Place, Sound, Stream, Word, false_events, reports, stream_of_sounds

A, B = frozenset("a"), frozenset("b")
PLACES = (Place(1, 2, A, "x"), Place(4, 5, B, "y"), Place(7, 8, A, "x"))


def stream(samples: np.ndarray) -> Stream:
    return Stream(samples, RATE, PLACES)


def tone(hertz: float, seconds: float = 10) -> np.ndarray:
    return (0.05 * math.sqrt(2) * np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE)).astype(np.float32)


def level(samples: np.ndarray) -> float:
    """In decibels, without the ends."""
    return float(10 * np.log10(np.mean(np.square(samples[RATE:-RATE]))))


def test_events_belong_to_the_clip_in_which_they_start() -> None:
    events = [{"label": "a", "t0": 1.4}, {"label": "a", "t0": 5.4}, {"label": "b", "t0": 6.2}]
    assert reports(stream(np.zeros(0)), events) == [("x", True, False), ("y", False, True), ("x", False, False)]


def test_the_prediction_of_an_event_is_in_its_identity() -> None:
    event = {"id": "tcp-3-14320-left-hand", "stream": "tcp-3", "label": "left-hand", "t0": 0.1}
    assert prediction_sample(event) == 14320


def test_false_events_are_counted_by_recording() -> None:
    rng = np.random.default_rng(0)
    sounds = [
        Sound(name, rng.standard_normal(RATE * seconds).astype(np.float32)) for name, seconds in (("p", 2), ("q", 3))
    ]
    heard = stream_of_sounds(sounds, RATE, rng)
    first = heard.places[0]
    found = false_events(heard, [{"label": "a", "t0": first.end - 0.1}, {"label": "b", "t0": first.end + 0.1}])
    assert found[first.group][1] == ["a"] and sum(seconds for seconds, _ in found.values()) == pytest.approx(5)
    assert sum(len(labels) for _, labels in found.values()) == 2


def test_spoken_words_are_no_false_events() -> None:
    sound = Sound("p", np.ones(3 * RATE, np.float32), (Word("a", 1, 1.5),))
    heard = stream_of_sounds([sound, sound], RATE, np.random.default_rng(0))
    assert heard.words == (Word("a", 1, 1.5), Word("a", 4, 4.5))
    events = [{"label": label, "t0": t0} for label, t0 in (("a", 0.7), ("a", 0.9), ("b", 1.2), ("a", 4.9), ("a", 5.1))]
    assert false_events(heard, events)["p"][1] == ["a", "b", "a"]


@pytest.mark.parametrize(
    ("name", "hertz", "expected"),
    [
        ("telephone band", 1000, 0),
        ("telephone band", 100, -50),
        ("telephone band", 7000, -30),
        ("gain of -40 dB", 1000, -40),
        ("gain of +10 dB", 1000, 10),
    ],
)
def test_a_condition_changes_a_tone_as_its_name_says(name: str, hertz: float, expected: float) -> None:
    samples = tone(hertz)
    change = level(conditions(None)[name](stream(samples))) - level(samples)
    assert abs(change - expected) < 0.5 if expected > -30 or "gain" in name else change < expected


def test_other_sounds_are_heard_in_the_band_of_a_telephone() -> None:
    """White noise keeps 3100 of its 8000 Hz there, and its places."""
    noise = np.random.default_rng(0).standard_normal(10 * RATE).astype(np.float32)
    found = with_telephone({"speech": Stream(0.1 * noise, RATE, PLACES)})
    assert list(found) == ["speech", "speech, telephone"] and found["speech, telephone"].places == PLACES
    whole, band = (float(np.mean(np.square(stream.samples))) for stream in found.values())
    assert abs(band / whole - 3100 / 8000) < 0.02


@pytest.mark.parametrize("snr", [20, 10, 5, 0])
def test_noise_is_below_the_clips_by_its_ratio(snr: int) -> None:
    noise = np.random.default_rng(0).standard_normal(10 * RATE).astype(np.float32)
    samples = conditions(noise)[f"noise at {snr} dB"](stream(np.zeros(10 * RATE, np.float32)))
    assert level(samples) == pytest.approx(20 * math.log10(0.05) - snr, abs=0.1)


@pytest.mark.parametrize("seconds", [0.3, 0.6, 1.0])
def test_an_echo_falls_by_60_db_in_its_time(seconds: float) -> None:
    click = np.zeros(4 * RATE, np.float32)
    click[RATE] = 0.5
    echo = conditions(None)[f"echo of {seconds:g} s"](stream(click))[RATE + 200 :]
    energy = 10 * np.log10(np.cumsum(np.square(echo[::-1]))[::-1] + 1e-12)
    early, late = (energy[int(share * seconds * RATE)] for share in (0.05, 0.55))
    assert early - late == pytest.approx(30, abs=3)


def test_a_convolution_in_blocks_is_one_of_the_whole() -> None:
    rng = np.random.default_rng(0)
    samples, kernel = rng.standard_normal((1 << 20) + 5000), rng.standard_normal(301)
    ends = slice((1 << 20) - 400, (1 << 20) + 800)
    exact = np.convolve(samples[ends.start - 300 : ends.stop], kernel)[300 : 300 + ends.stop - ends.start]
    assert np.allclose(convolved(samples.astype(np.float32), kernel)[ends], exact, atol=1e-4)


def test_a_fragment_begins_and_ends_where_it_is_quiet() -> None:
    rng = np.random.default_rng(0)
    bursts = np.repeat(rng.random(40) < 0.5, RATE // 20)  # every 50 ms there may be a pause
    samples = (0.1 * rng.standard_normal(2 * RATE) * np.where(bursts, 1, 0.001)).astype(np.float32)
    for _ in range(20):
        cut = fragment(samples, RATE, rng)
        assert 0.19 * RATE <= len(cut) <= 1.05 * RATE and cut[0] == 0 and abs(cut[-1]) < 1e-6


def test_half_of_the_speakers_that_a_rule_held_out_are_measured_by() -> None:
    """Of a column `split` as well, in which another rule may have written the same speakers."""
    speakers = [str(number) for number in range(2000) if is_held_out(0, str(number), 0.2)]
    for split in ("speaker", "column"):
        tested = [is_tested(Clip("", "", speaker, held_out=True), DataOptions(split=split)) for speaker in speakers]
        assert 0.4 < sum(tested) / len(tested) < 0.6


def test_an_interval_is_as_wide_as_the_groups_differ() -> None:
    alike = ratio([(group, 5.0, 10.0) for group in range(30)])
    assert (alike.value, alike.low, alike.high, alike.groups) == (0.5, 0.5, 0.5, 30)
    apart = ratio([(group, 10.0 * (group % 2), 10.0) for group in range(30)])
    # The binomial distribution: 1.96 * sqrt(0.25 / 30) = 0.18.
    assert (
        apart.value == 0.5
        and apart.low == pytest.approx(0.32, abs=0.04)
        and apart.high == pytest.approx(0.68, abs=0.04)
    )


MEASURED: dict[str, Any] = {
    "false_events_an_hour": {
        "speech": {"hours": 0.5, "value": 4.0, "low": 1.0, "high": 8.0, "groups": 12, "labels": {"up": 2}}
    },
    "reported": {
        "quiet": {side: {"value": 0.9, "low": 0.8, "high": 0.95, "groups": 12} for side in ("right", "wrong")}
    },
    "refused": {"value": 0.8, "low": 0.7, "high": 0.9, "groups": 12},
}


def test_few_events_have_the_interval_of_poissons_distribution() -> None:
    # Garwood 1936, as tables of the exact interval have it.
    for count, expected in ((0, (0.0, 3.689)), (1, (0.0253, 5.572)), (3, (0.6187, 8.767)), (10, (4.795, 18.39))):
        assert poisson_interval(count) == pytest.approx(expected, abs=0.005)
    nothing = rate([("a", 0.0, 0.25), ("b", 0.0, 0.25)])
    assert (nothing.value, nothing.low, nothing.groups) == (0.0, 0.0, 2)
    assert nothing.high == pytest.approx(7.38, abs=0.01)
    alone = rate([("a", 3.0, 0.5)])
    assert (alone.value, alone.low, alone.high) == pytest.approx((6.0, 1.237, 17.53), abs=0.01)
    several = [(group, float(group % 3), 0.1) for group in range(30)]
    assert rate(several) == ratio(several)


def test_the_table_has_each_figure_with_its_interval() -> None:
    table = stream_table(MEASURED)
    assert "| speech | 0.50 | 4.0 (1.0 to 8.0) | up 2 |" in table
    assert "| quiet | 90.0% (80.0% to 95.0%) | 90.0% (80.0% to 95.0%) |" in table
    assert "80.0% (70.0% to 90.0%) of the clips" in table


def test_a_comparison_fails_if_a_figure_differs(capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(MEASURED, MEASURED) == 0
    other = copy.deepcopy(MEASURED)
    other["reported"]["quiet"]["right"]["value"] = 0.88
    assert compare(MEASURED, other) == 1
    assert "reported, quiet: 0.880, in the card 0.900: not the same" in capsys.readouterr().out
    with pytest.raises(TrainingError, match="--update-card"):
        compare(None, MEASURED)


def test_a_model_is_measured_in_streams_and_its_thresholds_chosen(
    program_path: Path, sounds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The thresholds that are chosen report no event in sounds without the labels, of which the others report some."""
    rng, folder, out = np.random.default_rng(1), tmp_path / "other", tmp_path / "tones"
    for number in range(4):
        write_wav(folder / "whistles" / f"{number}" / "a.wav", tone(2500, 3))
        write_wav(folder / "noise" / f"{number}.wav", 0.05 * rng.standard_normal(3 * RATE))
    network = "--stem-channels 4 8 8 8 --width 16 --layers 1 --heads 2 --feed-forward 16 --landmarks 4"
    fit = "--split-seed 2 --held-out-fraction 0.6 --epochs 6 --landmark-epochs 1 --batch 8 --background none"
    places = ["--data", str(sounds), "--work", str(tmp_path / "work")]
    assert main(["train", *places, "--out", str(out), *network.split(), *fit.split()]) == 0
    config = json.loads((out / "config.json").read_text())
    config["decision"] |= {"threshold": 0.2, "threshold_off": 0.1, "class_thresholds": {}}
    (out / "config.json").write_text(json.dumps(config))
    measure = ["streams", *places, "--model", str(out), "--sounds", str(folder), "--validation", str(folder)]
    capsys.readouterr()
    assert main([*measure, "--json"]) == 0
    before = json.loads(capsys.readouterr().out)
    assert set(before["false_events_an_hour"]) == {"noise", "silence", "whistles"}
    assert before["false_events_an_hour"]["whistles"]["groups"] == 4
    assert before["reported"]["quiet"]["right"]["groups"] >= 1 and "noise at 10 dB" in before["reported"]
    assert main([*measure, "--choose", "--target", "0"]) == 0
    assert main([*measure, "--update-card"]) == 0
    config = json.loads((out / "config.json").read_text())
    after = config["card"]["in_streams"]["false_events_an_hour"]
    assert sum(found["value"] for found in after.values()) <= sum(
        found["value"] for found in before["false_events_an_hour"].values()
    )
    assert max(found["value"] for found in after.values()) == 0
    assert "| whistles |" in (out / "README.md").read_text()
    assert {"onset_delay_ms", "offset_delay_ms", "offset_fall_db"} <= set(config["decision"])
    times = config["card"]["event_times"]["sets"][0]
    assert times["sounds"] > 0 and times["reported"] <= times["sounds"]
    assert f"| {times['reported']} of {times['sounds']} |" in (out / "README.md").read_text()
    assert main([*measure, "--check"]) == 0


def test_the_clips_of_each_fold_are_heard_by_its_model(
    program_path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The fold's models report their clips as the model's own decision says."""
    rows, rng = ["filename,label,fold"], np.random.default_rng(0)
    for number in range(24):
        label, hertz = (("high", 3000), ("low", 400))[number % 2]
        write_wav(tmp_path / f"{number}.wav", tone(hertz, 1) + 0.001 * rng.standard_normal(RATE))
        rows.append(f"{number}.wav,{label},{'ab'[number % 3 == 0]}")
    (tmp_path / "clips.csv").write_text("\n".join(rows))
    write_wav(tmp_path / "other" / "whistles" / "0" / "a.wav", tone(1500, 3))
    out, folds = tmp_path / "model", ["--folds", str(tmp_path / "folds")]
    places = ["--data", str(tmp_path / "clips.csv"), "--work", str(tmp_path / "work")]
    network = "--stem-channels 4 8 8 8 --width 16 --layers 1 --heads 2 --feed-forward 16 --landmarks 4"
    fit = "--epochs 8 --landmark-epochs 1 --batch 8 --background none"
    assert main(["cross-validate", *places, *folds, "--out", str(out), *network.split(), *fit.split()]) == 0
    measure = ["streams", *places, *folds, "--model", str(out), "--sounds", str(tmp_path / "other"), "--json"]

    def reported(threshold: float) -> dict[str, Any]:
        config = json.loads((out / "config.json").read_text())
        config["decision"] |= {"threshold": threshold, "threshold_off": 0.5, "class_thresholds": {}}
        (out / "config.json").write_text(json.dumps(config))
        capsys.readouterr()
        assert main(measure) == 0
        found: dict[str, Any] = json.loads(capsys.readouterr().out)["reported"]["quiet"]
        return found

    sides = {f"{n}.wav": is_held_out(0, f"{n}.wav", 0.5) for n in range(24)}  # the half to measure by
    low = reported(0.7)
    assert low["right"]["groups"] == sum(sides.values()) and low["right"]["value"] > 0
    assert reported(1.0)["right"]["value"] == 0
    choose = ["streams", *places, *folds, "--model", str(out), "--validation", str(tmp_path / "other"), "--choose"]
    assert main(choose) == 0
    assert json.loads((out / "config.json").read_text())["decision"]["threshold"] < 1
    fold = json.loads((tmp_path / "folds" / "fold-a" / "config.json").read_text())
    (tmp_path / "folds" / "fold-a" / "config.json").write_text(json.dumps({**fold, "labels": ["low", "high"]}))
    assert main(measure) == 78
