"""Synthetic sounds, and the real program where there is one."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from classifier_training.errors import TrainingError
from classifier_training.program import find_program

RATE = 16000


@pytest.fixture(scope="session")
def program_path() -> Path:
    """audio-classifierd; tests that need it are skipped if it is not found."""
    try:
        return find_program()
    except TrainingError as error:
        pytest.skip(f"needs audio-classifierd: {error}")


def write_wav(path: Path, samples: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())


def tone(hertz: float, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """Half a second of a tone somewhere inside faint noise."""
    samples = 0.001 * rng.standard_normal(round(seconds * RATE))
    length = min(RATE // 2, len(samples))
    start = int(rng.integers(0, len(samples) - length + 1))
    samples[start : start + length] += 0.3 * np.sin(2 * np.pi * hertz * np.arange(length) / RATE)
    return samples.astype(np.float32)


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    """A data set of two tones and silence, spoken by ten 'speakers', with noise."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "sounds"
    for speaker in range(10):
        for take in range(3):
            for label, hertz in (("high", 3000), ("low", 400)):
                file = folder / label / f"s{speaker}_nohash_{take}.wav"
                write_wav(file, tone(hertz * rng.uniform(0.9, 1.1), 1, rng))
        write_wav(folder / "_silence_" / f"{speaker}.wav", 0.001 * rng.standard_normal(RATE))
    for number in range(2):
        write_wav(folder / "_background_noise_" / f"{number}.wav", 0.05 * rng.standard_normal(RATE))
    return folder
