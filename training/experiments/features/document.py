"""The tables of the experiment, from the runs that there are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from classifier_training.export import write_json
from classifier_training.feature_streams import StreamSet
from classifier_training.files import atomic_file

from ..summary import Mean
from .grid import DATA, SHAPES, TRANSFORMER, FeatureData, FeatureRun
from .operations import Operations, operations
from .runs import FeatureRuns
from .statistics import Difference, paired_accuracy, paired_precision

_SHAPE_NAMES = {(1, "stream"): "1 layer", (2, "stream"): "2 layers, stream", (2, "window"): "2 layers, window"}

_ABOUT = "This page is made by `make experiment DATA=FOLDER`, which runs what is missing of the grid."
_COLUMNS = (
    "*Cold*: each stream from an empty state; *long*: one after the other, with full windows; decided at the "
    "last token. *Tuned*: trained with softmax attention, then with the system in place; *scratch*: with the "
    "system in place from random weights, for as long altogether. Figures are percent, the mean over seeds and "
    "their standard deviation. *Against the Transformer*: the paired difference in the long setting, with the "
    "interval of 95 % of bootstrap resamples over clips; bold if zero is outside. Operations are multiply-adds "
    "a step with a full window, of attention alone and of whole layers (`bench --operations`); the Transformer "
    "recomputes its window."
)


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
            f"{_ABOUT} It has {len(done)} of {len(planned)} runs.",
            _COLUMNS,
        ]
        for data in DATA:
            if own := [run for run in done if run.data.name == data.name]:
                parts += [f"## {data.title}", self._reference(data, baselines), self._table(data, own)]
        return "\n\n".join(parts) + "\n"

    def _reference(self, data: FeatureData, baselines: dict[str, Any]) -> str:
        found = baselines.get(data.name)
        own = f" Measured here: {found['title']}: {json.dumps(found['figures'])}." if found else ""
        return f"Known: {data.published}.{own}"

    def _table(self, data: FeatureData, done: Sequence[FeatureRun]) -> str:
        extra = ", cAP" if data.name == "audioset-strong" else ""
        rows = [
            f"| shape | n | system | schedule | seeds | cold | long{extra} | against the Transformer | attention alone "
            "| whole layers |",
            "|---|---|---|---|---|---|---|---|---|---|",
        ]
        seen = []
        for run in sorted(done, key=lambda run: (SHAPES.index((run.layers, run.depth)), run.window)):
            if (first := replace(run, seed=0)) not in seen:
                seen.append(first)
                rows.append(self._row(data, [each for each in done if replace(each, seed=0) == first]))
        return "\n".join(rows)

    def _row(self, data: FeatureData, runs: Sequence[FeatureRun]) -> str:
        run = runs[0]
        records = [record for each in runs if (record := self._runs.read(each))]
        cells = [
            _SHAPE_NAMES[(run.layers, run.depth)],
            str(run.system.window(run.window)),
            run.system.name,
            run.schedule,
        ]
        cells.append(str(len(records)))
        for setting in ("cold", "long"):
            cells.append(_mean([record[setting][data.metric] for record in records]))
        if data.name == "audioset-strong":
            cells[-1] += ", " + _mean([record["long"]["mean_calibrated_average_precision"] for record in records])
        cells.append(self._against(data, runs))
        transformer = self._operations(replace(run, system=TRANSFORMER, depth="window"))
        own = self._operations(run)
        for mine, reference in ((own.attention, transformer.attention), (own.layers, transformer.layers)):
            cells.append(f"{mine:,.0f} ({reference / mine:.1f} times less)" if mine else "0")
        return "| " + " | ".join(cells) + " |"

    def _against(self, data: FeatureData, runs: Sequence[FeatureRun]) -> str:
        """The paired difference to the Transformer of the same shape, of the tuned schedule."""
        if runs[0].system == TRANSFORMER:
            return ""
        pairs = []
        for run in runs:
            # A window is recomputed by the Transformer; of one layer the two depths are the same function.
            own, other = self._runs.scores(run), self._runs.scores(replace(run, system=TRANSFORMER, schedule="tuned"))
            if own and other:
                pairs.append((own["long"].astype(float), other["long"].astype(float)))
        if not pairs or data.name not in self._sets:
            return "-"
        file = self._work / "differences.json"
        stored = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        key = f"{runs[0].name}-{len(pairs)}"
        if key not in stored:
            stored[key] = vars(_difference(self._sets[data.name], pairs))
            write_json(file, stored)
        found = Difference(**stored[key])
        text = f"{100 * found.value:+.1f} ({100 * found.low:+.1f} to {100 * found.high:+.1f})"
        return text if found.includes_zero else f"**{text}**"

    def _operations(self, run: FeatureRun) -> Operations:
        file = self._work / "operations.json"
        stored = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        key = replace(run, seed=0, schedule="tuned").name
        if key not in stored:
            stored[key] = vars(operations(self._program, run))
            write_json(file, stored)
        return Operations(**stored[key])


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


def _mean(values: list[float | None]) -> str:
    found = Mean.of([100 * value for value in values if value is not None])
    return f"{found.value:.1f} ± {found.deviation:.1f}" if found.count > 1 else f"{found.value:.1f}"
