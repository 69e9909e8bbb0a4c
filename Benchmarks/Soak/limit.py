"""The limit of streams on a core: their classification, and the system calls that no service can avoid."""

import json
import os
import random
import subprocess
import tempfile
import wave
from pathlib import Path

from service import CORES

RATE = 16000
# Blocks of 40 ms.
BLOCKS_PER_SECOND = 25


class Limit:
    """The least processor time of a stream, in milliseconds for a second of audio."""

    def __init__(self, program: str, generator: str) -> None:
        self.classification = _classification(program)
        output = subprocess.run(
            ["taskset", "-c", str(CORES - 1), generator, "calls"], stdout=subprocess.PIPE, check=True
        ).stdout
        calls: dict[str, float] = json.loads(output)
        self.calls = BLOCKS_PER_SECOND * (calls["read_us"] + calls["write_us"]) * 1e-3

    def note(self, cost: float) -> str:
        """Compares the measured cost of a stream with the limit."""
        least = self.classification + self.calls
        parts = f"{self.classification:.2f} of classification, {self.calls:.2f} of system calls"
        return f"{1000 / cost:.0f} streams a core at {cost:.2f} ms; limit {1000 / least:.0f} ({parts})"


def _classification(program: str) -> float:
    """Returns the cost of `classify`, without that of its start: the difference of a long and a short file."""
    used = []
    with tempfile.TemporaryDirectory() as folder:
        for seconds in (20, 220):
            path = Path(folder) / f"{seconds}.wav"
            with wave.open(str(path), "wb") as file:
                file.setparams((1, 2, RATE, 0, "NONE", ""))
                file.writeframes(random.Random(1).randbytes(2 * RATE * seconds))
            command = ["taskset", "-c", str(CORES - 1), program, "classify", "--model", "keywords-en", str(path)]
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            used.append(usage.ru_utime + usage.ru_stime)
    return (used[1] - used[0]) / 200 * 1000
