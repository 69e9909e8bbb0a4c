"""The results of the runs, averaged over their seeds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .grid import DATA, EXACT, LAYERS, SEEDS, SYSTEMS, WINDOWS, Configuration, System

PARTS = ("cold", "long")


@dataclass(frozen=True)
class Mean:
    """The mean of numbers, with their standard deviation (0 for a single number)."""

    value: float
    deviation: float
    count: int

    @staticmethod
    def of(values: list[float]) -> Mean:
        count = len(values)
        value = sum(values) / count
        variance = sum((each - value) ** 2 for each in values) / max(1, count - 1)
        return Mean(value, math.sqrt(variance), count)

    @property
    def error(self) -> float:
        """The standard error of the mean."""
        return self.deviation / math.sqrt(self.count)


@dataclass(frozen=True)
class Summary:
    """The records of the runs, by configuration."""

    records: dict[Configuration, dict[str, Any]]

    @staticmethod
    def of(read: Callable[[Configuration], dict[str, Any] | None], grid: list[Configuration]) -> Summary:
        found = {each: read(each) for each in grid}
        return Summary({each: record for each, record in found.items() if record is not None})

    def accuracy(self, configuration: Configuration, part: str) -> Mean | None:
        """The accuracy in percent, over all seeds that have runs."""
        values = [
            100 * record[part]["right"] / record[part]["clips"]
            for seed in SEEDS
            if (record := self.records.get(replace(configuration, seed=seed)))
        ]
        return Mean.of(values) if values else None

    def retained(self, system: System, layers: Sequence[int], window: int, part: str) -> Mean | None:
        """The accuracy relative to exact attention from a ring, in points, over these depths, all data sets and seeds.

        It is the mean difference of runs that began with the same weights.
        """
        differences = []
        for data, depth, seed in itertools.product(DATA, layers, SEEDS):
            own = self.records.get(Configuration(data, system, depth, window, seed))
            exact = self.records.get(Configuration(data, EXACT, depth, window, seed))
            if own and exact:
                shares = [record[part]["right"] / record[part]["clips"] for record in (own, exact)]
                differences.append(100 * (shares[0] - shares[1]))
        return Mean.of(differences) if differences else None

    def clips(self, data: str) -> int:
        """Held-out clips of a data set."""
        return next((record["cold"]["clips"] for each, record in self.records.items() if each.data == data), 0)

    @property
    def seeds(self) -> list[int]:
        """The seeds that have runs."""
        return sorted({each.seed for each in self.records})

    @property
    def largest_difference(self) -> tuple[float, int]:
        """The largest difference between the program's logits and PyTorch's, and the number of runs compared."""
        found = [
            record["program"]["largest_difference"]
            for record in self.records.values()
            if "program" in record and "same_as" not in record
        ]
        return max(found, default=0.0), len(found)

    @property
    def trained(self) -> int:
        """The number of runs with a training of their own."""
        return sum("same_as" not in record for record in self.records.values())


def shapes() -> list[tuple[int, int, System]]:
    """Rows of a table: layers, window, system."""
    return [(layers, window, system) for layers in LAYERS for window in WINDOWS for system in SYSTEMS]
