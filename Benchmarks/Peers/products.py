"""Whole products, one thread each: a call is a second of audio."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

Call = Callable[[], None]
RATE = 16000


def silero_second() -> Call:
    from silero_vad import load_silero_vad

    model = load_silero_vad(onnx=True)
    sound = torch.from_numpy(np.random.uniform(-0.5, 0.5, RATE).astype(np.float32))

    def second() -> None:
        for start in range(0, RATE - 511, 512):
            model(sound[start : start + 512], RATE)

    return second


class _Yamnet(torch.nn.Module):
    """All of the network on a patch; its batch norms are folded already."""

    def __init__(self, teacher: Any) -> None:
        super().__init__()
        self.teacher = teacher

    def forward(self, patches: torch.Tensor) -> torch.Tensor:
        weight, bias = self.teacher.head
        return torch.nn.functional.linear(self.teacher.embeddings(patches), weight, bias)


def yamnet_patches() -> Call:
    """Patches of 0.96 s, one every 0.48 s: a call is the 1 / 0.48 patches of a second, without the log-mel frames."""
    import onnxruntime

    sys.path.insert(0, str(Path(__file__).parents[2] / "training"))
    from classifier_training.teacher import Teacher

    folder = Path("build/peers")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "yamnet.onnx"
    patch = torch.randn(1, 96, 64)
    network = _Yamnet(Teacher.read(Path(os.environ["YAMNET_CHECKPOINT"]))).eval()
    torch.onnx.export(network, (patch,), str(path), input_names=["patch"], verbose=False)
    session = onnxruntime.InferenceSession(str(path), one_thread(onnxruntime), providers=["CPUExecutionProvider"])
    inputs, done = {"patch": patch.numpy()}, 0.0

    def second() -> None:
        nonlocal done
        done += 1 / 0.48
        while done >= 1:
            session.run(None, inputs)
            done -= 1

    return second


def one_thread(onnxruntime: Any) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return options
