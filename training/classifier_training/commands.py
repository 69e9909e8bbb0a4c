"""What the commands do, from their options to their files."""

from __future__ import annotations

import argparse
import datetime
import functools
import json
import operator
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from . import yamnet
from .agreement import measure_agreement
from .calibrate import label_thresholds
from .compose import Composer
from .configuration import architecture, complete_config
from .dataset import Dataset, folds, read_dataset, split_rule
from .distillation import Mixtures, read_recordings
from .errors import TrainingError
from .evaluate import Report, evaluate
from .export import export_model, write_config
from .files import atomic_directory
from .inputs import Clips
from .interchange import import_encoder, read_state
from .model import Classifier
from .program import Program, find_program
from .progress import say
from .recipe import Recipe, with_values
from .store import Store
from .teacher import Teacher
from .trainer import Trainer

_SAME = 0.005  # two measurements of an accuracy that differ by no more are the same


def train_command(options: argparse.Namespace, recipe: Recipe) -> int:
    """Trains, exports and measures a model."""
    report = _train(options, recipe, options.out)
    if report:
        print(report.text())
    return 0


def cross_validate_command(options: argparse.Namespace, recipe: Recipe) -> int:
    """Trains a model for each fold, which it never sees, and then one on all of them, which is the model.

    The accuracy in its card is that of the folds' models, each on its own fold, together.
    """
    total = _over_folds(options, recipe, lambda recipe, folder: _train(options, recipe, folder))
    _train(options, with_values(recipe, {"data": {"split": "none"}}, "options"), options.out, total)
    print(total.text())
    return 0


def _over_folds(
    options: argparse.Namespace, recipe: Recipe, measure: Callable[[Recipe, Path], Report | None]
) -> Report:
    """The sum of what `measure` says of each fold's model in `--folds`."""
    reports = []
    for fold in folds(options.data, recipe.data):
        data = {"split": "fold", "held_out_folds": [fold]}
        report = measure(with_values(recipe, {"data": data}, "options"), options.folds / f"fold-{fold}")
        if report:
            say(f"fold {fold}: cold {report.cold.accuracy:.2%}, mid-stream {report.mid_stream.accuracy:.2%}")
            reports.append(report)
    return functools.reduce(operator.add, reports)


def _train(
    options: argparse.Namespace, recipe: Recipe, out: Path, accuracy: Report | None = None
) -> Report | None:
    """Writes the model directory `out`; what was measured on the held-out clips, if there are any.

    `accuracy` is for the card of a model without held-out clips.
    """
    name = _name(out)
    threads = _use_threads(options)
    dataset, composer, program, network = _prepare(options, recipe)
    checkpoint = options.work / f"{name}.checkpoint"
    if options.restart:
        checkpoint.unlink(missing_ok=True)
    trained, held_out = len(dataset.of(held_out=False)), len(dataset.of(held_out=True))
    say(
        f"{out}: {len(dataset.labels)} labels, {trained} clips to train on, {held_out} held out, "
        f"{len(dataset.noise)} of noise"
    )
    source = Clips(dataset, composer, program)
    data = [[clip.file, clip.label, clip.held_out] for clip in dataset.clips]
    model = Trainer(recipe, network, source, data, checkpoint, options.yamnet).fit()
    config = complete_config(name, recipe, dataset.labels)
    config["card"] = _card(recipe, dataset, model, program)
    with atomic_directory(out) as folder:
        export_model(model, config, program, folder, half=recipe.model.weights == "float16")
        report = evaluate(folder, dataset, composer, program, threads) if held_out else accuracy
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        if report:
            config["card"]["accuracy"] = report.json()
            if recipe.card.thresholds == "calibrated":
                config["decision"]["class_thresholds"] = label_thresholds(
                    config["labels"],
                    config["background"],
                    report.truth,
                    report.peaks,
                    recipe.card.threshold_off,
                )
        write_config(folder, config)
    say(f"wrote {out}")
    return report


def distil_command(options: argparse.Namespace, recipe: Recipe) -> int:
    """Trains a model that says what YAMNet says, on sounds without labels."""
    name = _name(options.out)
    threads = _use_threads(options)
    teacher = Teacher.read(options.yamnet)
    dataset = read_recordings(options.data, options.held_out)
    program = Program(find_program(options.classifier), recipe.model.frontend, options.work)
    network = architecture(recipe.model, teacher.labels)
    store = Store(dataset, program, options.work, 0)
    source = Mixtures(dataset, store, teacher, program, Classifier(network).frames_per_token, recipe)
    say(
        f"{len(dataset.of(held_out=False))} recordings to train on, {len(dataset.of(held_out=True))} held out"
    )
    checkpoint = options.work / f"{name}.checkpoint"
    if options.restart:
        checkpoint.unlink(missing_ok=True)
    data = [[clip.file, clip.held_out] for clip in dataset.clips]
    whole = recipe.model.yamnet_blocks == yamnet.BLOCKS
    project = teacher.project if whole else None
    model = Trainer(recipe, network, source, data, checkpoint, options.yamnet, project).fit()
    config = complete_config(name, recipe, teacher.labels, "sigmoid")
    card = {
        **_card(recipe, dataset, model, program),
        "split": f"Held out: the files that match `{options.held_out}`.",
    }
    config["card"] = {**card, "label_ids": list(teacher.ontology)}
    with atomic_directory(options.out) as folder:
        export_model(model, config, program, folder, half=recipe.model.weights == "float16")
        agreement = measure_agreement(folder, dataset, store, teacher, program, threads)
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        config["card"]["agreement"] = agreement
        write_config(folder, config)
    print(json.dumps(agreement, indent=2))
    say(f"wrote {options.out}")
    return 0


