"""The text of docs/results.md, filled in from the figures."""

from __future__ import annotations

import math
from pathlib import Path
from string import Template

from .datasets import experiment_dataset
from .fit import Budget
from .grid import DATA, grid
from .speed import Speed
from .stem_features import Sizes
from .summary import Summary

_TEMPLATE = Path(__file__).with_name("results.md.template")
_TYPICAL_ACCURACY = 0.75  # for which the sampling error is given


def fill(summary: Summary, speed: Speed, sizes: Sizes, budget: Budget, variance: str, parts: dict[str, str]) -> str:
    """The whole page; `parts` are its tables and its sentences about them."""
    difference, verified = summary.largest_difference
    known = [data for data in DATA if summary.clips(data)]
    values = {
        "runs": str(len(summary.records)),
        "planned": str(len(grid())),
        "trained": str(summary.trained),
        "seeds": ", ".join(map(str, summary.seeds)),
        "held_out": " and ".join(
            f"{summary.clips(data)} clips of {data} ({experiment_dataset(data).held_out})" for data in known
        ),
        "width": str(sizes.width),
        "variance": variance,
        "streams": str(sizes.streams),
        "tokens": str(sizes.tokens),
        "lead": str(sizes.lead),
        "base_tokens": f"{budget.base_tokens:,}",
        "tuning_tokens": f"{budget.tuning_tokens:,}",
        "recomputed_tokens": f"{budget.recomputed_tokens:,}",
        "kernels": speed.kernels,
        "verified": str(verified),
        "difference": f"{difference:.0e}",
        "sampling": " and ".join(f"{_sampling_error(summary.clips(data)):.1f} ({data})" for data in known),
    }
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(values | parts)


def _sampling_error(clips: int) -> float:
    return 100 * math.sqrt(_TYPICAL_ACCURACY * (1 - _TYPICAL_ACCURACY) / clips)
