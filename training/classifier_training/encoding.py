"""Runs of audio-classifierd: its output, and the logits of models for streams of features."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .errors import TrainingError


def run_program(
    program: Path, arguments: Sequence[str], data: memoryview | None = None, accept: tuple[int, ...] = (0,)
) -> subprocess.CompletedProcess[bytes]:
    """Runs the program to its end; an exit status that is not in `accept` is an error with the program's message."""
    result = subprocess.run([str(program), *arguments], input=data, capture_output=True)
    if result.returncode not in accept:
        message = result.stderr.decode(errors="replace").strip() or "without a message"
        raise TrainingError(f"{program.name} {arguments[0]} failed (exit {result.returncode}): {message}", 70)
    return result


def encode(program: Path, model: Path, features: np.ndarray, weights: str = "f32") -> np.ndarray:
    """Logits (tokens, labels) of one stream of features (steps, width) from an empty state.

    Those of many streams, (streams, steps, width), are (streams, tokens, labels).
    """
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "features.npy", Path(folder) / "logits.npy"
        np.save(source, np.ascontiguousarray(features, np.float32))
        arguments = ["--model", f"{model.resolve()}/", "--weights", weights]  # a name alone is an installed model's
        run_program(program, ["encode", *arguments, "--features", str(source), "--out", str(out)])
        return np.load(out)
