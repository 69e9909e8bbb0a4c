"""Detectors of few recordings, with the real program and the model `general`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import RATE, write_wav

from classifier_training.contexts import Contexts, context_parts
from classifier_training.entry import main
from classifier_training.errors import TrainingError
from classifier_training.few_background import SHIPPED, FewBackground, Stretch, make_background, weights_hash
from classifier_training.few_fit import Detector, false_events, fit_detector, threshold_for
from classifier_training.logistic import fit_logistic
from classifier_training.model_files import model_folder, read_model
from classifier_training.program import Program

GENERAL = model_folder("general")


def chime(number: int) -> np.ndarray:
    """A bell of two strokes; each recording has its own pitch, length and hiss."""
    rng = np.random.default_rng(number)
    times = np.arange(round(rng.uniform(1.2, 1.8) * RATE)) / RATE
    sound = np.zeros(len(times))
    for start, hertz in ((0.1, 1320), (0.5, 1050)):
        later = np.maximum(0, times - start)
        strokes = sum(np.sin(2 * np.pi * hertz * rng.uniform(0.97, 1.03) * k * later) / k for k in (1, 2, 3))
        sound += 0.2 * strokes * np.exp(-4 * later) * (times >= start)
    return (sound + 0.001 * rng.standard_normal(len(times))).astype(np.float32)


@pytest.fixture(scope="module")
def background(program_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small background for `general`: noise and tones that glide."""
    work = tmp_path_factory.mktemp("few")
    config, _ = read_model(GENERAL)
    program, rng = Program(program_path, config["frontend"], work), np.random.default_rng(1)
    times = np.arange(6 * RATE) / RATE
    glides = [
        ("glide", f"g{n}", [(0.2 * np.sin(2 * np.pi * 200 * times * (1 + n * times / 20))).astype(np.float32)])
        for n in range(12)
    ]
    noise = [("noise", f"n{n}", [0.02 * rng.standard_normal(6 * RATE, dtype=np.float32)]) for n in range(12)]
    file = work / "background.npz"
    with Contexts.of(GENERAL, program, work) as contexts:
        made = make_background(config, contexts, [*glides, *noise], 0.16, "none")
        # The components that are stored are those of the context vectors, but for eight bits.
        vectors = contexts(glides[0][2][0])
        pairs = vectors[: len(vectors) // 2 * 2].reshape(-1, 2, vectors.shape[1]).mean(1)
    made.write(file)
    stored = FewBackground.read(file)
    first = stored.stretches[0]
    difference = stored.components(pairs) - stored.rows[first.start : first.end]
    assert np.abs(difference).max() <= 0.51 * np.abs(made.rows).max() / 127
    return file


def few(data: Path, out: Path, program: Path, background: Path, *more: str) -> int:
    places = ["--data", str(data), "--out", str(out), "--work", str(out.parent / "work")]
    return main(["few", *places, "--classifier", str(program), "--background", str(background), *more])


def test_logistic_regression() -> None:
    """The same as scikit-learn's, whose C is 1 / (penalty * sum of weights)."""
    linear = pytest.importorskip("sklearn.linear_model", reason="scikit-learn is not installed")
    rng = np.random.default_rng(0)
    x = rng.standard_normal((300, 5))
    y = (x @ [1, -2, 0, 0.5, 0] + 0.5 * rng.standard_normal(300) > 0.4).astype(float)
    weights = rng.uniform(0.1, 2, 300)
    direction, offset = fit_logistic(x, y, weights, 0.01)
    expected = linear.LogisticRegression(C=1 / 0.01, tol=1e-10, max_iter=1000)
    expected.fit(x, y, sample_weight=weights / weights.sum())
    assert np.allclose(direction, expected.coef_[0], atol=1e-4) and abs(offset - expected.intercept_[0]) < 1e-4


def _rows(count: int, seed: int) -> FewBackground:
    """Normal rows, three stretches of each part."""
    rows = np.random.default_rng(seed).standard_normal((9 * count, 4)).astype(np.float32)
    stretches = tuple(
        Stretch("noise", f"{part} {n}", part, (3 * p + n) * count, (3 * p + n + 1) * count)
        for p, part in enumerate(("fit", "choose", "measure"))
        for n in range(3)
    )
    return FewBackground("", np.zeros(4), np.eye(4), rows, stretches, 0.32, "")


def test_the_threshold_has_the_target() -> None:
    """Normal scores, of which the target allows some; in new background there are about as many."""
    background = _rows(20_000, 0)
    hours = 3 * 20_000 * 0.32 / 3600
    for target in (1.0, 10.0):
        detector = Detector(np.array([1.0, 0, 0, 0]), 0.0)
        threshold = threshold_for(detector, background.of("choose"), background.seconds, target)
        measured = false_events(Detector(detector.weights, -threshold), background)["all"]
        assert abs(measured[0] - hours) < 1e-6
        assert measured[1].value * hours <= target * hours + 4 * np.sqrt(target * hours)


def test_a_detector_of_rows_far_from_the_background_finds_them_all() -> None:
    background, rng = _rows(2000, 1), np.random.default_rng(2)
    examples = [(rng.standard_normal((10, 4)) + np.array([9, 0, 0, 0])).astype(np.float32) for _ in range(6)]
    detector, measured = fit_detector(examples, background, 1.0)
    assert measured.found == measured.recordings == 6 and measured.false["all"][1].value == 0
    assert all(detector(rows).max() > 0 for rows in examples)


def test_context_vectors(program_path: Path, tmp_path: Path) -> None:
    """Those that the program computes of the golden input are those that follow from the golden logits."""
    config, tensors, expected = context_parts(GENERAL)
    program = Program(program_path, config["frontend"], tmp_path)
    with Contexts.of(GENERAL, program, tmp_path):
        observed = program.encode(tmp_path / "contexts", tensors["golden.features"])
    assert np.abs(observed - expected).max() < 1e-3


def test_from_recordings_to_events(
    program_path: Path, background: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command writes a model that the program accepts, reports the sound in a stream, and nothing in silence."""
    for number in range(6):
        write_wav(tmp_path / "bell" / f"{number}.wav", chime(number))
    out = tmp_path / "my-bell"
    assert few(tmp_path / "bell", out, program_path, background, "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["bell"]["recordings"] == 6 and printed["bell"]["found"] >= 5
    assert set(printed["bell"]["false_events_an_hour"]) == {"all", "glide", "noise"}
    assert "false events an hour" in (out / "README.md").read_text()
    subprocess.run([program_path, "models", "verify", out], check=True, capture_output=True)
    quiet = np.zeros(6 * RATE, np.float32)
    config = json.loads((out / "config.json").read_text())
    assert config["labels"] == ["bell"] and config["activation"] == "sigmoid"
    program = Program(program_path, config["frontend"], tmp_path / "work")
    stream = np.concatenate([quiet, chime(50), quiet, chime(51), quiet])
    events = program.whole_events(out, stream)
    assert [event.label for event in events] == ["bell", "bell"]
    # The first strokes are 0.1 s after the beginnings; 15 dB are lost 0.43 s after the second ones, at 0.5 s.
    for event, begin in zip(events, (6, 12 + len(chime(50)) / RATE)):
        assert abs(event.start - begin - 0.1) < 0.1 and abs(event.end - begin - 0.93) < 0.25


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([], "no audio files"),
        (["a", "b"], "has 2 recordings; a detector needs at least 3"),
        (["a", "b", "silent"], "silent.wav: nothing is heard in it"),
        (["a", "b", "copy"], "copy.wav and a.wav are the same recording"),
        (["a", "b", "c", "folder/d"], "recordings, and folders of recordings"),
    ],
)
def test_unusable_recordings_are_refused(
    program_path: Path,
    background: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    files: list[str],
    message: str,
) -> None:
    data = tmp_path / "bell"
    data.mkdir()
    for number, name in enumerate(files):
        special: dict[str, np.ndarray] = {"silent": np.zeros(RATE, np.float32), "copy": 0.5 * chime(0)}
        write_wav(data / f"{name}.wav", special.get(name, chime(number)))
    assert few(data, tmp_path / "my-bell", program_path, background) in (65, 66)
    assert message in capsys.readouterr().err and not (tmp_path / "my-bell").exists()


def test_it_needs_no_pytorch() -> None:
    """`few` does not import torch; the other commands do."""
    script = (
        "import sys; from classifier_training.entry import main\ntry: main(['few', '--help'])\nexcept SystemExit: pass"
    )
    script += "\nassert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, cwd=Path(__file__).parents[1])


def test_a_model_with_few_labels_is_refused() -> None:
    """Its context vectors do not follow from its golden logits."""
    with pytest.raises(TrainingError, match="keywords-en has 12 labels"):
        context_parts(model_folder("keywords-en"))


def test_other_commands_say_that_pytorch_is_missing() -> None:
    """The search for modules finds everything but torch, as where only the packages of `few` are installed."""
    script = """
import importlib.abc, sys
class WithoutTorch(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "torch":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, WithoutTorch())
from classifier_training.entry import main
from classifier_training.errors import TrainingError
sys.exit(main(sys.argv[1:]))
"""
    for arguments in (["--help"], ["train", "--data", "x"]):
        command = [sys.executable, "-c", script, *arguments]
        found = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[1], check=False)
        assert found.returncode == 69 and found.stderr.startswith("error: the Python package torch is missing")
        assert "pip install" in found.stderr and found.stderr.count("\n") == 1


def test_a_model_is_found_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "bell").mkdir()
    monkeypatch.setenv("AUDIO_CLASSIFIERD_MODELS", str(tmp_path))
    assert model_folder("bell") == tmp_path / "bell"
    assert model_folder("general").parts[-2:] == ("models", "general")
    with pytest.raises(TrainingError, match="AUDIO_CLASSIFIERD_MODELS"):
        model_folder("trumpet")


def test_the_shipped_background_is_that_of_the_shipped_model() -> None:
    """Otherwise `few` computes it for some minutes."""
    config = json.loads((Path(__file__).parents[2] / "models/general/config.json").read_text(encoding="utf-8"))
    assert FewBackground.read(SHIPPED).model == weights_hash(config)
