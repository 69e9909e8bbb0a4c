"""docs/results.md and its plot, from the runs and from the program's own figures."""

from __future__ import annotations

from pathlib import Path

from classifier_training.files import atomic_file

from .datasets import experiment_dataset
from .fit import Budget
from .grid import DATA, EXACT, LAYERS, SYSTEMS, WINDOWS, Configuration
from .plot import Panel, Point, draw
from .reading import reading
from .speed import Speed
from .stem_features import Sizes
from .summary import Mean, Summary, shapes
from .text import fill

_PLOT = "images/retention.svg"


def write_document(summary: Summary, speed: Speed, sizes: Sizes, budget: Budget, variance: str, out: Path) -> None:
    """Writes `out` and, beside it, the plot; both appear whole or not at all."""
    parts = {
        "table": "\n".join(_table(summary, speed)),
        "retention": "\n".join(_retention(summary, speed)),
        "reading": "\n".join(reading(summary, speed)),
    }
    _write(out.parent / _PLOT, _plot(summary, speed))
    _write(out, fill(summary, speed, sizes, budget, variance, parts))


def _write(file: Path, text: str) -> None:
    with atomic_file(file) as path:
        path.write_text(text, encoding="utf-8")


def _table(summary: Summary, speed: Speed) -> list[str]:
    titles = [f"{experiment_dataset(data).title}, {part}" for data in DATA for part in ("cold", "mid-stream")]
    head = [
        "layers",
        "n",
        "system",
        *titles,
        "thousand MAC a step",
        "µs a step",
        "slowest µs",
        "KiB a stream",
    ]
    lines = [_row(head), _row(["---"] * 3 + ["---:"] * (len(head) - 3))]
    for layers, window, system in shapes():
        configuration = Configuration("", system, layers, window, 0)
        cost = speed.of(configuration)
        cells = [str(layers), str(configuration.window), system.name]
        for data in DATA:
            for part in ("cold", "long"):
                cells.append(_accuracy(summary.accuracy(_at(configuration, data), part)))
        cells += [
            f"{cost.multiply_adds / 1000:,.0f}",
            _three_digits(cost.median_microseconds),
            _three_digits(cost.largest_microseconds),
            f"{cost.state_bytes / 1024:,.0f}",
        ]
        lines.append(_row(cells))
    return lines


def _retention(summary: Summary, speed: Speed) -> list[str]:
    """The accuracy and the cost of each system, relative to exact attention from a ring."""
    head = ["layers", "n", "system", "cold", "mid-stream", "MAC", "time", "memory"]
    lines = [_row(head), _row(["---"] * 3 + ["---:"] * 5)]
    for layers, window, system in shapes():
        if system == EXACT:
            continue
        configuration = Configuration("", system, layers, window, 0)
        own, exact = (speed.of(each) for each in (configuration, Configuration("", EXACT, layers, window, 0)))
        cells = [str(layers), str(configuration.window), system.name]
        if system.kind == "full" and layers == 1:
            cells += ["the same", "the same"]
        else:
            cells += [_difference(summary.retained(system, [layers], window, part)) for part in ("cold", "long")]
        cells += [
            _ratio(own.multiply_adds, exact.multiply_adds),
            _ratio(own.median_microseconds, exact.median_microseconds),
            _ratio(own.state_bytes, exact.state_bytes),
        ]
        lines.append(_row(cells))
    return lines


def _plot(summary: Summary, speed: Speed) -> str:
    panels = []
    for data in DATA:
        for window in WINDOWS:
            points = []
            for series, system in enumerate(SYSTEMS):
                for layers in LAYERS:
                    configuration = Configuration(data, system, layers, window, 0)
                    mean = summary.accuracy(configuration, "long")
                    if mean:
                        operations = speed.of(configuration).multiply_adds
                        points.append(Point(series, layers, operations, mean.value, mean.deviation))
            panels.append(Panel(experiment_dataset(data).title, f"n = {window}", points))
    title = "Accuracy mid-stream against multiply-adds a step of the encoder"
    return draw(panels, [system.name for system in SYSTEMS], title)


def _at(configuration: Configuration, data: str) -> Configuration:
    return Configuration(data, configuration.system, configuration.layers, configuration.nominal_window, 0)


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _accuracy(mean: Mean | None) -> str:
    if mean is None:
        return "–"
    return f"{mean.value:.1f}" + (f" ± {mean.deviation:.1f}" if mean.count > 1 else "")


def _difference(mean: Mean | None) -> str:
    if mean is None:
        return "–"
    return f"{mean.value:+.1f}" + (f" ± {mean.error:.1f}" if mean.count > 1 else "")


def _ratio(value: float, other: float) -> str:
    ratio = value / other
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:,.0f}"


def _three_digits(value: float) -> str:
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"
