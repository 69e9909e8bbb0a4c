"""`calibrate`: makes the probabilities of a model that tags sounds those of being right, and chooses its thresholds."""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from .choose import token_seconds
from .errors import TrainingError
from .event_times import event_delays
from .export import write_config
from .files import atomic_directory
from .model_files import read_model, write_tensors
from .program import Program
from .progress import say
from .recipe import Recipe, stored_recipe
from .setup import program_of
from .tag_calibration import Known, Tree, fit_decision, fit_offsets
from .tagging import Labelled, class_names, labelled_sounds, read_labelled

_KEY = "calibration"


def add_calibrate_options(parser: argparse.ArgumentParser) -> None:
    """The options besides those that all commands have."""
    parser.add_argument(
        "--model",
        type=Path,
        required=True,
        metavar="DIR",
        help="the model of `distil`, which is changed in place, once",
    )
    parser.add_argument(
        "--common",
        type=float,
        default=1.0,
        metavar="N",
        help="the number that is added to each logit (default: %(default)s)",
    )
    parser.add_argument(
        "--spread",
        type=float,
        default=0.3,
        metavar="N",
        help="how much less is added for labels that are too probable where they are not heard: the standard "
        "deviation of the prior; near 0 all get the same (default: %(default)s)",
    )
    parser.add_argument(
        "--threshold",
        type=float,
        default=0.25,
        metavar="P",
        help="the least threshold of a label (default: %(default)s)",
    )
    parser.add_argument(
        "--target",
        type=float,
        default=3.0,
        metavar="N",
        help="raise a label's threshold until it is reported at most N times an hour where it is not heard (default: "
        "%(default)s)",
    )


def calibrate_command(options: argparse.Namespace, _: Recipe) -> int:
    """Changes the head's bias, the thresholds and the delays of a model, in place."""
    config, tensors = read_model(options.model)
    if config.get("activation") != "sigmoid":
        raise TrainingError(f"{options.model} does not tag sounds: its activation is not sigmoid", 64)
    if "clips" not in config.get("card", {}):
        raise TrainingError(f"{options.model} has no card of a training: calibrate a model that `distil` made", 78)
    if _KEY in config["card"]:
        raise TrainingError(f"{options.model} is calibrated already; train or export it again to calibrate it anew", 78)
    ranges = {"common": (-20, 20), "spread": (0.001, 100), "threshold": (0.001, 0.94), "target": (0, 1e6)}
    for name, (least, most) in ranges.items():
        if not least <= getattr(options, name) <= most:
            raise TrainingError(f"--{name} is {getattr(options, name)}; it must be {least} to {most:g}", 64)
    recipe = stored_recipe(config["card"].get("recipe", {}), str(options.model))
    program, sets = program_of(options, recipe), read_labelled(options.data)
    known = _known(options.model, config, sets, program)
    seconds = token_seconds(config, program)
    wanted = fit_offsets(known, seconds, options.common, options.spread)
    # Background comes first where nothing else is as probable, so that it moves with the labels that are not lowered.
    wanted[[config["labels"].index(label) for label in config["background"]]] = options.common
    with atomic_directory(options.model) as fresh:  # the model is the old one until all is chosen
        shutil.copytree(options.model, fresh, dirs_exist_ok=True)
        offsets = _change(fresh, config, tensors, wanted)
        moved = [Known(one.kind, one.logits + offsets, one.truth) for one in known]
        config["decision"] = fit_decision(config, moved, seconds, options.threshold, options.target)
        config["card"][_KEY] = {
            "recordings": {each.name: len(each.files) for each in sets},
            **{key: getattr(options, key) for key in ("common", "spread", "threshold", "target")},
        }
        write_config(fresh, config)
        timed = next((each for each in sets if not set(each.classes) <= set(config["labels"])), sets[0])
        if not (delays := event_delays([(fresh, labelled_sounds(timed, program))], program)):
            raise TrainingError(f"{options.model} reports no sound of {timed.name}: lower its thresholds", 65)
        config["decision"] |= delays
        write_config(fresh, config)
    own = config["decision"]["class_thresholds"]
    say(f"{options.model}: {len(own)} labels have a threshold of their own; {json.dumps(config['decision'])[:300]}")
    return 0


def _known(model: Path, config: dict[str, Any], sets: Sequence[Labelled], program: Program) -> list[Known]:
    """The recordings as the model hears them."""
    names = class_names()
    rows = [(each.name, file, label) for each in sets for file, label in zip(each.files, each.classes)]
    found = {label: [one for one in names.get(label, [label]) if one in config["labels"]] for _, _, label in rows}
    if unknown := sorted(label for label, own in found.items() if not own):
        raise TrainingError(f"no label of {model} is known for {', '.join(unknown)}", 65)

    def logits(row: tuple[str, Path, str]) -> np.ndarray:
        return program.encode(model, program.features(program.samples(row[1])[None])[0])

    say(f"{model} hears {len(rows)} recordings")
    with ThreadPoolExecutor(2) as pool:
        heard = list(pool.map(logits, rows))
    tree = Tree(config["labels"], config.get("parents", {}))
    return [
        Known(kind, each, tree.truth(found[label], each)) for (kind, _, label), each in zip(rows, heard) if len(each)
    ]


def _change(model: Path, config: dict[str, Any], tensors: dict[str, np.ndarray], offsets: np.ndarray) -> np.ndarray:
    """Adds offsets to the head's bias; returns what was added. Weights have half precision, as `distil` writes them."""
    bias = tensors["head.bias"]
    added = (bias + offsets).astype(np.float16).astype(np.float32) - bias
    changed = {**tensors, "head.bias": bias + added, "golden.logits": tensors["golden.logits"] + added}
    halves = {name: each.astype(np.float16) for name, each in changed.items() if not name.startswith("golden.")}
    config["weights"] = write_tensors({**changed, **halves}, model)
    return added
