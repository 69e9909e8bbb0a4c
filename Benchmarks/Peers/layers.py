"""A token through an encoder layer in other software.

"The paper's step" is the published method of arXiv 2412.03214 (fixed landmarks, m = 8, sums to which the newest term is
added and from which the oldest is subtracted) with the projections that its code leaves out.
"""

import tempfile
from collections.abc import Callable
from typing import Any

import torch
from products import one_thread

Call = Callable[[], Any]
D, HEADS, FFN, WINDOW, LANDMARKS = 192, 16, 192, 120, 8


def paper_step(streams: int) -> Call:
    """One step of continual Nystrom attention with fixed landmarks, and the rest of a layer, for `streams` streams."""
    width = D // HEADS
    project = torch.nn.Linear(D, 3 * D)
    output, expand, contract = torch.nn.Linear(D, D), torch.nn.Linear(D, FFN), torch.nn.Linear(FFN, D)
    first_norm, second_norm = torch.nn.LayerNorm(D), torch.nn.LayerNorm(D)
    queries, keys = torch.randn(2, HEADS, LANDMARKS, width)
    inverse = torch.randn(HEADS, LANDMARKS, LANDMARKS)
    kept_keys = torch.randn(streams, WINDOW, HEADS, width)
    kept_values = torch.randn(streams, WINDOW, HEADS, width)
    weighted = torch.rand(streams, HEADS, LANDMARKS, width)
    total = torch.rand(streams, HEADS, LANDMARKS) + WINDOW
    token = torch.randn(streams, D)
    slot = 0

    def step() -> Any:
        nonlocal weighted, total, slot
        with torch.inference_mode():
            q, k, v = project(token).view(streams, 3, HEADS, width).unbind(1)
            q, k = q / width**0.25, k / width**0.25
            beta = torch.softmax(torch.einsum("shc,hmc->shm", q, keys), -1)
            new = torch.exp(torch.einsum("hmc,shc->shm", queries, k))
            old = torch.exp(torch.einsum("hmc,shc->shm", queries, kept_keys[:, slot]))
            weighted = weighted + new[..., None] * v[:, :, None] - old[..., None] * kept_values[:, slot][:, :, None]
            total = total + new - old
            kept_keys[:, slot], kept_values[:, slot] = k, v
            slot = (slot + 1) % WINDOW
            mixed = torch.einsum("shm,hmn->shn", beta, inverse)
            context = torch.einsum("shn,shnc->shc", mixed, weighted / total[..., None]).reshape(streams, D)
            x = first_norm(token + output(context))
            return second_norm(x + contract(torch.relu(expand(x))))

    return step


def torch_window() -> Call:
    layer = torch.nn.TransformerEncoderLayer(D, HEADS, FFN, dropout=0, batch_first=True).eval()
    window = torch.randn(1, WINDOW, D)

    def step() -> Any:
        with torch.inference_mode():
            return layer(window)

    return step


def onnx_window() -> Call:
    import onnxruntime

    layer = torch.nn.TransformerEncoderLayer(D, HEADS, FFN, dropout=0, batch_first=True).eval()
    window = torch.randn(1, WINDOW, D)
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/layer.onnx"
        torch.onnx.export(layer, (window,), path, input_names=["window"], verbose=False)
        session = onnxruntime.InferenceSession(path, one_thread(onnxruntime), providers=["CPUExecutionProvider"])
    inputs = {"window": window.numpy()}
    return lambda: session.run(None, inputs)


def continual_step() -> Call:
    import continual as co

    layer = co.SingleOutputTransformerEncoderLayer(D, HEADS, FFN, dropout=0, sequence_len=WINDOW).eval()
    token = torch.randn(1, D)
    with torch.inference_mode():
        for _ in range(WINDOW):
            layer.forward_step(token)

    def step() -> Any:
        with torch.inference_mode():
            return layer.forward_step(token)

    return step
