"""Accuracy against operations, as a plain SVG: a panel for each data set and window."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape

_PANEL_WIDTH, _PANEL_HEIGHT = 270, 230
_LEFT, _TOP, _GAP_X, _GAP_Y = 64, 126, 22, 58
_LEGEND_COLUMNS, _LEGEND_WIDTH = 2, 400
_COLOURS = ("#000000", "#8a8a8a", "#0060c0", "#f0a000", "#e05010", "#a00030", "#008060")
_MARGIN = 0.06  # of an axis, beside the outermost points


@dataclass(frozen=True)
class Point:
    """A system in one panel."""

    series: int  # which system
    layers: int
    operations: float
    accuracy: float  # in percent
    spread: float  # the same


@dataclass(frozen=True)
class Panel:
    row: str
    column: str
    points: list[Point]


def draw(panels: list[Panel], series: list[str], title: str) -> str:
    """Rows and columns in the order in which they come; hollow: one layer, filled: more."""
    rows = list(dict.fromkeys(panel.row for panel in panels))
    columns = list(dict.fromkeys(panel.column for panel in panels))
    every = [point for panel in panels for point in panel.points]
    low, high = _range([math.log10(point.operations) for point in every])
    width = _LEFT + len(columns) * (_PANEL_WIDTH + _GAP_X)
    height = _TOP + len(rows) * (_PANEL_HEIGHT + _GAP_Y)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        f'<text x="{_LEFT}" y="22" font-size="15" font-weight="bold">{escape(title)}</text>',
        *_legend(series),
    ]
    for panel in panels:
        row, column = rows.index(panel.row), columns.index(panel.column)
        same = [point for other in panels if other.row == panel.row for point in other.points]
        ends = [point.accuracy + sign * point.spread for point in same for sign in (-1, 1)]
        out += _panel(
            panel,
            _LEFT + column * (_PANEL_WIDTH + _GAP_X),
            _TOP + row * (_PANEL_HEIGHT + _GAP_Y),
            (low, high),
            _range(ends),
            column == 0,
        )
    return "\n".join([*out, "</svg>"]) + "\n"


def _legend(series: list[str]) -> list[str]:
    out = []

    def position(index: int) -> tuple[int, int]:
        return _LEFT + index % _LEGEND_COLUMNS * _LEGEND_WIDTH, 42 + index // _LEGEND_COLUMNS * 18

    for index, name in enumerate(series):
        x, y = position(index)
        out.append(f'<circle cx="{x + 5}" cy="{y - 4}" r="5" fill="{_COLOURS[index % len(_COLOURS)]}"/>')
        out.append(f'<text x="{x + 16}" y="{y}">{escape(name)}</text>')
    x, y = position(len(series))
    out.append(f'<circle cx="{x + 5}" cy="{y - 4}" r="4.5" fill="white" stroke="black" stroke-width="1.5"/>')
    out.append(f'<text x="{x + 16}" y="{y}">1 layer</text>')
    out.append(f'<rect x="{x + 76}" y="{y - 9}" width="9" height="9" fill="black"/>')
    out.append(f'<text x="{x + 92}" y="{y}">2 layers; the lines are standard deviations over seeds</text>')
    return out


def _panel(
    panel: Panel,
    left: float,
    top: float,
    horizontal: tuple[float, float],
    vertical: tuple[float, float],
    labelled: bool,
) -> list[str]:
    def x(operations: float) -> float:
        share = (math.log10(operations) - horizontal[0]) / (horizontal[1] - horizontal[0])
        return left + _PANEL_WIDTH * share

    def y(accuracy: float) -> float:
        return top + _PANEL_HEIGHT * (1 - (accuracy - vertical[0]) / (vertical[1] - vertical[0]))

    bottom = top + _PANEL_HEIGHT
    out = [
        f'<text x="{left}" y="{top - 8}" font-weight="bold">{escape(panel.row)}, {escape(panel.column)}</text>',
        f'<rect x="{left}" y="{top}" width="{_PANEL_WIDTH}" height="{_PANEL_HEIGHT}" fill="none" stroke="#888"/>',
    ]
    for power in range(math.ceil(horizontal[0]), math.floor(horizontal[1]) + 1):
        at = x(10**power)
        out.append(f'<path d="M{at:.1f} {top}V{bottom}" stroke="#ddd"/>')
        name = f"{10 ** (power - 3):,}k" if power < 6 else f"{10 ** (power - 6):,}M"
        out.append(f'<text x="{at:.1f}" y="{bottom + 16}" text-anchor="middle">{name}</text>')
    for accuracy in _ticks(vertical):
        out.append(f'<path d="M{left} {y(accuracy):.1f}h{_PANEL_WIDTH}" stroke="#ddd"/>')
        if labelled:
            out.append(f'<text x="{left - 8}" y="{y(accuracy) + 4:.1f}" text-anchor="end">{accuracy:g} %</text>')
    out.append(
        f'<text x="{left + _PANEL_WIDTH / 2}" y="{bottom + 32}" text-anchor="middle" fill="#444">'
        "multiply-adds a step</text>"
    )
    for point in panel.points:
        colour = _COLOURS[point.series % len(_COLOURS)]
        across, at = x(point.operations), y(point.accuracy)
        ends = y(point.accuracy - point.spread), y(point.accuracy + point.spread)
        out.append(f'<path d="M{across:.1f} {ends[0]:.1f}V{ends[1]:.1f}" stroke="{colour}" stroke-opacity="0.6"/>')
        if point.layers == 1:
            out.append(
                f'<circle cx="{across:.1f}" cy="{at:.1f}" r="4.5" fill="white" stroke="{colour}" stroke-width="2"/>'
            )
        else:
            out.append(f'<rect x="{across - 4.5:.1f}" y="{at - 4.5:.1f}" width="9" height="9" fill="{colour}"/>')
    return out


def _range(values: list[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    margin = _MARGIN * ((high - low) or 1)
    return low - margin, high + margin


def _ticks(interval: tuple[float, float]) -> list[float]:
    step = next(step for step in (1, 2, 5, 10, 20, 50) if (interval[1] - interval[0]) / step <= 8)
    first = math.ceil(interval[0] / step)
    return [index * step for index in range(first, math.floor(interval[1] / step) + 1)]
