"""From sounds to a model directory, with the real program."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bundle_writer import write_yamnet, yamnet_tensors
from conftest import RATE, tone, write_wav
from safetensors.numpy import load_file

from classifier_training.cli import main
from classifier_training.compose import Composer
from classifier_training.dataset import read_dataset
from classifier_training.effects import loud_cuts
from classifier_training.errors import TrainingError
from classifier_training.evaluate import peaks_in
from classifier_training.options import DataOptions
from classifier_training.pieces import Piece
from classifier_training.program import Program
from classifier_training.recipe import Recipe, with_values
from classifier_training.store import Store
from classifier_training.yamnet import read_stem

SPLIT = DataOptions(split_seed=2)  # three of the ten speakers are held out
TINY = (
    "--stem-channels 4 8 8 8 --width 16 --layers 1 --heads 2 --feed-forward 16 --landmarks 4 --split-seed 2 "
    "--landmark-epochs 1 --batch 8 --threads 1 --background none"
).split()


@pytest.fixture
def program(program_path: Path, tmp_path: Path) -> Program:
    return Program(program_path, {"recipe": "yamnet"}, tmp_path / "work")


def train(sounds: Path, out: Path, *more: str, epochs: int = 3) -> int:
    places = ["--data", str(sounds), "--out", str(out), "--work", str(out.parent / "work")]
    return main(["train", *places, *TINY, "--epochs", str(epochs), *more])


def test_sequences_know_nothing_of_each_other(program: Program) -> None:
    rng = np.random.default_rng(0)
    for length in (16000, 16001, 16159):
        sequences = 0.1 * rng.standard_normal((3, length), dtype=np.float32)
        together = program.features(sequences)
        alone = [program.features(sequence[None])[0] for sequence in sequences]
        assert together.shape == (3, program.frontend.frames(length), 64)
        assert np.allclose(together, np.stack(alone), rtol=0, atol=1e-6)


@pytest.mark.parametrize("recipe", ["yamnet", "vggish", "kaldi", "librosa"])
def test_the_geometry_is_that_of_the_program(program_path: Path, tmp_path: Path, recipe: str) -> None:
    """Features of a file, without this package's padding, have as many frames as it expects."""
    program = Program(program_path, {"recipe": recipe}, tmp_path / "work")
    rate = program.frontend.sample_rate
    for length in (rate, rate + 777):
        sequence = 0.1 * np.random.default_rng(0).standard_normal(length, dtype=np.float32)
        whole = program._stream_features(sequence)
        assert whole.shape == (program.frontend.frames(length), program.frontend.bands)
        assert np.allclose(program.features(sequence[None])[0], whole, atol=1e-6)


