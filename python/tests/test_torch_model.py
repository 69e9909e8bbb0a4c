"""Model folders as PyTorch modules: the logits of the program's own encoder."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

import audio_classifier
from audio_classifier.program import PACKAGE, environment, find_program

torch = pytest.importorskip("torch")

SOUND = Path("/usr/share/sounds/alsa/Front_Left.wav")


@pytest.mark.parametrize("name", ["general", "keywords-en", "environment"])
def test_the_module_computes_the_logits_of_the_program(name: str, tmp_path: Path) -> None:
    features = audio_classifier.features(SOUND, model=name)
    np.save(tmp_path / "features.npy", features)
    folder = str(PACKAGE / "models" / name)
    files = ["--features", str(tmp_path / "features.npy"), "--out", str(tmp_path / "logits.npy")]
    subprocess.run([find_program(), "encode", "--model", folder, *files], check=True, env=environment())
    expected = np.load(tmp_path / "logits.npy")
    model = audio_classifier.load_model(name)
    assert isinstance(model, torch.nn.Module) and not model.training
    with torch.no_grad():
        observed = model.double()(torch.from_numpy(features).double()[None])[0].numpy()
    assert observed.shape == expected.shape
    # The tolerance of training/tests/test_shipped_models.py: float32 against float64.
    assert np.abs(observed - expected).max() <= 1e-4
    assert len(audio_classifier.load_model(folder).state_dict()) == len(model.state_dict())


def test_a_folder_with_the_name_of_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "environment").mkdir()
    monkeypatch.chdir(tmp_path)
    assert len(audio_classifier.load_model("environment").state_dict()) > 0
    with pytest.raises(audio_classifier.AudioClassifierError, match="no model folder"):
        audio_classifier.load_model("./environment")


def test_a_folder_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(audio_classifier.AudioClassifierError, match="no model folder"):
        audio_classifier.load_model(tmp_path)
