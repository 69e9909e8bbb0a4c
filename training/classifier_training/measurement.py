"""Measuring a model directory, and comparing with its card."""

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
from .preparation import esc50_classes, prepare, program_of, use_threads
from .progress import say
from .recipe import Recipe, with_values
from .store import Store
from .teacher import Teacher

_SAME = 0.005  # two measurements of a share that differ by no more are the same


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
    recipe = with_values(with_values(Recipe(), stored, str(file)), options.given, "options")
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
    """What is measured of a model, by its keys in the card, and in words."""
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
    """Of a student of YAMNet with its teacher, on its own held-out recordings below `--data`."""
    program = program_of(options, recipe)
    dataset = read_recordings(options.data, config["card"]["held_out"])
    kept = Dataset(dataset.folder, dataset.labels, tuple(dataset.of(held_out=True)), ())
    store = Store(kept, program, options.work, 0)
    teacher = Teacher.read(None)
    return measure_agreement(options.model, kept, store, teacher, program, use_threads(options), esc50_classes(options))


def _events(options: argparse.Namespace, recipe: Recipe, config: dict[str, Any]) -> Events:
    """Of a model whose labels include the background, or with recordings that have none of its sounds."""
    prepared = prepare(options, recipe)
    return measure_events(
        options.model,
        prepared.dataset,
        prepared.store,
        prepared.program,
        tuple(config["background"]),
        prepared.recordings,
    )


def _compare(stored: dict[str, Any], measured: dict[str, Any]) -> int:
    """Prints the shares in both, the card's and the measured ones; 1 if some differ."""
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
        for heard, name in (("cold", "cold"), ("mid_stream", "mid-stream")):
            for key, of in (("accuracy", "clips"), ("token_accuracy", "tokens")):
                shares.append((f"{name}, {of}", accuracy[heard][key]))
    if agreement := figures.get("agreement"):
        shares.append(("mean average precision", agreement["mean_average_precision"]))
        if zero_shot := agreement.get("zero_shot"):
            shares.append(("classes named", zero_shot["accuracy"]))
    if events := figures.get("events"):
        shares.append(("events found", events["found"] / events["clips"]))
    return shares


def over_folds(options: argparse.Namespace, recipe: Recipe, measure: Callable[[Recipe, Path], Report | None]) -> Report:
    """The sum of what `measure` says of each fold's model in `--folds`."""
    reports = []
    for fold in folds(options.data, recipe.data):
        data = {"split": "fold", "held_out_folds": [fold]}
        report = measure(with_values(recipe, {"data": data}, "options"), options.folds / f"fold-{fold}")
        if report:
            say(f"fold {fold}: cold {report.cold.accuracy:.2%}, mid-stream {report.mid_stream.accuracy:.2%}")
            reports.append(report)
    return functools.reduce(operator.add, reports)


def _measure(options: argparse.Namespace, recipe: Recipe, model: Path) -> Report:
    """A model directory on the clips that the recipe holds out."""
    prepared = prepare(options, recipe)
    dataset = prepared.dataset
    labels = json.loads((model / "config.json").read_text(encoding="utf-8"))["labels"]
    if list(dataset.labels) != labels:
        raise TrainingError(
            f"{options.data} has the labels {', '.join(dataset.labels)}; the model knows {', '.join(labels)}"
        )
    return evaluate(model, dataset, prepared.composer, prepared.program, use_threads(options))
