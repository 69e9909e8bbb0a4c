"""An archive as rows of the table (all processors, journal, short files, memory): archive.py PROGRAM [MODEL]

The parts take turns, and each row is a ratio of medians. The journal and short files are measured in processor time,
which other programs on the machine disturb less than they disturb a clock.
"""

import os
import re
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from program import spent, write_wave

sys.path.insert(0, str(Path(__file__).parents[1]))
from table import row, title

RUNS = 5
# A difference of 2 % is as much as single runs vary.
JOURNAL_RUNS = 15
SHORT_FILES, SHORT_SECONDS = 2000, 1
LONG_FILES, LONG_SECONDS = 128, 60
DAY, ULTRASOUND = 24 * 3600, 192_000


def medians(*commands: list[str], clean: Path | None = None, count: int = RUNS) -> list[tuple[float, float]]:
    """Returns the median processor time and time of each command, whose runs take turns."""
    runs: list[list[tuple[float, float]]] = [[] for _ in commands]
    for _ in range(count):
        for command, results in zip(commands, runs):
            for file in clean.iterdir() if clean else []:
                file.unlink()
            results.append(spent(command))
    return [(statistics.median(a for a, _ in results), statistics.median(b for _, b in results)) for results in runs]


def write_silence(path: Path, seconds: int, rate: int) -> None:
    """Writes silence of any length as a sparse file (RF64, EBU Tech 3306), which takes no room on the disk."""
    size = 2 * rate * seconds
    with path.open("wb") as file:
        file.write(struct.pack("<4sI4s", b"RF64", 0xFFFFFFFF, b"WAVE"))
        file.write(struct.pack("<4sIQQQI", b"ds64", 28, size + 72, size, size // 2, 0))
        file.write(struct.pack("<4sIHHIIHH4sI", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16, b"data", 0xFFFFFFFF))
        file.truncate(file.tell() + size)


def peak_megabytes(command: list[str]) -> float:
    """Returns the peak memory of a command, which the system counts until the command ends."""
    kilobytes = 0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as child:
        while child.poll() is None:
            found = re.search(r"VmHWM:\s*(\d+) kB", Path(f"/proc/{child.pid}/status").read_text())
            kilobytes = max(kilobytes, int(found[1]) if found else 0)
            time.sleep(0.05)
    if child.returncode:
        sys.exit(f"error: {' '.join(command)} ended with {child.returncode}")
    return kilobytes * 1024 / 1e6


def main() -> None:
    """Prints the rows."""
    program, model = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "keywords-en"
    processors = len(os.sched_getaffinity(0))
    title(f"archives, {model}, {processors} processors")
    classify = [program, "classify", "--model", model]
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        for name in ("short", "long", "out"):
            (folder / name).mkdir()
        for index in range(SHORT_FILES):
            write_wave(folder / "short" / f"{index:04}.wav", SHORT_SECONDS)
        for index in range(LONG_FILES):
            write_wave(folder / "long" / f"{index:03}.wav", LONG_SECONDS)
        write_wave(folder / "one.wav", SHORT_FILES * SHORT_SECONDS)

        long = [*classify, str(folder / "long"), "--threads"]
        (_, one), (_, every) = medians([*long, "1"], [*long, str(processors)])
        row(
            "folder, of the cores' speed",
            every,
            "s",
            beside="on one",
            theirs=one,
            ratio=one / every / processors,
            at_least=0.92,
        )

        single = [*classify, str(folder / "one.wav"), "--threads"]
        (_, one), (_, every) = medians([*single, "1"], [*single, str(processors)])
        row(
            "one long file, of the cores' speed",
            every,
            "s",
            beside="on one",
            theirs=one,
            ratio=one / every / processors,
            at_least=0.8,
        )

        short = [*classify, str(folder / "short"), "--threads", "1"]
        output = ["--output", str(folder / "out" / "results.jsonl")]
        journal = [*output, "--journal", str(folder / "out" / "journal")]
        (plain, _), (noted, _) = medians(
            [*short, *output], [*short, *journal], clean=folder / "out", count=JOURNAL_RUNS
        )
        row(
            f"{SHORT_FILES} files with a journal",
            noted,
            "s",
            beside="without",
            theirs=plain,
            ratio=plain / noted,
            at_least=0.98,
        )
        (alone, _), (many, _) = medians([*single, "1"], short)
        row(
            f"{SHORT_FILES} files of {SHORT_SECONDS} s",
            many,
            "s",
            beside="one file",
            theirs=alone,
            ratio=alone / many,
            at_least=0.9,
        )
        write_silence(folder / "day.wav", DAY, ULTRASOUND)
        memory = peak_megabytes([*classify, str(folder / "day.wav")])
        row("24 h at 192 kHz, memory", memory, "MB", at_most=60)


if __name__ == "__main__":
    main()
