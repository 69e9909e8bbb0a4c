"""Sentences about the figures, window by window, made from them."""

from __future__ import annotations

from .grid import EXACT, LAYERS, SYSTEMS, WINDOWS, Configuration, System
from .speed import Cost, Speed
from .summary import Mean, Summary

_FIXED = [system for system in SYSTEMS if system.update == "fixed"]
_OTHERS = [system for system in SYSTEMS if system.recomputes or system.update == "continual"]


def reading(summary: Summary, speed: Speed) -> list[str]:
    """A bullet for each window and, below it, one for each system besides fixed landmarks."""
    lines = []
    for window in WINDOWS:
        exact = _cost(EXACT, window, speed)
        fixed = [_cost(system, window, speed) for system in _FIXED]
        counts = ", ".join(str(system.landmarks) for system in _FIXED)
        lines.append(
            f"- **n = {window}.** A step of `continual` (one layer) is {exact.multiply_adds / 1000:,.0f} thousand "
            f"multiply-adds and {exact.median_microseconds:.1f} µs. Fixed landmarks (m = {counts}) take "
            f"{_shares([cost.multiply_adds / exact.multiply_adds for cost in fixed])} of the multiply-adds and "
            f"{_shares([cost.median_microseconds / exact.median_microseconds for cost in fixed])} of the time. "
            f"Against exact attention they are {_points(summary, _FIXED, window, 'long')} points mid-stream, cold "
            f"{_points(summary, _FIXED, window, 'cold')} (mean over depths, data sets and seeds, ± its standard error)."
        )
        for system in _OTHERS:
            points = _pooled(summary, system, window, "long")
            if points is not None:
                ratio = _cost(system, window, speed).multiply_adds / exact.multiply_adds
                name = f"`{system.kind}`{_detail(system)}"
                cost = f"{ratio:,.2f} times the multiply-adds"
                lines.append(f"  - {name}: {_signed(points)} points mid-stream, for {cost}.")
    return lines


def _detail(system: System) -> str:
    update = f" with {system.update} landmarks" if system.update else ""
    return update + (f", m = {system.landmarks}" if system.landmarks else ", two layers")


def _cost(system: System, window: int, speed: Speed) -> Cost:
    return speed.of(Configuration("", system, 1, window, 0))


def _shares(values: list[float]) -> str:
    return ", ".join(f"{value:.2f}" for value in values)


def _points(summary: Summary, systems: list[System], window: int, part: str) -> str:
    return ", ".join(_signed(_pooled(summary, system, window, part)) for system in systems)


def _pooled(summary: Summary, system: System, window: int, part: str) -> Mean | None:
    """Over both depths."""
    layers = [depth for depth in LAYERS if not (system.kind == "full" and depth == 1)]
    return summary.retained(system, layers, window, part)


def _signed(mean: Mean | None) -> str:
    return "–" if mean is None else f"{mean.value:+.1f} ± {mean.error:.1f}"
