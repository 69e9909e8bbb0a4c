"""`python -m experiments`: runs the missing runs of the grid, then writes the document."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

from classifier_training.errors import TrainingError
from classifier_training.program import find_program
from classifier_training.progress import Estimate, say

from .datasets import experiment_dataset
from .document import write_document
from .fit import Budget
from .grid import DATA, SEEDS, Configuration, grid
from .runs import Runs
from .speed import measured_speed
from .stem_features import Sizes, kept_variance, prepare
from .summary import Summary


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m experiments",
        description="Runs the missing runs of the retention experiment, then writes the document.",
    )
    parser.add_argument("--data", type=Path, help="folder of the recordings (docs/data.md); without it nothing is run")
    parser.add_argument("--work", type=Path, required=True, help="folder for cached features and runs")
    parser.add_argument("--out", type=Path, help="the document; without it none is written")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS), choices=SEEDS, help="run only these seeds")
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
    sizes, budget, program = Sizes(), Budget(), find_program()
    options.work.mkdir(parents=True, exist_ok=True)
    runs = Runs(options.work, sizes, budget, program=program)
    missing = [each for each in grid(seeds=tuple(options.seeds)) if runs.read(each) is None]
    if options.data and missing:
        _run_missing(missing, runs, options, sizes)
    if options.out:
        summary = Summary.of(runs.read, grid())
        if not summary.records:
            raise TrainingError(f"{options.work} has no runs yet; name the recordings with --data", 66)
        write_document(
            summary,
            measured_speed(program, options.work),
            sizes,
            budget,
            kept_variance(options.work),
            options.out,
        )


def _run_missing(missing: list[Configuration], runs: Runs, options: argparse.Namespace, sizes: Sizes) -> None:
    features = {
        name: prepare(experiment_dataset(name), options.data, options.work, sizes)
        for name in DATA
        if any(each.data == name for each in missing)
    }
    estimate = Estimate(len(missing))
    for number, each in enumerate(missing, 1):
        record = runs.run(each, features[each.data])
        cold, long = (record[part]["right"] / record[part]["clips"] for part in ("cold", "long"))
        say(f"{number}/{len(missing)} {each.name}: cold {cold:.2%}, long {long:.2%}, {estimate.step()}")


if __name__ == "__main__":
    sys.exit(main())
