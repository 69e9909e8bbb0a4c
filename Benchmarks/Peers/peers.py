"""Peers beside this program, one thread each, as rows of the table: peers.py PROGRAM

A token through an encoder layer, a frame of a log-mel front-end, and a second of audio through whole products. Ratios
say how many times as long the peer takes. If a peer is not installed, or its interface has changed, the row says so.
"""

import importlib
import json
import multiprocessing
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from table import row, title

RATE, SECONDS = 16000, 120
LAYER = ["--attention", "continual-nystrom", "--landmarks", "fixed", "--window", "120"]


@dataclass(frozen=True)
class Peer:
    """Other software: `maker` of `module` returns a function whose call does as much as `count` of ours."""

    name: str
    module: str
    maker: str
    arguments: tuple[int, ...] = ()
    count: int = 1
    threshold: float | None = None


def median_microseconds(peer: Peer) -> float | str:
    """The median processor time of the calls that fit into two seconds, at least 20; or the reason why there is none.

    Elapsed time would not compare: other programs prolong long calls more than this program's short ones.
    """
    os.dup2(2, 1)  # standard output is for rows
    try:
        call = getattr(importlib.import_module(peer.module), peer.maker)(*peer.arguments)
        for _ in range(3):
            call()
        times: list[float] = []
        end = time.perf_counter() + 2
        while len(times) < 20 or time.perf_counter() < end:
            start = time.process_time()
            call()
            times.append(time.process_time() - start)
        return 1e6 * statistics.median(times)
    except Exception as error:  # any error of the peer
        return f"{type(error).__name__}: {error}".splitlines()[0]


def compare(name: str, here: float, *peers: Peer) -> None:
    """Prints rows of this program's microseconds beside those of peers, each in its own process, which may crash."""
    for peer in peers:
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
            try:
                theirs = process.submit(median_microseconds, peer).result()
            except BrokenProcessPool:
                theirs = "its process crashed"
        if isinstance(theirs, str):
            row(name, here, "us", beside=peer.name, error=theirs)
        else:
            theirs /= peer.count
            row(name, here, "us", beside=peer.name, theirs=theirs, ratio=theirs / here, at_least=peer.threshold)


def bench(program: str, *options: str) -> float:
    """Returns the median of the first stage of `bench`, in microseconds."""
    lines = subprocess.check_output([program, "bench", "--format", "json", *options], text=True).splitlines()
    return json.loads(lines[0])["median_us"]


def classify(program: str, model: str) -> float:
    """Returns the processor time of a second of audio without the start, in microseconds."""

    def spent(seconds: int) -> float:
        with tempfile.NamedTemporaryFile(suffix=".raw") as file:
            file.write(random.randbytes(2 * RATE * seconds))
            file.flush()
            command = [program, "classify", "--threads", "1", "--model", model]
            source = ["--input-format", "raw", "--sample-format", "s16le", "--rate", str(RATE), file.name]
            child = subprocess.Popen([*command, *source], stdout=subprocess.DEVNULL)
            usage = os.wait4(child.pid, 0)[2]
            return usage.ru_utime + usage.ru_stime

    return 1e6 * statistics.median((spent(SECONDS + 1) - spent(1)) / SECONDS for _ in range(5))


def main() -> None:
    program = sys.argv[1]
    title("peers, one thread each; the ratio is their time divided by ours")
    paper = Peer("PyTorch, the paper's step", "layers", "paper_step", (1,))
    compare(
        "step, n = 120",
        bench(program, *LAYER),
        replace(paper, threshold=30),
        Peer("PyTorch, whole window", "layers", "torch_window"),
        Peer("ONNX Runtime, whole window", "layers", "onnx_window"),
        Peer("continual-inference, single output", "layers", "continual_step"),
    )
    for weights in ("f16", "int8"):
        compare(f"step, n = 120, {weights} weights", bench(program, *LAYER, "--weights", weights), paper)
    many = replace(paper, arguments=(64,), count=64, threshold=7)
    compare("step of 64 streams, one stream's", bench(program, *LAYER, "--streams", "64"), many)
    compare(
        "log-mel frame, 64 bands, FFT of 512",
        bench(program, "--landmarks", "fixed", "--window", "8"),
        Peer("kaldi-native-fbank, streaming", "frames", "kaldi_second", count=100, threshold=12),
        Peer("torchaudio, a second at once", "frames", "torchaudio_frames", (1,), count=100, threshold=2),
        Peer("torchaudio, a minute at once", "frames", "torchaudio_frames", (60,), count=6000, threshold=2),
        Peer("librosa, a minute at once", "frames", "librosa_minute", count=6000),
    )
    for model, peer in [
        ("keywords-en", Peer("silero-vad", "products", "silero_second")),
        ("environment-10", Peer("YAMNet every 0.48 s, ONNX Runtime", "products", "yamnet_patches")),
    ]:
        compare(f"classify, a second, {model}", classify(program, model), peer)


if __name__ == "__main__":
    main()
