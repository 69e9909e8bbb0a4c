"""`python -m experiments.features`: runs the missing runs on streams of features, then writes their tables."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import torch

from classifier_training.errors import TrainingError
from classifier_training.feature_reading import read_streams
from classifier_training.feature_streams import StreamSet
from classifier_training.model_files import write_json
from classifier_training.program import find_program
from classifier_training.progress import Estimate, say

from .baselines import BASELINES
from .document import Tables, write_tables
from .grid import DATA, SCHEDULES, FeatureData, grid
from .runs import FeatureRuns


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m experiments.features",
        description="Runs the missing runs on published streams of features, then writes their tables.",
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the data (docs/data.md)")
    parser.add_argument("--work", type=Path, required=True, help="folder for the runs")
    parser.add_argument("--out", type=Path, help="the document; without it none is written")
    names = [each.name for each in DATA]
    parser.add_argument("--sets", nargs="+", default=names, choices=names, help="run only these data sets")
    parser.add_argument("--seeds", type=int, nargs="+", default=None, help="run only these seeds")
    parser.add_argument("--schedules", nargs="+", default=list(SCHEDULES), choices=SCHEDULES, help="run only these")
    parser.add_argument("--layers", type=int, nargs="+", default=[1, 2], choices=(1, 2), help="run only these depths")
    windows = sorted({window for each in DATA for window, _ in each.windows})
    parser.add_argument("--windows", type=int, nargs="+", default=windows, choices=windows, help="run only these")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="begin no run after so many minutes")
    parser.add_argument("--threads", type=int, default=1, help="PyTorch's threads (default: 1)")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    try:
        _run(options)
    except TrainingError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        print("stopped; the same command goes on", file=sys.stderr)
        return 130
    return 0


def _run(options: argparse.Namespace) -> None:
    program = find_program()
    options.work.mkdir(parents=True, exist_ok=True)
    runs = FeatureRuns(options.work, program)
    here = [each for each in DATA if each.name in options.sets and _is_there(each, options.data)]
    sets = {each.name: read_streams(options.data, each.recipe.arrays, each.recipe.streams) for each in here}
    for each in here:
        _baseline(each, sets[each.name], options.work)
    every = grid(here, options.seeds, options.schedules)
    chosen = [run for run in every if run.layers in options.layers and run.window in options.windows]
    missing = [run for run in chosen if runs.read(run) is None]
    estimate = Estimate(len(missing))
    for number, run in enumerate(missing, 1):
        if estimate.minutes >= options.minutes:
            say(f"stopped after {options.minutes:g} minutes; {len(missing) - number + 1} runs are missing")
            break
        record = runs.run(run, sets[run.data.name])
        figures = ", ".join(f"{setting} {record[setting][run.data.metric]:.4f}" for setting in ("cold", "long"))
        say(f"{number}/{len(missing)} {run.name}: {figures}, {estimate.step()}")
    if options.out:
        tables = Tables(runs, options.work, program, sets)
        write_tables(tables, grid(), _baselines(options.work), options.out)


def _is_there(data: FeatureData, folder: Path) -> bool:
    missing = [source.archive for source in data.recipe.arrays if not (folder / source.archive).exists()]
    if missing:
        say(f"{data.name} is left out: {folder / missing[0]} does not exist")
    return not missing


def _baseline(data: FeatureData, streams: StreamSet, work: Path) -> None:
    """Measures the simple model of a data set, once."""
    found = _baselines(work)
    if data.name in found:
        return
    title, measure = BASELINES[data.name]
    try:
        found[data.name] = {"title": title, "figures": measure(streams)}
    except ImportError as error:
        say(f"the baseline of {data.name} is left out: {error}")
        return
    write_json(work / "baselines.json", found)
    say(f"{data.name}: {title}: {found[data.name]['figures']}")


def _baselines(work: Path) -> dict[str, Any]:
    file = work / "baselines.json"
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.exists() else {}


if __name__ == "__main__":
    sys.exit(main())
