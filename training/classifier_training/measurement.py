"""Measures a model directory, and compares the figures with its card."""

from __future__ import annotations

import argparse
import functools
import json
import operator
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .agreement import measure_agreement
from .dataset import Dataset, folds
from .distillation import read_recordings
from .errors import TrainingError
from .evaluate import Report, evaluate
from .events import Events, measure_events
from .export import write_config
from .progress import say
from .recipe import Recipe, stored_recipe, with_values
from .setup import esc50_classes, program_of, set_up, use_threads
from .store import Store
from .teacher import Teacher

_SAME = 0.005  # two measurements of a share are the same if they differ by no more


def evaluate_command(options: argparse.Namespace, recipe: Recipe) -> int:
    """Measures a model directory on the held-out clips of its own split, or of that in the options."""
    file = options.model / "config.json"
    try:
        config: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(f"cannot read {file}: {error}", 66) from error
    if options.update_card and options.keep_weights != "f32":
        raise TrainingError("a card has the figures of --weights f32: --update-card goes with no other", 64)
    stored = config.get("card", {}).get("recipe", {})
    recipe = with_values(stored_recipe(stored, str(file)), options.given, "options")
    use_threads(options)
    measured, text = _figures(options, recipe, config)
    if options.check:
        return _compare({key: config["card"].get(key) for key in measured}, measured)
    print(json.dumps(measured, indent=2) if options.json else text)
    if options.update_card:
        config["card"].update(measured)
        config["card"]["recipe"] = recipe.json()
        write_config(options.model, config)
    return 0


def _figures(options: argparse.Namespace, recipe: Recipe, config: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The figures of a model, by their keys in the card, and as text."""
    if "agreement" in config.get("card", {}):
        agreement = _agreement(options, recipe, config)
        return {"agreement": agreement}, json.dumps(agreement, indent=2)
    if options.folds:
        report = over_folds(options, recipe, lambda recipe, folder: _measure(options, recipe, folder))
        return {"accuracy": report.json()}, report.text()
    report = _measure(options, recipe, options.model)
    figures, text = {"accuracy": report.json()}, report.text()
    if config["background"] or options.recordings:
        events = _events(options, recipe, config)
        figures["events"], text = events.json(), f"{text}\n\n{events.text()}"
    return figures, text


def _agreement(options: argparse.Namespace, recipe: Recipe, config: dict[str, Any]) -> dict[str, Any]:
    """The agreement of a student of YAMNet with its teacher, on its own held-out recordings below `--data`."""
    program = program_of(options, recipe)
    dataset = read_recordings(options.data, config["card"]["held_out"])
    kept = Dataset(dataset.folder, dataset.labels, tuple(dataset.of(held_out=True)), ())
    store = Store(kept, program, options.work, 0)
    teacher = Teacher.read(None)
    return measure_agreement(options.model, kept, store, teacher, program, use_threads(options), esc50_classes(options))


def _events(options: argparse.Namespace, recipe: Recipe, config: dict[str, Any]) -> Events:
    """The events of a model with labels for the background, or with recordings that have none of its sounds."""
    setup = set_up(options, recipe)
    return measure_events(
        options.model,
        setup.dataset,
        setup.store,
        setup.program,
        tuple(config["background"]),
        setup.recordings,
    )


def _compare(stored: dict[str, Any], measured: dict[str, Any]) -> int:
    """Prints the measured shares beside the card's; returns 1 if some differ."""
    status = 0
    for name, now in _shares(measured):
        card = dict(_shares(stored)).get(name)
        if card is None:
            raise TrainingError(f"the model's card has no {name}: --update-card writes it")
        same = abs(card - now) <= _SAME
        print(f"{name}: {now:.2%}, in the card {card:.2%}{'' if same else ': not the same'}")
        status |= not same
    return status


def _shares(figures: dict[str, Any]) -> list[tuple[str, float]]:
    """The figures that are compared, by name."""
    shares = []
    if accuracy := figures.get("accuracy"):
        for setting, name in (("cold", "cold"), ("mid_stream", "mid-stream")):
            for key, of in (("accuracy", "clips"), ("token_accuracy", "tokens")):
                shares.append((f"{name}, {of}", accuracy[setting][key]))
    if agreement := figures.get("agreement"):
        shares.append(("mean average precision", agreement["mean_average_precision"]))
        if zero_shot := agreement.get("zero_shot"):
            shares.append(("classes named", zero_shot["accuracy"]))
    if events := figures.get("events"):
        shares.append(("events found", events["found"] / events["clips"]))
    return shares


def over_folds(options: argparse.Namespace, recipe: Recipe, measure: Callable[[Recipe, Path], Report | None]) -> Report:
    """The sum of the reports of `measure` on each fold's model in `--folds`."""
    reports = []
    for fold in folds(options.data, recipe.data):
        data = {"split": "fold", "held_out_folds": [fold]}
        report = measure(with_values(recipe, {"data": data}, "options"), options.folds / f"fold-{fold}")
        if report:
            say(f"fold {fold}: cold {report.cold.accuracy:.2%}, mid-stream {report.mid_stream.accuracy:.2%}")
            reports.append(report)
    return functools.reduce(operator.add, reports)


def _measure(options: argparse.Namespace, recipe: Recipe, model: Path) -> Report:
    """Measures a model directory on the clips that the recipe holds out."""
    setup = set_up(options, recipe)
    dataset = setup.dataset
    if not dataset.of(held_out=True):
        raise TrainingError(f"no clip of {options.data} is held out; name another --split", 64)
    labels = json.loads((model / "config.json").read_text(encoding="utf-8"))["labels"]
    if list(dataset.labels) != labels:
        raise TrainingError(
            f"{options.data} has the labels {', '.join(dataset.labels)}; the model knows {', '.join(labels)}"
        )
    return evaluate(model, dataset, setup.composer, setup.program, use_threads(options))
