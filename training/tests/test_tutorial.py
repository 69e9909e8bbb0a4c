"""docs/tutorial.md, command by command, as its readers run it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


def test_the_tutorial(program_path: Path) -> None:
    """Its blocks in one shell, in this repository. Only the program is not built again: it is the one tested here."""
    if not os.environ.get("RUN_TUTORIAL"):
        pytest.skip("RUN_TUTORIAL is not set: it installs packages and writes to build/")
    text = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 4
    commands = "".join(blocks).replace("make build\n", "")
    commands = commands.replace(".build/release/audio-classifierd", str(program_path))
    subprocess.run(["rm", "-rf", "build/drums", "build/drums-work", "build/models/drums"], cwd=ROOT, check=True)
    begin = time.monotonic()
    done = subprocess.run(["bash", "-euo", "pipefail"], input=commands, cwd=ROOT, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr[-4000:]
    assert time.monotonic() - begin < 15 * 60
    config = json.loads((ROOT / "build/models/drums/config.json").read_text(encoding="utf-8"))
    assert config["labels"] == ["_silence_", "_unknown_", "cymbal", "hat", "kick", "snare", "tom"]

    measured = config["card"]["accuracy"]["mid_stream"]
    counts = np.array(measured["confusion"])
    assert measured["accuracy"] >= 0.85 and np.trace(counts[2:, 2:]) >= 0.8 * counts[2:].sum(), measured["recall"]
    false = config["card"]["in_streams"]["false_events_an_hour"]
    assert false["silence"]["value"] == 0 and false["speech"]["value"] < 60, false
    last = [line.split() for line in done.stdout.splitlines() if "snare" in line]
    assert last, done.stdout[-4000:]
