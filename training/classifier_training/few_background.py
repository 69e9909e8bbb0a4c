"""Context vectors of background, which detectors of few examples learn from and are measured by.

They are shipped for the model `general`, because its context vectors do not change: their largest principal
components, two tokens averaged, in eight bits each. For another model they are computed of Debian's packages.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .contexts import Contexts
from .errors import TrainingError
from .files import atomic_file

SHIPPED = Path(__file__).parent / "data" / "few-background.npz"
PARTS = ("fit", "choose", "measure")
TOKENS = 2  # averaged in a row
_COMPONENTS = 64
_FLOOR = 0.05  # of the largest deviation, below which a component is not stretched to the others' length


@dataclass(frozen=True)
class Stretch:
    """A recording of a kind of sound: its part, and its rows in the arrays."""

    kind: str
    group: str  # the speaker or album
    part: str  # of PARTS
    start: int
    end: int


@dataclass(frozen=True)
class FewBackground:
    """Rows of components, and how a context vector becomes one."""

    model: str  # sha256 of the weights
    mean: np.ndarray  # (width,)
    basis: np.ndarray  # (width, components), scaled so that components have about the deviation 1
    rows: np.ndarray  # (rows, components) float32
    stretches: tuple[Stretch, ...]
    seconds: float  # of a row
    licence: str

    def components(self, contexts: np.ndarray) -> np.ndarray:
        """(tokens, components) of context vectors (tokens, width)."""
        return np.asarray((contexts - self.mean) @ self.basis, np.float32)

    def of(self, part: str) -> list[tuple[Stretch, np.ndarray]]:
        """The stretches of a part with their rows."""
        return [(each, self.rows[each.start : each.end]) for each in self.stretches if each.part == part]

    def write(self, file: Path) -> None:
        scale = np.abs(self.rows).max(0) / 127
        values = {
            "model": self.model,
            "seconds": self.seconds,
            "licence": self.licence,
            "stretches": [list(vars(each).values()) for each in self.stretches],
        }
        with atomic_file(file) as path, path.open("wb") as out:
            np.savez_compressed(
                out,
                values=np.frombuffer(json.dumps(values).encode(), np.uint8),
                mean=self.mean.astype(np.float32),
                basis=self.basis.astype(np.float32),
                scale=scale.astype(np.float32),
                rows=np.round(self.rows / scale).astype(np.int8),
            )

    @staticmethod
    def read(file: Path) -> FewBackground:
        try:
            with np.load(file) as arrays:
                values: dict[str, Any] = json.loads(arrays["values"].tobytes())
                rows = arrays["rows"].astype(np.float32) * arrays["scale"]
                mean, basis = arrays["mean"], arrays["basis"]
        except (OSError, ValueError, KeyError) as error:
            raise TrainingError(f"{file} is no background of `few`: {error}", 66) from error
        stretches = tuple(Stretch(*each) for each in values["stretches"])
        return FewBackground(values["model"], mean, basis, rows, stretches, values["seconds"], values["licence"])


def weights_hash(config: dict[str, Any]) -> str:
    """The sha256 of a model's weights."""
    return str(config["weights"]["sha256"])


class _Parts:
    """Deals out the speakers and albums of each kind in turn: half are for measuring."""

    def __init__(self) -> None:
        self._parts: dict[tuple[str, str], str] = {}
        self._counts: Counter[str] = Counter()

    def of(self, kind: str, group: str) -> str:
        if (kind, group) not in self._parts:
            self._parts[kind, group] = (*PARTS, PARTS[-1])[self._counts[kind] % 4]
            self._counts[kind] += 1
        return self._parts[kind, group]


def make_background(
    config: dict[str, Any],
    contexts: Contexts,
    sounds: Iterable[tuple[str, str, Sequence[np.ndarray]]],
    seconds: float,
    licence: str,
) -> FewBackground:
    """Computes the rows of sounds: a kind, a speaker or album, and its recordings, one after the other in a stream."""
    vectors: list[np.ndarray] = []
    stretches: list[Stretch] = []
    row, parts = 0, _Parts()
    for kind, group, recordings in sounds:
        found = contexts(np.concatenate([*recordings]))
        found = found[: len(found) // TOKENS * TOKENS].reshape(-1, TOKENS, found.shape[1]).mean(1)
        vectors.append(found)
        stretches.append(Stretch(kind, group, parts.of(kind, group), row, row + len(found)))
        row += len(found)
    if not vectors:
        raise TrainingError("there is no background: without it, a detector cannot know what it must not report")
    everything = np.concatenate(vectors)
    fit = np.concatenate([vectors[n] for n, each in enumerate(stretches) if each.part == "fit"] or vectors)
    mean = fit.mean(0)
    deviations, directions = np.linalg.eigh(np.cov(fit - mean, rowvar=False))
    order = np.argsort(-deviations)[:_COMPONENTS]
    lengths = np.sqrt(np.maximum(deviations[order], 0))
    basis = directions[:, order] / np.maximum(lengths, _FLOOR * lengths[0])
    rows = ((everything - mean) @ basis).astype(np.float32)
    return FewBackground(weights_hash(config), mean, basis, rows, tuple(stretches), TOKENS * seconds, licence)
