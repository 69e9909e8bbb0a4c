"""The worked example of docs/feature-streams.md, small."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np

EXAMPLE = Path(__file__).parents[1] / "examples" / "onset_detection.py"


def test_example_detects_onsets(program_path: Path, tmp_path: Path) -> None:
    sizes = ["--streams", "32", "--epochs", "8", "--steps", "600", "--window", "16"]
    finished = subprocess.run(
        [sys.executable, str(EXAMPLE), "--out", str(tmp_path), *sizes],
        env={**os.environ, "AUDIO_CLASSIFIERD": str(program_path)},
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stderr
    mean = re.search(r"^mean +([0-9.]+)$", finished.stdout, re.MULTILINE)
    # By chance, an action's average precision is its share of the steps, less than a tenth.
    assert mean and float(mean.group(1)) > 0.3, finished.stdout
    assert np.load(tmp_path / "logits.npy").shape == (600, 6)

    # The same stream, line by line.
    with (tmp_path / "test.txt").open() as lines:
        command: list[str | Path] = [program_path, "encode", "--model", tmp_path / "actions", "--features", "-"]
        subprocess.run([*command, "--out", tmp_path / "lines.npy"], stdin=lines, check=True)
    assert np.array_equal(np.load(tmp_path / "lines.npy"), np.load(tmp_path / "logits.npy"))
