"""The whole program as rows of the table (processor time, start, memory, all processors): program.py PROGRAM

Measures processor time, start, memory, and a folder on all processors by running the program as its users do. Times are
medians of several runs.
"""

import json
import math
import os
import random
import re
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
FRAMES = 100  # a second
MODEL_FOLDER = Path(__file__).parents[2] / "models"
# Thresholds: milliseconds of a processor for a second of audio.
THRESHOLDS = {"keywords-en": 0.8, "environment-10": 1.5}


def write_wave(path: Path, seconds: int) -> None:
    """Writes noise, no part of which is cheaper than other sounds."""
    size = 2 * RATE * seconds
    encoding = (1, 1, RATE, 2 * RATE, 2, 16)  # PCM, one channel
    header = struct.pack("<4sI8sIHHIIHH4sI", b"RIFF", size + 36, b"WAVEfmt ", 16, *encoding, b"data", size)
    path.write_bytes(header + random.randbytes(size))


def spent(command: list[str]) -> tuple[float, float]:
    """Returns the processor time of a command, and its time, in seconds."""
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        sys.exit(f"error: {' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    return usage.ru_utime + usage.ru_stime, time.perf_counter() - start


def median_of(runs: int, command: list[str]) -> list[float]:
    return [statistics.median(values) for values in zip(*(spent(command) for _ in range(runs)))]


def first_prediction(program: str) -> tuple[float, float]:
    """Milliseconds from the start to the first prediction for a second of sound in the pipe, and the peak megabytes."""
    command = [program, "run", "--model", "keywords-en"]
    command += ["--input-format", "raw", "--sample-format", "s16le", "--rate", str(RATE), "-"]
    start = time.perf_counter()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None and child.stdout is not None  # both are pipes
        child.stdin.write(random.randbytes(2 * RATE))
        child.stdin.flush()
        while json.loads(child.stdout.readline()).get("type") != "frame":
            pass
        elapsed = time.perf_counter() - start
        # The peak that `wait4` reports includes the memory of this process, of which the child is a fork.
        [kilobytes] = re.findall(r"VmHWM:\s*(\d+) kB", Path(f"/proc/{child.pid}/status").read_text())
        child.kill()
    return 1000 * elapsed, int(kilobytes) * 1024 / 1e6


def bench(program: str, *options: str) -> list[dict]:
    """Returns the rows of `bench`."""
    lines = subprocess.check_output([program, "bench", "--format", "json", *options], text=True)
    return [json.loads(line) for line in lines.splitlines()]


def multiply_adds(program: str, model: str) -> float:
    """Returns the multiply-adds of a second of audio without log-mel frames, from the model's configuration."""
    config = json.loads((MODEL_FOLDER / model / "config.json").read_text())
    encoder, strides = config["encoder"], [layer["time_stride"] for layer in config["stem"]["layers"]]
    attention = encoder["attention"]
    of_encoder = ["--attention", attention["kind"], "--landmarks", attention["landmarks"]]
    of_encoder += ["--window", str(encoder["window"]), "--layers", str(encoder["layers"]), "--depth", encoder["depth"]]
    return bench(program, "--operations", "--model", model, *of_encoder)[0]["total_mac"] * FRAMES / math.prod(strides)


def main() -> None:
    program = sys.argv[1]
    title("the whole program; models in their own precision unless another is named")
    stages = bench(program, "--landmarks", "fixed", "--window", "480")
    row("log-mel frame, 64 bands, FFT of 512", stages[0]["median_us"], "us", at_most=0.8)
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        write_wave(folder / "long.wav", 60 * MINUTES)
        for model, threshold in THRESHOLDS.items():
            least = multiply_adds(program, model)
            for weights, note in (("f32", ""), ("f16", ", f16 weights")):
                command = [program, "classify", "--threads", "1", "--model", model, "--weights", weights]
                processor, _ = median_of(5, [*command, str(folder / "long.wav")])
                name = f"classify, a second, {model}{note}"
                row(name, 1000 * processor / (60 * MINUTES), "ms", at_most=threshold, multiply_adds=least)
        starts, resident = zip(*(first_prediction(program) for _ in range(STARTS)))
        row("start to first prediction, keywords-en", statistics.median(starts), "ms", at_most=40)
        speed_up(program, folder)
        row("memory of a stream, n = 480", stages[-1]["state_bytes"] / 1000, "KB", at_most=300)
        row("resident, one stream of keywords-en", statistics.median(resident), "MB")


def speed_up(program: str, folder: Path) -> None:
    """Measures a folder of files on all processors beside one."""
    clips, processors = folder / "clips", len(os.sched_getaffinity(0))
    clips.mkdir()
    for index in range(32 * processors):
        write_wave(clips / f"{index:03}.wav", 20)
    command = [program, "classify", "--model", "keywords-en", str(clips), "--threads"]
    one, all_of_them = (median_of(5, [*command, str(threads)])[1] for threads in (1, processors))
    name = f"folder on {processors} processors, speed-up of each"
    row(name, all_of_them, "s", beside="on one", theirs=one, ratio=one / all_of_them / processors, at_least=0.9)


if __name__ == "__main__":
    main()