def test_composition_depends_on_its_seed_and_fills_every_sequence(program: Program, sounds: Path) -> None:
    dataset = read_dataset(sounds, SPLIT)
    store = Store(dataset, program, sounds.parent / "work", 400)
    composer = Composer(dataset, store, program.frontend, 4, Recipe(data=SPLIT))
    clips = dataset.of(held_out=False)
    first, second = (composer.training(clips, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(first.samples, second.samples) and np.array_equal(first.weights, second.weights)
    assert np.isfinite(first.weights).all() and np.abs(first.samples).max() <= 1
    row = np.arange(len(clips))
    assert [dataset.labels[label] for label in first.labels[row, first.last]] == [clip.label for clip in clips]
    assert (first.weights[row, first.last] > 0).all()

    (cold,), (mid,) = (composer.held_out(dataset.of(held_out=True), mid, 1000) for mid in (False, True))
    assert np.array_equal(cold.samples, mid.samples[:, RATE:]) and (mid.last > cold.last).all()
    assert np.abs(mid.samples[:, :RATE]).max() > 0.1


def test_clips_played_backwards_are_unknown(program: Program, sounds: Path) -> None:
    """Noise with a rising level falls backwards, and its place in the clip is the mirrored one."""
    piece = Piece(np.arange(10, dtype=np.float32), 1, 2, 7).backwards(5)
    assert piece.samples.tolist() == list(range(9, -1, -1)) and (piece.label, piece.onset, piece.end) == (5, 3, 8)
    dataset = read_dataset(sounds, replace(SPLIT, unknown=True))
    store = Store(dataset, program, sounds.parent / "work", 400)
    recipe = with_values(Recipe(data=SPLIT), {"training": {"backward_share": 1.0}}, "test")
    composer = Composer(dataset, store, program.frontend, 4, recipe)
    clips = dataset.of(held_out=False)
    out = composer.training(clips, np.random.default_rng(5))
    found = [dataset.labels[label] for label in out.labels[np.arange(len(clips)), out.last]]
    assert found == ["_silence_" if clip.label == "_silence_" else "_unknown_" for clip in clips]


def test_steady_noise_is_white_to_brown(program: Program, sounds: Path) -> None:
    """Ten dB below a clip's sound; from one octave to the second above it, its power falls by 0 to 12 dB."""
    dataset = read_dataset(sounds, SPLIT)
    store = Store(dataset, program, sounds.parent / "work", 400)
    quiet: dict[str, Any] = {"noise_probability": 0.0, "gain_db": (-12.0, -12.0)}  # nothing is clipped
    noisy = {**quiet, "noise_probability": 1.0, "steady_noise": 1.0, "noise_snr_db": (10.0, 10.0)}
    composers = [
        Composer(dataset, store, program.frontend, 4, with_values(Recipe(data=SPLIT), {"training": values}, "test"))
        for values in (noisy, quiet)
    ]
    clip = next(clip for clip in dataset.of(held_out=False) if clip.label == "low")
    falls = []
    for seed in range(20):
        heard, plain = (composer.clip_in_noise(clip, np.random.default_rng(seed)) for composer in composers)
        noise = heard.samples - plain.samples
        sound = plain.samples[int(plain.onset) : int(plain.end)]
        assert abs(10 * np.log10(np.mean(np.square(noise)) / np.mean(np.square(sound))) + 10) < 0.1
        power = np.square(np.abs(np.fft.rfft(noise)))
        hertz = np.fft.rfftfreq(len(noise), 1 / RATE)
        low, high = (power[(hertz >= least) & (hertz < 2 * least)].mean() for least in (500, 2000))
        falls.append(10 * np.log10(low / high))
    assert -2 < min(falls) < 4 and 8 < max(falls) < 14


def test_long_sounds_are_cut_where_they_are_loud() -> None:
    rng = np.random.default_rng(0)
    assert loud_cuts(np.zeros(500, np.float32), 200)[[0, -1]].tolist() == [0, 300], "silence, anywhere"
    steady = rng.standard_normal(5000)
    assert set(np.diff(loud_cuts(steady, 1000))) <= {20, 21}, "a steady sound, anywhere"
    stroke = steady * 10 ** (-3 * np.arange(5000) / 1000)  # 60 dB in 1,000 samples
    late = np.concatenate([np.zeros(2000), stroke])
    # Half of a stroke's energy is in about its first 50 samples: a part begins at most so much after the stroke, and
    # ends at least so much after it. Places are 20 and 30 samples apart.
    cuts = loud_cuts(stroke, 1000)
    assert cuts[0] == 0 and 20 <= cuts[-1] <= 80
    cuts = loud_cuts(late, 1000)
    assert 1020 <= cuts[0] <= 1110 and 2000 <= cuts[-1] <= 2080


def test_parts_of_a_file(program: Program, tmp_path: Path) -> None:
    """A clip with an onset and an offset has the samples of that part of its file."""
    seconds = np.arange(4 * RATE) / RATE
    for number in range(2):
        write_wav(tmp_path / f"{number}.wav", 0.3 * np.sin(2 * np.pi * 100 * (1 + np.floor(seconds)) * seconds))
    rows = [f"{n // 4}.wav,{'ab'[n % 2]},{n % 4},{n % 4 + 1},{n // 4}" for n in range(8)]
    (tmp_path / "clips.csv").write_text("\n".join(["filename,label,onset,offset,fold", *rows]))
    dataset = read_dataset(tmp_path, DataOptions(split="fold", held_out_folds=("1",)))
    store = Store(dataset, program, tmp_path / "work", 400)
    whole = store.samples("0.wav")
    assert np.array_equal(store.samples(dataset.clips[2]), whole[2 * RATE : 3 * RATE])
    assert store.region(dataset.clips[2]).end == RATE


def test_train_export_evaluate(program_path: Path, sounds: Path, tmp_path: Path, capsys: Any) -> None:
    out = tmp_path / "models" / "tones"
    assert train(sounds, out, epochs=12) == 0
    config = json.loads((out / "config.json").read_text())
    tensors = load_file(out / "model.safetensors")
    assert config["labels"] == ["_silence_", "high", "low"] and config["background"] == ["_silence_"]
    assert config["weights"]["bytes"] == (out / "model.safetensors").stat().st_size
    assert tensors["golden.logits"].shape == (len(tensors["golden.features"]) // 4, 3)
    assert config["card"]["accuracy"]["cold"]["accuracy"] > 0.6
    assert "mid-stream" in (out / "README.md").read_text()
    assert sorted(path.name for path in out.parent.iterdir()) == ["tones", "work"]

    capsys.readouterr()
    again = [
        "evaluate",
        "--model",
        str(out),
        "--data",
        str(sounds),
        "--work",
        str(tmp_path / "work"),
        "--json",
    ]
    assert main(again) == 0
    measured = json.loads(capsys.readouterr().out)
    assert measured["accuracy"] == config["card"]["accuracy"]
    # Of 9 held-out clips of each of the two tones; and what is none of them is three clips of silence and noise.
    assert measured["events"] == config["card"]["events"] and measured["events"]["clips"] == 18
    assert measured["events"]["found"] >= 9 and measured["events"]["false"] <= 4


def test_peaks_of_sounds(program: Program) -> None:
    """A row for each second; none for sounds that are shorter than a token, or if there are none."""
    model = Path(__file__).parents[2] / "models" / "keywords-en"
    noise = 0.1 * np.random.default_rng(0).standard_normal(2 * RATE, dtype=np.float32)
    peaks = peaks_in(model, [noise, noise], program)
    assert peaks.shape == (4, 12) and (peaks > 1 / 12).any(axis=1).all() and peaks.max() <= 1
    assert peaks_in(model, [], program).shape == (0, 12)


def test_without_held_out_clips_nothing_is_measured(
    program_path: Path, sounds: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "models" / "tones"
    assert train(sounds, out, "--split", "none", epochs=1) == 0
    card = (out / "README.md").read_text()
    assert "No clip was held out." in card and "The recipe does not name the data." in card
    assert main(["evaluate", "--model", str(out), "--data", str(sounds), "--work", str(tmp_path / "work")]) == 64
    assert "is held out; name another --split" in capsys.readouterr().err


@pytest.mark.parametrize("rate", ["0", "0.1"])
def test_a_stem_of_yamnet(program_path: Path, sounds: Path, tmp_path: Path, rate: str) -> None:
    """Its convolutions are exported as they were read, unless they learn; the program accepts the model."""
    checkpoint = write_yamnet(tmp_path / "yamnet", yamnet_tensors(1, np.random.default_rng(0)))
    out = tmp_path / "models" / "tones"
    stem = "--stem yamnet --yamnet-blocks 1 --yamnet-token-frames 1 --head-average 3 --token-dropout 0.2".split()
    assert train(sounds, out, *stem, "--yamnet", str(checkpoint), "--stem-rate", rate, epochs=1) == 0
    config, tensors = json.loads((out / "config.json").read_text()), load_file(out / "model.safetensors")
    assert [layer["time_stride"] for layer in config["stem"]["layers"]] == [1, 1]
    assert config["head"] == {"average": 3}  # the program has checked the golden logits
    assert "YAMNet" in (out / "README.md").read_text() and str(tmp_path) not in json.dumps(config)
    assert not tensors["input.mean"].any() and (tensors["input.scale"] == 1).all()
    for name, tensor in read_stem(checkpoint, 1).items():
        assert np.array_equal(tensors[f"stem.{name}"], tensor.astype(np.float16)) == (rate == "0")


@pytest.mark.parametrize("options", [(), ("--patience", "1")], ids=["plain", "patience"])
def test_a_resumed_training_gives_the_same_model(
    program_path: Path,
    sounds: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
) -> None:
    whole, resumed = tmp_path / "a" / "tones", tmp_path / "b" / "tones"
    assert train(sounds, whole, *options) == 0
    # The second training stops after one epoch, as one that is interrupted would.
    from classifier_training import trainer

    messages: list[str] = []

    def interrupt(message: str) -> None:
        messages.append(message)
        if message.startswith("softmax 2"):
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "say", interrupt)
        assert train(sounds, resumed, *options) == 130
    assert train(sounds, resumed, *options) == 0
    first, second = (load_file(folder / "model.safetensors") for folder in (whole, resumed))
    assert all(np.array_equal(first[name], second[name]) for name in first)
    # With other options the checkpoint is refused, unless it is not wanted.
    assert train(sounds, resumed, "--learning-rate", "0.1") == 78


def test_unusable_sounds_are_named(program: Program, sounds: Path) -> None:
    work = sounds.parent / "work"
    # The sound of a part of a token is followed by silence.
    write_wav(sounds / "high" / "short.wav", tone(3000, 0.01, np.random.default_rng(0)))
    dataset = read_dataset(sounds, SPLIT)
    store = Store(dataset, program, work, 880)
    (short,) = (clip for clip in dataset.clips if clip.file == "high/short.wav")
    samples = store.samples(short)
    assert len(samples) == 880 and samples[:160].any() and not samples[160:].any()
    (sounds / "high" / "short.wav").unlink()
    (sounds / "low" / "broken.wav").write_bytes(b"this is no sound")
    with pytest.raises(TrainingError, match=r"low/broken.wav: cannot be decoded"):
        Store(read_dataset(sounds, SPLIT), program, work, 880)


def test_a_missing_program_is_an_error(sounds: Path, tmp_path: Path, capsys: Any) -> None:
    assert train(sounds, tmp_path / "m", "--classifier", str(tmp_path / "nothing")) == 69
    assert "is not an executable program" in capsys.readouterr().err
    assert shutil.which("nothing") is None


def test_folds_are_measured_by_models_that_never_saw_them(program_path: Path, tmp_path: Path, capsys: Any) -> None:
    """A table with folds: a model for each, one on all, and a card with the folds' figures together."""
    rng, rows = np.random.default_rng(0), ["filename,label,fold"]
    for number in range(24):
        label, hertz = (("high", 3000), ("low", 400))[number % 2]
        write_wav(tmp_path / f"{number}.wav", tone(hertz * rng.uniform(0.9, 1.1), 1, rng))
        rows.append(f"{number}.wav,{label},{'ab'[number % 3 == 0]}")
    (tmp_path / "clips.csv").write_text("\n".join(rows))
    work, out, models = tmp_path / "work", tmp_path / "models" / "tones", tmp_path / "folds"
    places = ["--data", str(tmp_path / "clips.csv"), "--work", str(work), "--folds", str(models)]
    more = "--epochs 6 --mid-stream-seconds 1.5 --decision-seconds 0.75".split()
    assert main(["cross-validate", *places, "--out", str(out), *TINY, *more]) == 0
    config = json.loads((out / "config.json").read_text())
    assert sorted(path.name for path in models.iterdir()) == ["fold-a", "fold-b"]
    assert config["card"]["clips"] == {"trained": 24, "held_out": 0}
    measured, parts = config["card"]["accuracy"], []
    for fold, count in (("a", 16), ("b", 8)):
        parts.append(json.loads((models / f"fold-{fold}" / "config.json").read_text())["card"])
        assert parts[-1]["clips"] == {"trained": 24 - count, "held_out": count}
    for setting in ("cold", "mid_stream"):
        assert measured[setting]["clips"] == 24
        counts = [np.array(part["accuracy"][setting]["confusion"]) for part in parts]
        assert np.array_equal(measured[setting]["confusion"], sum(counts))
    # A token is 40 ms: of a second's clip 24 are whole, and fewer where other sound came before.
    assert measured["cold"]["tokens"] == 24 * 24
    card = (out / "README.md").read_text()
    assert "after 1.5 s of other sound, 0.75 s after its start" in card and "one for each fold" in card

    capsys.readouterr()
    predictions = ["--predictions", str(tmp_path / "predictions.csv")]
    assert main(["evaluate", "--model", str(out), *places, "--json", *predictions]) == 0
    assert json.loads(capsys.readouterr().out)["accuracy"] == measured
    with (tmp_path / "predictions.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert sorted(row["file"] for row in found) == sorted(row.split(",")[0] for row in rows[1:])
    right = sum(row["label"] == row["predicted"] for row in found)
    assert right == np.trace(measured["mid_stream"]["confusion"])