def import_command(options: argparse.Namespace, recipe: Recipe) -> int:
    """Makes a model directory of a PyTorch encoder's weights."""
    import_encoder(
        read_state(options.weights),
        options.out,
        heads=options.heads,
        window=options.window,
        attention=options.attention,
        norm_first=options.norm_first,
        activation=options.activation,
    )
    say(f"wrote {options.out}")
    return 0


def evaluate_command(options: argparse.Namespace, recipe: Recipe) -> int:
    """Measures a model directory on the held-out clips of its own split, or of that in the options."""
    file = options.model / "config.json"
    try:
        config: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(f"cannot read {file}: {error}", 66) from error
    stored = config.get("card", {}).get("recipe", {})
    recipe = with_values(with_values(Recipe(), stored, str(file)), options.given, "options")
    _use_threads(options)
    if options.folds:
        report = _over_folds(options, recipe, lambda recipe, folder: _measure(options, recipe, folder))
    else:
        report = _measure(options, recipe, options.model)
    if options.check:
        return _compare(config["card"].get("accuracy"), report.json())
    print(json.dumps(report.json(), indent=2) if options.json else report.text())
    if options.update_card:
        config["card"]["accuracy"], config["card"]["recipe"] = report.json(), recipe.json()
        write_config(options.model, config)
    return 0


def _compare(stored: dict[str, Any] | None, measured: dict[str, Any]) -> int:
    """Prints both accuracies, the card's and the measured ones; 1 if they differ."""
    if not stored:
        raise TrainingError("the model's card has no accuracy: --update-card writes it")
    status = 0
    for heard, name in (("cold", "cold"), ("mid_stream", "mid-stream")):
        for key, of in (("accuracy", "clips"), ("token_accuracy", "tokens")):
            card, now = stored[heard][key], measured[heard][key]
            same = abs(card - now) <= _SAME
            print(f"{name}, {of}: {now:.2%}, in the card {card:.2%}{'' if same else ': not the same'}")
            status |= not same
    return status


def _measure(options: argparse.Namespace, recipe: Recipe, model: Path) -> Report:
    """A model directory on the clips that the recipe holds out."""
    dataset, composer, program, _ = _prepare(options, recipe)
    labels = json.loads((model / "config.json").read_text(encoding="utf-8"))["labels"]
    if list(dataset.labels) != labels:
        raise TrainingError(
            f"{options.data} has the labels {', '.join(dataset.labels)}; the model knows {', '.join(labels)}"
        )
    return evaluate(model, dataset, composer, program, _use_threads(options))


def _name(out: Path) -> str:
    """Of the model in the directory."""
    name = out.resolve().name
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
        raise TrainingError(f"{out}: a model's name is lower-case letters, digits and `-`", 64)
    return name


def _use_threads(options: argparse.Namespace) -> int:
    threads: int = options.threads or len(os.sched_getaffinity(0))
    torch.set_num_threads(threads)
    return threads


def _prepare(
    options: argparse.Namespace, recipe: Recipe
) -> tuple[Dataset, Composer, Program, dict[str, Any]]:
    """The clips, decoded, and the architecture for their labels."""
    dataset = read_dataset(options.data, recipe.data)
    program = Program(find_program(options.classifier), recipe.model.frontend, options.work)
    network = architecture(recipe.model, dataset.labels)
    frames_per_token = Classifier(network).frames_per_token
    frontend = program.frontend
    shortest = (frames_per_token - 1) * frontend.hop + frontend.span  # of one token
    store = Store(dataset, program, options.work, shortest)
    composer = Composer(dataset, store, frontend, frames_per_token, recipe)
    return dataset, composer, program, network


def _card(recipe: Recipe, dataset: Dataset, model: Classifier, program: Program) -> dict[str, Any]:
    frontend, card = program.frontend, recipe.card
    return {
        "data": card.data_set,
        "data_licence": card.data_licence,
        "intended_use": card.intended_use,
        "limits": card.limits,
        "clips": {"trained": len(dataset.of(held_out=False)), "held_out": len(dataset.of(held_out=True))},
        "split": split_rule(recipe.data),
        **({"stem": yamnet.origin(recipe.model.yamnet_blocks)} if recipe.model.stem == "yamnet" else {}),
        "parameters": sum(p.numel() for p in model.parameters()),
        "token_ms": 1000 * model.frames_per_token * frontend.hop / frontend.sample_rate,
        "date": datetime.date.today().isoformat(),
        "recipe": recipe.json(),
    }
