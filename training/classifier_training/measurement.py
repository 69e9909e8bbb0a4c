"""Measures a model directory, and compares the figures with its card."""

from __future__ import annotations

import argparse
import functools
import json
import operator
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from .agreement import measure_agreement
from .background import background_labels, with_background
from .clip_table import Predicted, Sides, fingerprint, predicted, read_sides, write_clips
from .dataset import UNKNOWN, Clip, Dataset, folds, read_dataset
from .decide import label_thresholds
from .distillation import read_recordings
from .efficientat import EfficientAT
from .errors import TrainingError
from .evaluate import Report, evaluate
from .event_times import event_times
from .events import Events, measure_events
from .export import write_config
from .progress import say
from .recipe import Recipe, stored_recipe, with_values
from .setup import Setup, esc50_classes, program_of, set_up, set_up_dataset, use_threads
from .store import Store
from .tag_report import TagReport
from .tag_teacher import TagTeacher
from .tagging import first_labels, labelled_sounds, read_labelled
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
        figures = {"agreement": _agreement(options, recipe, config)}
        if options.labelled and options.speech:
            program, sets = program_of(options, recipe), read_labelled(options.labelled)
            figures["first_label"] = first_labels(options.model, sets, options.speech, program)
            heard = {each.name: [(options.model, labelled_sounds(each, program))] for each in sets}
            figures["event_times"] = {"sets": [event_times(name, each, program) for name, each in heard.items()]}
        return figures, json.dumps(figures, indent=2)
    if options.folds:
        rows: list[Predicted] = []
        total = over_folds(options, recipe, lambda recipe, folder: _measure(options, recipe, folder, rows, config))
        report = total.at(config["decision"])
        return {report.key: report.json()}, report.text()
    report = _measure(options, recipe, options.model, [], config).at(config["decision"])
    figures, text = {report.key: report.json()}, report.text()
    if config["background"] or options.recordings or recipe.data.separator:
        events = _events(options, recipe, config)
        figures["events"], text = events.json(), f"{text}\n\n{events.text()}"
    return figures, text


def _agreement(options: argparse.Namespace, recipe: Recipe, config: dict[str, Any]) -> dict[str, Any]:
    """The agreement of a student of YAMNet with its teacher, on its own held-out recordings below `--data`."""
    program = program_of(options, recipe)
    dataset = read_recordings(options.data, config["card"]["held_out"])
    kept = Dataset(dataset.folder, dataset.labels, tuple(dataset.of(held_out=True)), ())
    store = Store(kept, program, options.work, 0)
    frontend, card = program.frontend, config["card"]
    per_token = round(card["token_ms"] / 1000 * frontend.sample_rate / frontend.hop)
    other = EfficientAT.read(options.efficientat) if options.efficientat else None
    teacher = TagTeacher(Teacher.read(None), frontend, per_token, other)
    if teacher.name != (known := card["agreement"].get("teacher", "YAMNet")):
        raise TrainingError(f"the model learned from {known}, not from {teacher.name}: see --efficientat", 64)
    return measure_agreement(options.model, kept, store, teacher, program, use_threads(options), esc50_classes(options))


def _events(options: argparse.Namespace, recipe: Recipe, config: dict[str, Any]) -> Events:
    """The events of a model with labels for the background, or with recordings that have none of its sounds."""
    setup = _set_up(options, recipe, options.model)
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
    if tags := figures.get("tags"):
        for setting, name in (("cold", "cold"), ("mid_stream", "mid-stream")):
            shares.append((f"mean average precision, {name}", tags["mean_average_precision"][setting]))
    if agreement := figures.get("agreement"):
        shares.append(("mean average precision", agreement["mean_average_precision"]))
        if zero_shot := agreement.get("zero_shot"):
            shares.append(("classes named", zero_shot["accuracy"]))
    for found in figures.get("first_label", {}).get("sets", ()):
        shares += [(f"first labels right, {found['name']}", found["right"])]
        shares += [(f"{gain} dB, {found['name']}", right) for gain, right in found.get("gains_db", {}).items()]
    if events := figures.get("events"):
        shares.append(("events found", events["found"] / events["clips"]))
    return shares


def over_folds(
    options: argparse.Namespace, recipe: Recipe, measure: Callable[[Recipe, Path], Report | TagReport | None]
) -> Report | TagReport:
    """The sum of the reports of `measure` on each fold's model in `--folds`."""
    reports = []
    for fold in folds(options.data, recipe.data):
        data = {"split": "fold", "held_out_folds": [fold]}
        report = measure(with_values(recipe, {"data": data}, "options"), options.folds / f"fold-{fold}")
        if report:
            say(f"fold {fold}: {report.short()}")
            reports.append(report)
    total: Report | TagReport = functools.reduce(operator.add, reports)
    return total


