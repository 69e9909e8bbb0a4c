"""The context vectors of a model, which its head takes, as features for other heads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from .errors import TrainingError
from .files import atomic_directory
from .model_files import UNDECIDED, read_model, write_json, write_tensors
from .program import Program

_KEPT = ("format_version", "frontend", "input_width", "stem", "encoder")


def context_parts(folder: Path) -> tuple[dict[str, Any], dict[str, np.ndarray], np.ndarray]:
    """A model's configuration, its tensors without the head, and the context vectors of its golden input.

    These follow from the golden logits, because the head has more labels than a context vector has elements.
    """
    config, tensors = read_model(folder)
    weight, bias = tensors.pop("head.weight").astype(float), tensors.pop("head.bias").astype(float)
    logits = tensors.pop("golden.logits").astype(float)
    if len(weight) < weight.shape[1]:
        raise TrainingError(
            f"{folder} has {len(weight)} labels, fewer than the {weight.shape[1]} elements of a context vector: build "
            "on a model with more, as `general`",
            64,
        )
    contexts = np.linalg.lstsq(weight, (logits - bias).T, rcond=None)[0].T
    return config, tensors, contexts


def write_with_head(
    folder: Path,
    parts: tuple[dict[str, Any], dict[str, np.ndarray], np.ndarray],
    weight: np.ndarray,
    bias: np.ndarray,
    values: dict[str, Any],
) -> dict[str, Any]:
    """Writes a model with a head (labels, width) of its own, in place of that of `parts`; returns its configuration.

    `values` are the other keys of its config.json.
    """
    config, tensors, contexts = parts
    average = values.get("head", {}).get("average", 1)
    sums = np.cumsum(np.concatenate([np.zeros((1, contexts.shape[1])), contexts]), 0)
    first = np.maximum(0, np.arange(1, len(contexts) + 1) - average)
    means = (sums[1:] - sums[first]) / (np.arange(1, len(contexts) + 1) - first)[:, None]
    golden = (means @ weight.T + bias).astype(np.float32)
    head = {"head.weight": weight.astype(np.float32), "head.bias": bias.astype(np.float32), "golden.logits": golden}
    half = {
        name: tensor if name.startswith("golden.") else tensor.astype(np.float16) for name, tensor in tensors.items()
    }
    weights = write_tensors({**half, **head}, folder)
    kept = {key: config[key] for key in _KEPT}
    whole = {**kept, **UNDECIDED, "golden": {"tolerance": 1e-3}, **values, "weights": weights}
    write_json(folder / "config.json", whole)
    return whole


class Contexts:
    """Computes context vectors with the program."""

    def __init__(self, model: Path, program: Program) -> None:
        self._model, self._program = model, program

    @staticmethod
    @contextmanager
    def of(folder: Path, program: Program, work: Path) -> Iterator[Contexts]:
        """Within the `with` statement there is a model whose logits are the context vectors."""
        parts = context_parts(folder)
        width = parts[2].shape[1]
        place = work / "contexts"
        with atomic_directory(place) as fresh:
            labels = [f"context {index}" for index in range(width)]
            values = {"name": "contexts", "description": "Context vectors.", "licence": "", "labels": labels}
            write_with_head(fresh, parts, np.eye(width), np.zeros(width), {**values, "licence": parts[0]["licence"]})
        yield Contexts(place, program)

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        """(tokens, width) of a stream of samples."""
        return self._program.encode(self._model, self._program.features(samples[None])[0])
