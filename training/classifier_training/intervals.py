"""Confidence intervals over speakers or recordings, by the bootstrap."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
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
