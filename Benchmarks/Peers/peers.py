"""Peers beside this program, one thread each, in one table: peers.py PROGRAM

A token through an encoder layer, a frame of a log-mel front-end, and a second of audio through whole products. Ratios say how many times as
long the peer takes. A peer that is not installed, or whose interface has changed, is named and left out.
"""

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

import layers
import products
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))
from table import missing, row, title


def median_microseconds(call, seconds=2.0):
    """The median time of a call, of as many as fit into the time, at least 20."""
    for _ in range(3):
        call()
    times, end = [], time.perf_counter() + seconds
    while len(times) < 20 or time.perf_counter() < end:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1e6 * statistics.median(times)


def ours(program, *arguments):
    """The median in microseconds of the first stage that `bench` measures."""
    lines = subprocess.check_output([program, "bench", "--format", "json", *arguments], text=True).splitlines()
    return json.loads(lines[0])["median_us"]


def compare(heading, own, peers):
    """Rows of peers: name, maker, how many units a call of what it makes does, this program's time of one, the bar."""
    title(heading)
    for name, make, count, key, bar in peers:
        try:
            peer = median_microseconds(make()) / count
        except (ImportError, AttributeError, TypeError, RuntimeError, OSError, ValueError) as error:
            missing(name, f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}")
            continue
        row(name, peer / own[key], f"{peer:.2f} us, here {own[key]:.2f}", at_least=bar)


def main():
    program = sys.argv[1]
    torch.set_num_threads(1)
    layer = ["--attention", "continual-nystrom", "--landmarks", "fixed", "--window", str(layers.WINDOW)]
    own = {
        "frame": ours(program, "--window", "8", "--landmarks", "fixed"),
        "step": ours(program, *layer),
        "f16": ours(program, *layer, "--weights", "f16"),
        "int8": ours(program, *layer, "--weights", "int8"),
        "batch": ours(program, *layer, "--streams", "64"),
    }
    compare(
        f"times as long as a step here: a layer of D = {layers.D}, {layers.HEADS} heads, FFN {layers.FFN}, n = {layers.WINDOW}",
        own,
        [
            ("PyTorch: the paper's step", lambda: layers.paper_step(1), 1, "step", 30),
            ("  beside f16 weights", lambda: layers.paper_step(1), 1, "f16", None),
            ("  beside int8 weights", lambda: layers.paper_step(1), 1, "int8", None),
            ("PyTorch: the paper's step, one of 64 streams", lambda: layers.paper_step(64), 64, "batch", 7),
            ("PyTorch: whole window", layers.torch_window, 1, "step", None),
            ("ONNX Runtime: whole window", layers.onnx_window, 1, "step", None),
            ("continual-inference: single output", layers.continual_step, 1, "step", None),
        ],
    )
    compare(
        "times as long as a frame here: 64 mel bands, FFT of 512",
        own,
        [
            ("kaldi-native-fbank: streaming", layers.kaldi_second, 100, "frame", 12),
            ("torchaudio: a minute at once", layers.torchaudio_minute, 6000, "frame", 2),
            ("librosa: a minute at once", layers.librosa_minute, 6000, "frame", None),
        ],
    )
    own = {model: products.ours(program, model) for model in ("keywords-en", "environment-10")}
    compare(
        "times as long as a second of audio here: products",
        own,
        [
            ("silero-vad, beside keywords-en", products.silero_second, 1, "keywords-en", None),
            ("YAMNet, ONNX Runtime, beside environment-10", lambda: products.yamnet_patches(Path("build/peers")), 1, "environment-10", None),
        ],
    )


if __name__ == "__main__":
    main()
