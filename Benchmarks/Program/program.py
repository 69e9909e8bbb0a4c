"""The whole program: processor time, start, and a folder on all processors: program.py PROGRAM

Everything here runs the program as its users do. Times are medians of several runs.
"""

import json
import os
import random
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from table import row, title

RATE, MINUTES, STARTS = 16000, 10, 21
# What the models are asked: milliseconds of a processor for a second of audio.
MODELS = {"keywords-en": 0.8, "environment-10": 1.5}


def write_wave(path: Path, seconds: int) -> None:
    """Noise: nothing in it is cheaper than in other sounds."""
    size = 2 * RATE * seconds
    header = struct.pack("<4sI8sIHHIIHH4sI", b"RIFF", size + 36, b"WAVEfmt ", 16, 1, 1, RATE, 2 * RATE, 2, 16, b"data", size)
    path.write_bytes(header + random.randbytes(size))


def spent(command: list[str]) -> tuple[float, float]:
    """Seconds of processors, and seconds, of a command."""
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        sys.exit(f"error: {' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    return usage.ru_utime + usage.ru_stime, time.perf_counter() - start


def median_of(runs: int, command: list[str]) -> list[float]:
    return [statistics.median(values) for values in zip(*(spent(command) for _ in range(runs)))]


def first_prediction(program: str) -> float:
    """Milliseconds from the start to the first line about a second of sound that waits in the pipe."""
    command = [program, "run", "--model", "keywords-en", "--input-format", "raw", "--sample-format", "s16le", "--rate", str(RATE), "-"]
    start = time.perf_counter()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        child.stdin.write(random.randbytes(2 * RATE))
        child.stdin.flush()
        while json.loads(child.stdout.readline()).get("type") != "frame":
            pass
        elapsed = time.perf_counter() - start
        child.kill()
    return 1000 * elapsed


def main() -> None:
    program = sys.argv[1]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_wave(folder / "long.wav", 60 * MINUTES)
        title("the whole program, `classify` of 10 minutes of 16 kHz WAV")
        for model, bar in MODELS.items():
            for weights in ("f32", "f16"):
                command = [program, "classify", "--threads", "1", "--model", model, "--weights", weights, str(folder / "long.wav")]
                processor, wall = median_of(5, command)
                row(
                    f"{model}, {weights}, CPU ms a second",
                    1000 * processor / (60 * MINUTES),
                    f"{60 * MINUTES / wall:.0f} times faster than real time",
                    at_most=bar,
                )
        starts = sorted(first_prediction(program) for _ in range(STARTS))
        row("start to first prediction, ms", statistics.median(starts), f"{starts[0]:.1f} to {starts[-1]:.1f}", at_most=40)
        stream = json.loads(
            subprocess.check_output(
                [program, "bench", "--attention", "continual-nystrom", "--landmarks", "fixed", "--window", "480", "--format", "json"]
            ).splitlines()[0]
        )
        row("memory of a stream, n = 480, KB", stream["state_bytes"] / 1000, at_most=300)
        speed_up(program, folder)


def speed_up(program: str, folder: Path) -> None:
    """A folder of files on all processors, beside one."""
    clips, processors = folder / "clips", len(os.sched_getaffinity(0))
    clips.mkdir()
    for index in range(32 * processors):
        write_wave(clips / f"{index:03}.wav", 20)
    command = [program, "classify", "--model", "keywords-en", str(clips), "--threads"]
    one, all_of_them = (median_of(5, [*command, str(threads)])[1] for threads in (1, processors))
    note = f"{one:.2f} s on one, {all_of_them:.2f} s on {processors}"
    row("speed-up of a folder, a processor", one / all_of_them / processors, note, at_least=0.9)


if __name__ == "__main__":
    main()