def _measure(
    options: argparse.Namespace, recipe: Recipe, model: Path, rows: list[Predicted], config: dict[str, Any]
) -> Report | TagReport:
    """Measures a model directory on the clips that the recipe holds out, or on data that it was not trained on.

    The predictions that are written are those of `rows`, the clips of earlier folds, and of these clips.
    """
    setup = _set_up(options, recipe, model)
    dataset = setup.dataset
    if not (clips := dataset.of(held_out=True)):
        raise TrainingError(
            f"no clip of {options.data} is held out; name another --split. `--split none` measures all of them", 64
        )
    report = evaluate(model, dataset, setup.composer, setup.program, use_threads(options))
    rows += predicted(clips, report.decided)
    if options.predictions:
        write_clips(options.predictions, dataset, rows, label_thresholds(config["decision"], dataset.labels))
    return report


def _set_up(options: argparse.Namespace, recipe: Recipe, model: Path) -> Setup:
    """The clips to measure a model by.

    A model that trained with its list of clips is measured on all clips of the data that are not in the list, or are
    held out there, unless an option names another split. Without such a list the recipe's split decides.
    """
    labels = json.loads((model / "config.json").read_text(encoding="utf-8"))["labels"]
    given = options.given.get("data", {})
    sides = read_sides(model)
    if given.get("split") == "none" or (sides is not None and not {"split", "held_out_folds"} & given.keys()):
        whole = read_dataset(options.data, replace(recipe.data, split="none"), is_one_label_enough=True)
        known: dict[str, str] = {}
        marks = {fingerprint(whole, clip, known) for clip in whole.clips}
        if sides is None or given.get("split") == "none":
            sides = Sides({}, frozenset(), frozenset())
            say(f"{options.data}: all {len(whole.clips)} clips are measured")
        elif not marks & sides.known:
            say(f"{options.data}: all {len(whole.clips)} clips are measured; none was trained on")
        else:
            whole = _with_background(options, recipe, whole, labels)
        clips = tuple(
            replace(clip, held_out=sides.is_held_out(clip.file, fingerprint(whole, clip, known)))
            for clip in whole.clips
        )
        if count := sum(not clip.held_out for clip in clips):
            say(f"{options.data}: {count} of {len(clips)} clips were trained on, and are not measured")
        dataset = replace(whole, clips=clips)
        return set_up_dataset(
            options, recipe, _labelled(dataset, labels, options.data), program_of(options, recipe), {}
        )
    setup = set_up(options, recipe, labels)
    if list(setup.dataset.labels) != labels:
        raise TrainingError(
            f"{options.data} has the labels {', '.join(setup.dataset.labels)}; the model knows {', '.join(labels)}"
        )
    return setup


def _with_background(options: argparse.Namespace, recipe: Recipe, dataset: Dataset, labels: list[str]) -> Dataset:
    """The data with the clips of the background that the model was trained and measured by."""
    added = background_labels(dataset, recipe, labels)
    if not added:
        return dataset
    return with_background(dataset, recipe, program_of(options, recipe), options.work, options.packages, added).dataset


def _labelled(dataset: Dataset, labels: list[str], data: Path) -> Dataset:
    """The data with the model's labels; clips of labels that it does not know are `_unknown_` if it knows that."""
    others = sorted(set(dataset.labels) - set(labels))
    if dataset.separator:
        if others:
            say(f"the model does not know {', '.join(others)}: these labels are left out")
        clips = tuple(_with_labels(clip, labels, dataset.separator) for clip in dataset.clips)
        return replace(dataset, labels=tuple(labels), clips=clips)
    if others and UNKNOWN not in labels:
        raise TrainingError(
            f"{data} has the labels {', '.join(others)}, which the model does not know; it knows {', '.join(labels)}"
        )
    if others:
        say(f"the model does not know {', '.join(others)}: their clips count as {UNKNOWN}")
    clips = tuple(replace(clip, label=UNKNOWN) if clip.label in others else clip for clip in dataset.clips)
    return replace(dataset, labels=tuple(labels), clips=clips)


def _with_labels(clip: Clip, labels: list[str], separator: str) -> Clip:
    """The clip with those of its labels that a model knows."""
    known = tuple(label for label in clip.labels if label in labels)
    return clip if known == clip.labels else replace(clip, label=separator.join(known) or UNKNOWN, several=known)
