"""The set-up of a command: the clips, the program, the architecture."""

from __future__ import annotations

import argparse
import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from .background import background_labels, with_background
from .compose import Composer
from .configuration import architecture
from .dataset import BACKGROUND, Dataset, read_dataset
from .distillation import read_recordings
from .errors import TrainingError
from .model import Classifier
from .program import Program, find_program
from .progress import say
from .recipe import Recipe
from .recordings import Recordings
from .store import Store
from .streams import Sound


@dataclass(frozen=True)
class Setup:
    """The clips, decoded, and the architecture for their labels."""

    dataset: Dataset
    composer: Composer
    program: Program
    store: Store
    network: dict[str, Any]
    recordings: Recordings | None
    other: dict[str, list[Sound]]  # sounds without labels to measure by, by kind


def set_up(options: argparse.Namespace, recipe: Recipe, model: Sequence[str] | None = None) -> Setup:
    """The clips, decoded, and the architecture for their labels.

    Labels of the background are added where the data have none; of an existing model, only if `model`, its labels, has
    them.
    """
    is_added = recipe.data.added_background != "none" and not recipe.sources
    dataset = read_dataset(options.data, recipe.data, is_added)
    program = program_of(options, recipe)
    added = background_labels(dataset, recipe, model)
    other: dict[str, list[Sound]] = {}
    if added:
        background = with_background(dataset, recipe, program, options.work, options.packages, added)
        dataset, other = background.dataset, background.held_out
    return set_up_dataset(options, recipe, dataset, program, other)


def set_up_dataset(
    options: argparse.Namespace,
    recipe: Recipe,
    dataset: Dataset,
    program: Program,
    other: dict[str, list[Sound]],
) -> Setup:
    """The clips of a data set, decoded, and the architecture for their labels."""
    network = architecture(recipe.model, dataset.labels, program.frontend.bands)
    frames_per_token = Classifier(network).frames_per_token
    frontend = program.frontend
    shortest = (frames_per_token - 1) * frontend.hop + frontend.span  # of one token
    store = Store(dataset, program, options.work, shortest)
    unlabelled = recordings(options, program, recipe.card.thresholds == "calibrated")
    composer = Composer(dataset, store, frontend, frames_per_token, recipe, unlabelled)
    if silent := store.silent(clip for clip in dataset.clips if clip.label not in ("", *BACKGROUND)):
        say(f"warning: nothing is heard in {', '.join(silent[:5])}{' and others' if len(silent) > 5 else ''}")
    return Setup(dataset, composer, program, store, network, unlabelled, other)


def program_of(options: argparse.Namespace, recipe: Recipe) -> Program:
    """The program with the front-end of the recipe and, for `evaluate`, the precision of the weights."""
    weights = getattr(options, "keep_weights", "f32")
    return Program(find_program(options.classifier), recipe.model.frontend, options.work, weights)


def use_threads(options: argparse.Namespace) -> int:
    """Sets the number of PyTorch's threads: that of the options, or one for each processor."""
    threads: int = options.threads or len(os.sched_getaffinity(0))
    torch.set_num_threads(threads)
    return threads


def esc50_classes(options: argparse.Namespace) -> dict[str, str]:
    """The class of each file of ESC-50, if the options name its table."""
    if not options.classes:
        return {}
    try:
        with options.classes.open(newline="", encoding="utf-8") as file:
            return {row["filename"]: row["category"] for row in csv.DictReader(file)}
    except (OSError, KeyError) as error:
        raise TrainingError(f"{options.classes} is not ESC-50's table: {error}", 66) from error


def recordings(options: argparse.Namespace, program: Program, keep: bool = True) -> Recordings | None:
    """The recordings of the options, if there are any."""
    if not (folder := getattr(options, "recordings", None)):
        return None
    dataset = read_recordings(folder, "")
    return Recordings(dataset, Store(dataset, program, options.work, 0), program.frontend.sample_rate, keep)
