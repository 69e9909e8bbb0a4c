"""Plots of a model's figures, as SVG files beside its card."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

import numpy as np

from .evaluate import Confusion, Report
from .tag_report import TagReport

_COLOURS = ("#4477aa", "#ee6677", "#228833", "#aa3377", "#66ccee", "#ccbb44", "#777777")  # Paul Tol's bright scheme
_SIDE, _LEFT, _TOP, _RIGHT = 300, 60, 40, 170
_BINS = 10
_MOST_LABELS = 60  # of a readable matrix
_CURVES = 7


def write_plots(
    folder: Path, report: Report | TagReport, background: Sequence[str], thresholds: dict[str, float]
) -> list[str]:
    """Writes the plots of the held-out clips; returns the names of the files."""
    labels = report.labels
    plots = {
        "reliability.svg": _reliability(report),
        "thresholds.svg": _thresholds(report, [label for label in labels if label not in background], thresholds),
    }
    if isinstance(report, Report) and len(labels) <= _MOST_LABELS:
        plots = {"confusion.svg": _confusion(report.mid_stream), **plots}
    for name, text in plots.items():
        (folder / name).write_text(text, encoding="utf-8")
    return list(plots)


def reliability(report: Report | TagReport) -> list[tuple[float, float, int]]:
    """For each bin of the probabilities of first labels, or of all: their mean, the right share, their number."""
    first, is_right = report.confidence
    bins = np.minimum((first * _BINS).astype(int), _BINS - 1)
    return [
        (float(first[bins == each].mean()), float(is_right[bins == each].mean()), int((bins == each).sum()))
        for each in range(_BINS)
        if (bins == each).any()
    ]


def _confusion(confusion: Confusion) -> str:
    labels, count = confusion.labels, len(confusion.labels)
    cell = max(12, min(36, _SIDE // count))
    left, top = 20 + 7 * max(map(len, labels)), 40 + 5 * max(map(len, labels))
    parts = []
    for row, label in enumerate(labels):
        total = max(1, int(confusion.counts[row].sum()))
        parts.append(_text(left - 6, top + (row + 0.65) * cell, label, "end"))
        x, y = left + (row + 0.6) * cell, top - 6
        parts.append(f'<text x="{x:.0f}" y="{y}" transform="rotate(-45 {x:.0f} {y})">{escape(label)}</text>')
        for column in range(count):
            share = confusion.counts[row, column] / total
            colour = _COLOURS[0] if row == column else _COLOURS[1]
            parts.append(
                f'<rect x="{left + column * cell}" y="{top + row * cell}" width="{cell}" height="{cell}" '
                f'fill="{colour}" fill-opacity="{share:.2f}" stroke="#ddd"/>'
            )
            if confusion.counts[row, column]:
                value = str(int(confusion.counts[row, column]))
                parts.append(_text(left + (column + 0.5) * cell, top + (row + 0.65) * cell, value, "middle"))
    size = count * cell
    title = _text(left, 16, "held-out clips, mid-stream: label (row), predicted (column)", "start")
    return _svg(max(left + size + 60, 420), top + size + 20, [title, *parts])


def _reliability(report: Report | TagReport) -> str:
    bins = reliability(report)
    total = sum(count for _, _, count in bins)
    error = sum(abs(mean - right) * count for mean, right, count in bins) / max(1, total)
    which = "the first label" if isinstance(report, Report) else "a label"
    parts = _axes(f"probability of {which}", "share of right clips")
    parts.append(_line([(0, 0), (1, 1)], "#999", "4 4"))
    parts.append(_line([(mean, right) for mean, right, _ in bins], _COLOURS[0]))
    for mean, right, count in bins:
        x, y = _place(mean, right)
        radius = 2 + 8 * (count / total) ** 0.5
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{_COLOURS[0]}" fill-opacity="0.6"/>')
    parts.append(_text(_LEFT, 16, f"reliability; calibration error {error:.3f}", "start"))
    return _svg(_LEFT + _SIDE + 20, _TOP + _SIDE + 50, parts)


def _thresholds(report: Report | TagReport, labels: Sequence[str], chosen: dict[str, float]) -> str:
    """For each label the F1 of its clips against all others by the threshold, with a dot at the chosen one."""
    grid = np.linspace(0, 1, 101)
    scores = {}
    for label in labels:
        index = report.labels.index(label)
        has, peaks = report.has[:, index], report.peaks[:, index]
        above = peaks[None] >= grid[:, None]
        scores[label] = 2 * above[:, has].sum(1) / np.maximum(1, above.sum(1) + has.sum())
    worst = sorted(labels, key=lambda label: float(scores[label].max()))[:_CURVES]
    parts = _axes("threshold", "F1 of the label's clips")
    for number, (label, colour) in enumerate(zip(worst, _COLOURS)):
        parts.append(_line(zip(grid, scores[label]), colour))
        if label in chosen:
            x, y = _place(chosen[label], float(np.interp(chosen[label], grid, scores[label])))
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>')
        parts.append(f'<text x="{_LEFT + _SIDE + 12}" y="{_TOP + 16 * number}" fill="{colour}">{escape(label)}</text>')
    which = "" if len(labels) <= _CURVES else f", the {_CURVES} worst labels"
    parts.append(_text(_LEFT, 16, f"thresholds{which}", "start"))
    return _svg(_LEFT + _SIDE + _RIGHT, _TOP + _SIDE + 50, parts)


def _axes(x_name: str, y_name: str) -> list[str]:
    parts = [f'<rect x="{_LEFT}" y="{_TOP}" width="{_SIDE}" height="{_SIDE}" fill="none" stroke="#333"/>']
    for value in (0, 0.25, 0.5, 0.75, 1):
        x, y = _place(value, value)
        parts.append(_text(x, _TOP + _SIDE + 16, f"{value:g}", "middle"))
        parts.append(_text(_LEFT - 6, y + 4, f"{value:g}", "end"))
    middle = _TOP + _SIDE / 2
    parts.append(_text(_LEFT + _SIDE / 2, _TOP + _SIDE + 36, x_name, "middle"))
    return [
        *parts,
        f'<text x="16" y="{middle:.0f}" text-anchor="middle" transform="rotate(-90 16 {middle:.0f})">{y_name}</text>',
    ]


def _place(x: float, y: float) -> tuple[float, float]:
    return _LEFT + x * _SIDE, _TOP + (1 - y) * _SIDE


def _line(points: Iterable[tuple[float, float]], colour: str, dash: str = "") -> str:
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in (_place(*point) for point in points))
    return f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="1.5" stroke-dasharray="{dash}"/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(width: float, height: float, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        'font-family="sans-serif" font-size="11">\n<rect width="100%" height="100%" fill="white"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )
