"""Confidence intervals over speakers or recordings, by the bootstrap; of few events by Poisson's distribution."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

_DRAWS = 1000
_LEVEL = (2.5, 97.5)


@dataclass(frozen=True)
class Figure:
    """A ratio with the interval in which it lies with a probability of 95 %, and the number of groups behind it."""

    value: float
    low: float
    high: float
    groups: int

    def json(self) -> dict[str, Any]:
        rounded = {key: round(value, 4) for key, value in vars(self).items() if key != "groups"}
        return {**rounded, "groups": self.groups}


def ratio(counts: Sequence[tuple[Hashable, float, float]]) -> Figure:
    """The sum of counts over the sum of amounts, of (group, count, amount), and the spread over groups drawn anew."""
    groups: dict[Hashable, list[float]] = {}
    for group, count, amount in counts:
        total = groups.setdefault(group, [0.0, 0.0])
        total[0] += count
        total[1] += amount
    table = np.array(list(groups.values()))
    drawn = np.random.default_rng(0).integers(len(table), size=(_DRAWS, len(table)))
    sums = table[drawn].sum(1)
    low, high = np.percentile(sums[:, 0] / np.maximum(sums[:, 1], 1e-9), _LEVEL)
    count, amount = table.sum(0)
    return Figure(float(count / max(amount, 1e-9)), float(low), float(high), len(table))


def rate(counts: Sequence[tuple[Hashable, float, float]]) -> Figure:
    """The same of events by hours.

    No bootstrap says how many events may come where none was heard, or how much speakers differ if there is one.
    """
    figure = ratio(counts)
    count, amount = sum(count for _, count, _ in counts), sum(amount for _, _, amount in counts)
    if (count > 0 and figure.groups > 1) or amount <= 0:
        return figure
    low, high = poisson_interval(round(count))
    return replace(figure, low=low / amount, high=high / amount)


def poisson_interval(count: int) -> tuple[float, float]:
    """The expected numbers of events with which this one, or a smaller or larger one, has a probability of 2.5 %.

    Garwood, "Fiducial limits for the Poisson distribution", Biometrika 28 (1936).
    """

    def at_most(number: int, mean: float) -> float:
        return sum(math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(number + 1))

    def solve(below: Callable[[float], bool]) -> float:
        low, high = 1e-9, 10.0 * count + 10
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if below(middle) else (low, middle)
        return low

    tail = _LEVEL[0] / 100
    return (
        solve(lambda mean: 1 - at_most(count - 1, mean) < tail) if count else 0.0,
        solve(lambda mean: at_most(count, mean) > tail),
    )
