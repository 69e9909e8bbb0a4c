"""What the commands do, from their options to their files."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import re
from typing import Any

import torch

from .compose import Composer
from .configuration import architecture, complete_config
from .dataset import Dataset, read_dataset, split_rule
from .errors import TrainingError
from .evaluate import evaluate
from .export import export_model, write_config
from .files import atomic_directory
from .interchange import import_encoder, read_state
from .model import Classifier
from .program import Program, find_program
from .progress import say
from .recipe import Recipe, with_values
from .store import Store
from .trainer import Trainer
from .yamnet import origin


def train_command(options: argparse.Namespace, recipe: Recipe) -> int:
    """Trains, exports and measures a model."""
    name = options.out.resolve().name
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
        raise TrainingError(f"--out {options.out}: a model's name is lower-case letters, digits and `-`", 64)
    threads = _use_threads(options)
    dataset, composer, program, network = _prepare(options, recipe)
    checkpoint = options.work / f"{name}.checkpoint"
    if options.restart:
        checkpoint.unlink(missing_ok=True)
    trained, held_out = len(dataset.of(held_out=False)), len(dataset.of(held_out=True))
    say(
        f"{len(dataset.labels)} labels, {trained} clips to train on, {held_out} held out, "
        f"{len(dataset.noise)} of noise"
    )
    model = Trainer(recipe, network, dataset, composer, program, checkpoint, options.yamnet).fit()
    config = complete_config(name, recipe, dataset.labels)
    config["card"] = _card(recipe, dataset, model, program)
    with atomic_directory(options.out) as folder:
        export_model(model, config, program, folder)
        report = evaluate(folder, dataset, composer, program, threads)
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        config["card"]["accuracy"] = report.json()
        write_config(folder, config)
    print(report.text())
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
    threads = _use_threads(options)
    dataset, composer, program, _ = _prepare(options, recipe)
    if list(dataset.labels) != config["labels"]:
        raise TrainingError(
            f"{options.data} has the labels {', '.join(dataset.labels)}; the model knows "
            f"{', '.join(config['labels'])}"
        )
    report = evaluate(options.model, dataset, composer, program, threads)
    print(json.dumps(report.json(), indent=2) if options.json else report.text())
    if options.update_card:
        config["card"]["accuracy"] = report.json()
        write_config(options.model, config)
    return 0


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
        **({"stem": origin(recipe.model.yamnet_blocks)} if recipe.model.stem == "yamnet" else {}),
        "parameters": sum(p.numel() for p in model.parameters()),
        "token_ms": 1000 * model.frames_per_token * frontend.hop / frontend.sample_rate,
        "date": datetime.date.today().isoformat(),
        "recipe": recipe.json(),
    }
