"""The tables of the experiment, from the runs that there are."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from classifier_training.feature_streams import StreamSet
from classifier_training.files import atomic_file
from classifier_training.model_files import write_json

from ..summary import Mean
from .costs import Cost, cost
from .grid import DATA, SHAPES, TRANSFORMER, FeatureData, FeatureRun
from .published import lean_layers, published_operations
from .runs import FeatureRuns
from .statistics import Difference, paired_accuracy, paired_precision

_SHAPE_NAMES = {(1, "stream"): "1 layer", (2, "stream"): "2 layers, stream", (2, "window"): "2 layers, window"}

_ABOUT = """\
This page is made by `make experiment DATA=FOLDER`. The command runs what is missing of the grid, each run with a file
below `build/experiment/features`, and writes the page again; after an interruption the same command continues. A run
of GTZAN takes half a minute on one core, of gunshots and baby cries a minute (with a window of 480 ten), of AudioSet's
clips ten. [training/README.md](../training/README.md#the-retention-experiment) says how to repeat a few rows; `make
evaluate DATA=FOLDER` measures three of the models again, with the program (`training/experiments/models/`).

The grid has all systems with 1 and 2 layers and the shortest window of a data set; longer windows with one layer;
random weights with one layer. Seeds are five for GTZAN and three for AudioSet, but one for what costs most: AudioSet's
527 labels with a longer window or 2 layers, and a window of 480. These 527 labels are tried neither from random weights
nor in window depth, and `nystromformer`, which recomputes windows, with them in one layer and the shortest window
alone. A window that must be a multiple of the landmarks is the longest such one: 24 of 28 tokens, 8 of 10, 56 of 60."""
_COLUMNS = """\
**Settings.** *Cold*: each stream from an empty state. *Long*: one after the other, with full windows. A clip is
decided at its last token. *Tuned*: trained with softmax attention, then with the system in place (the Transformer is
trained for as long); *layerwise*: the same, but one layer after the other, in equal parts of the second training, each
with the layers before it frozen and landmarks of the best of ten k-means, as in the code that was published with arXiv
2412.03214; *scratch*: with the system in place from random weights, for as long altogether. Figures are percent: the
mean over seeds, ± their standard deviation.

**Against the Transformer.** The paired difference to the Transformer of the same layers, depth and window in the long
setting, with the interval that holds 95 % of 10,000 (accuracy) or 200 (mean average precision) bootstrap resamples
over clips; in bold if zero is outside. Differences of mean average precision are those of the seed 0. The intervals
are those of other clips, not of other seeds, and of twenty rows without a difference one would be bold. Rows with a
shorter n differ from their Transformer in the window, too. `continual` in one layer or in stream depth computes the
Transformer's newest row, so that its training is the same one and its difference zero.

**Costs** are those of a step with a full window. *Published count*: multiplications of attention alone, by the
formulas of the code that was published with arXiv 2412.03214 and arXiv 2201.06268, one head having its own width;
*whole layers*: multiply-adds of this program (`bench --operations`), projections and feed-forward part included; both
in thousands, and in brackets as a share of the Transformer's (1/0.4 is 2.5 times as much). The published formulas count
what the program does otherwise, and can exceed its whole layers. The Transformer recomputes its window, and all of its
rows. One that computes only what its newest row needs (*lean*) is the fairer reference, and has a column of its own.
Time on one thread (median) and memory of a stream are measured once with `audio-classifierd bench`, on the machine of
the runs, which may have had other work: read the times as ratios."""
_LEGEND = {
    "audioset-strong": "AP, cAP, found spans and delay are means over the two labels; a span is found at the threshold "
    "with the best F1 in the cold setting, and the delay is that of the found ones."
}


class Tables:
    """The records of the runs with what is computed from them."""

    def __init__(self, runs: FeatureRuns, work: Path, program: Path, sets: dict[str, StreamSet]) -> None:
        """`sets` are the data, for the statistics; a data set that is not there has none."""
        self._runs, self._work, self._program, self._sets = runs, work, program, sets

    def text(self, planned: Sequence[FeatureRun], baselines: dict[str, Any]) -> str:
        """The whole page."""
        done = [run for run in planned if self._runs.read(run) is not None]
        parts = [
            "# Results on published streams of features",
            _ABOUT,
            f"It has {len(done)} of {len(planned)} runs.{_missing(planned, done)}",
            _COLUMNS,
            self._checked(done),
        ]
        for data in DATA:
            own = [run for run in done if run.data.name == data.name]
            parts += [f"## {data.title}", self._reference(data, baselines), *filter(None, [data.choices])]
            if own:
                parts += [_LEGEND[data.name]] if data.name in _LEGEND else []
                parts += [self._table(data, own), self._reading(data, own), self._costs(own)]
        return "\n\n".join(map(_wrapped, parts)) + "\n"

    def _checked(self, done: Sequence[FeatureRun]) -> str:
        records = [record for run in done if (record := self._runs.read(run))]
        checked = [record for record in records if "program" in record and "copied" not in record]
        found = [record["program"]["largest_difference"] for record in checked]
        if not found:
            return "**Checked.** No model of these runs has been run by the program yet."
        return (
            f"**Checked.** The models of {len(found)} runs were exported and run with `audio-classifierd encode`: "
            f"their logits agree with those behind the figures within {max(found):.0e}."
        )

    def _reference(self, data: FeatureData, baselines: dict[str, Any]) -> str:
        found = baselines.get(data.name)
        own = f" Measured here: {found['title']}: {_figures(found['figures'])}." if found else ""
        return f"Known: {data.published}.{own}"

    def _table(self, data: FeatureData, done: Sequence[FeatureRun]) -> str:
        steps = data.name == "audioset-strong"
        titles = ["shape", "n", "system", "schedule", "seeds", "cold", "long"]
        titles += ["long, cAP", "long, found", "long, delay s"] if steps else []
        titles.append("against the Transformer")
        return _rows(titles, [self._row(data, runs, steps) for runs in _by_seed(done)])

    def _row(self, data: FeatureData, runs: Sequence[FeatureRun], steps: bool) -> list[str]:
        run = runs[0]
        records = [record for each in runs if (record := self._runs.read(each))]
        cells = [*_shape(run), run.schedule, str(len(records))]
        cells += [_mean([record[setting][data.metric] for record in records]) for setting in ("cold", "long")]
        if steps:
            labels = [list(record["long"]["labels"].values()) for record in records]
            cells.append(_mean([record["long"]["mean_calibrated_average_precision"] for record in records]))
            cells.append(_mean([_over(each, "found") for each in labels]))
            delays = [value for each in labels if (value := _over(each, "mean_delay_seconds")) is not None]
            cells.append(f"{np.mean(delays):.2f}" if delays else "-")
        found = self._against(data, runs)
        return [*cells, _difference_text(found) if found else "" if run.system == TRANSFORMER else "-"]

    def _reading(self, data: FeatureData, done: Sequence[FeatureRun]) -> str:
        """Where low rank keeps what the Transformer has, and where it loses."""
        worse: list[str] = []
        same: list[str] = []
        better: list[str] = []
        for runs in _by_seed(done):
            if runs[0].system.landmarks and (found := self._against(data, runs)):
                side = same if found.includes_zero else worse if found.value < 0 else better
                side.append(f"{', '.join(_shape(runs[0]))}, {runs[0].schedule} ({_difference_text(found)})")
        total = len(worse) + len(same) + len(better)
        if not total:
            return "No low-rank system has been compared with the Transformer yet."
        lost = f"{len(worse)} are worse: {'; '.join(worse)}" if worse else "none is worse"
        return (
            f"Of {total} rows of low-rank systems {len(same)} have zero inside their interval, {len(better)} are "
            f"better than the Transformer, and {lost}."
        )

    def _costs(self, done: Sequence[FeatureRun]) -> str:
        titles = ["shape", "n", "system", "published count, thousand", "whole layers, thousand MAC"]
        titles += ["lean Transformer / whole layers", "µs a step", "KiB a stream"]
        rows = []
        for runs in _by_seed([replace(run, schedule="tuned") for run in done]):
            run = runs[0]
            transformer = replace(run, system=TRANSFORMER, depth="window" if run.layers > 1 else "stream")
            own, other = self._cost(run), self._cost(transformer)
            counts = published_operations(run), published_operations(transformer)
            rows.append(
                [
                    *_shape(run),
                    f"{counts[0] / 1000:,.1f} (1/{counts[1] / counts[0]:,.1f})",
                    f"{own.layers / 1000:,.1f} (1/{other.layers / own.layers:,.1f})",
                    f"{lean_layers(run) / own.layers:,.2f}",
                    f"{own.median_microseconds:,.1f}",
                    f"{own.state_bytes / 1024:,.1f}",
                ]
            )
        return _rows(titles, rows)

    def _against(self, data: FeatureData, runs: Sequence[FeatureRun]) -> Difference | None:
        """The paired difference to the Transformer of the same shape, of the tuned schedule."""
        if runs[0].system == TRANSFORMER or data.name not in self._sets:
            return None
        pairs = []
        for run in runs:
            own, other = self._runs.scores(run), self._runs.scores(replace(run, system=TRANSFORMER, schedule="tuned"))
            if own and other:
                pairs.append((own["long"].astype(float), other["long"].astype(float)))
        if not pairs:
            return None
        file = self._work / "differences.json"
        stored = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        key = f"{runs[0].name}-{len(pairs)}"
        if key not in stored:
            stored[key] = vars(_difference(self._sets[data.name], pairs))
            write_json(file, stored)
        return Difference(**stored[key])

    def _cost(self, run: FeatureRun) -> Cost:
        file = self._work / "costs.json"
        stored = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        key = replace(run, seed=0, schedule="tuned").name
        if key not in stored:
            stored[key] = vars(cost(self._program, run))
            write_json(file, stored)
        return Cost(**stored[key])


def _missing(planned: Sequence[FeatureRun], done: Sequence[FeatureRun]) -> str:
    """What is missing of each data set, in words."""
    parts = []
    for data in DATA:
        left = [run for run in planned if run.data.name == data.name and run not in done]
        if left:
            seeds = sorted({run.seed for run in left})
            layers = sorted({run.layers for run in left})
            parts.append(
                f"{len(left)} of {data.title} (layers {', '.join(map(str, layers))}; seeds "
                f"{', '.join(map(str, seeds))}; {', '.join(sorted({run.schedule for run in left}))})"
            )
    return f" Missing are {'; '.join(parts)}: the tables below say nothing about them." if parts else ""


def _by_seed(done: Sequence[FeatureRun]) -> list[list[FeatureRun]]:
    """The runs that differ in their seed alone, together, in the tables' order."""
    groups: dict[FeatureRun, list[FeatureRun]] = {}
    for run in sorted(done, key=lambda run: (SHAPES.index((run.layers, run.depth)), run.window)):
        groups.setdefault(replace(run, seed=0), []).append(run)
    return list(groups.values())


def _wrapped(part: str) -> str:
    """Prose in lines of at most 120 columns; tables and titles stay as they are, as do paragraphs that have lines."""
    return part if part[0] in "|#" or "\n" in part else textwrap.fill(part, 120, break_on_hyphens=False)


def _shape(run: FeatureRun) -> list[str]:
    return [_SHAPE_NAMES[(run.layers, run.depth)], str(run.system.window(run.window)), run.system.name]


def _rows(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _difference(streams: StreamSet, pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> Difference:
    """Over all pairs of one label a stream; of mean average precisions over the first pair."""
    held_out = streams.of(held_out=True)
    if streams.has_steps:
        positive = np.concatenate([streams.positive(stream) for stream in held_out])
        judged = np.concatenate([streams.judged(stream) for stream in held_out])
        clips = np.repeat(np.arange(len(held_out)), [len(stream) for stream in held_out])
        return paired_precision(*pairs[0], positive, clips, judged)
    positive = np.stack([streams.positive(stream)[0] for stream in held_out])
    if streams.exclusive:
        truth = positive.argmax(1)
        right = [np.stack([each[side].argmax(1) == truth for each in pairs]) for side in (0, 1)]
        return paired_accuracy(right[0], right[1])
    return paired_precision(*pairs[0], positive, np.arange(len(held_out)))


def write_tables(tables: Tables, planned: Sequence[FeatureRun], baselines: dict[str, Any], out: Path) -> None:
    """Writes the page, which appears when it is complete."""
    with atomic_file(out) as path:
        path.write_text(tables.text(planned, baselines), encoding="utf-8")


def _difference_text(found: Difference) -> str:
    text = f"{100 * found.value:+.1f} ({100 * found.low:+.1f} to {100 * found.high:+.1f})"
    return text if found.includes_zero else f"**{text}**"


def _figures(found: dict[str, Any]) -> str:
    """Figures of a baseline in words."""
    labels = [f"{name} {100 * value:.1f} %" for name, value in found.get("labels", {}).items()]
    plain = [f"{key.replace('_', ' ')} {100 * value:.1f} %" for key, value in found.items() if key != "labels"]
    return ", ".join(plain + labels)


def _over(labels: Sequence[dict[str, Any]], key: str) -> float | None:
    """The mean of a figure over the labels that have it."""
    values = [label[key] for label in labels if label[key] is not None]
    return float(np.mean(values)) if values else None


def _mean(values: list[float | None]) -> str:
    found = Mean.of([100 * value for value in values if value is not None])
    return f"{found.value:.1f} ± {found.deviation:.1f}" if found.count > 1 else f"{found.value:.1f}"
