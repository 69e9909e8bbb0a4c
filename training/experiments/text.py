"""The words of docs/results.md, with what depends on the figures filled in from them."""

from __future__ import annotations

import math
from pathlib import Path
from string import Template

from .columns import Extent
from .fit import Budget
from .grid import DATA, grid
from .materials import material
from .speed import Speed
from .summary import Summary

_TEMPLATE = Path(__file__).with_name("results.md.template")
_USUAL_ACCURACY = 0.75  # that sampling errors are given for


def fill(summary: Summary, speed: Speed, extent: Extent, budget: Budget, variance: str, parts: dict[str, str]) -> str:
    """The whole page; `parts` are its tables and what is read from them."""
    difference, verified = summary.largest_difference
    known = [data for data in DATA if summary.clips(data)]
    values = {
        "runs": str(len(summary.records)),
        "planned": str(len(grid())),
        "trained": str(summary.trained),
        "seeds": ", ".join(map(str, summary.seeds)),
        "held_out": " and ".join(
            f"{summary.clips(data)} clips of {data} ({material(data).held_out})" for data in known
        ),
        "width": str(extent.width),
        "variance": variance,
        "streams": str(extent.streams),
        "tokens": str(extent.tokens),
        "lead": str(extent.lead),
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
    return 100 * math.sqrt(_USUAL_ACCURACY * (1 - _USUAL_ACCURACY) / clips)
