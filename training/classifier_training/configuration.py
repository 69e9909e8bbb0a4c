"""The part of a model's config.json that follows from the recipe and the labels."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from . import yamnet
from .dataset import BACKGROUND, SILENCE, Dataset
from .model import Classifier
from .options import ModelOptions
from .program import Program
from .recipe import Recipe
from .split import split_rule

_NEWTON_SCHULZ_ITERATIONS = 6


def architecture(options: ModelOptions, labels: Sequence[str], bands: int) -> dict[str, Any]:
    """The keys that determine the network: `labels`, `frontend`, `input_width`, `stem`, `encoder`, `head`.

    `bands` is the number of the front-end's bands, or of a feature stream's features.
    """
    average = {"head": {"average": options.head_average}} if options.head_average > 1 else {}
    return {
        "labels": list(labels),
        "frontend": None if options.stem == "linear" else options.frontend,
        "input_width": bands,
        "stem": _stem(options),
        "encoder": {
            "width": options.width,
            "layers": options.layers,
            "heads": options.heads,
            "feed_forward": options.feed_forward,
            "window": options.window,
            "attention": _attention(options),
            "depth": options.depth,
            "norm": "pre",
            "activation": "relu",
            "position": {"kind": "none"},
        },
        **average,
    }


def complete_config(
    name: str,
    recipe: Recipe,
    network: dict[str, Any],
    activation: str = "softmax",
    about_labels: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The whole of a model's config.json without `weights` and `card`, in the order of docs/model-format.md.

    `network` are the values of `architecture`, `about_labels` the keys from `background` to `smoothing_ms`, if the
    labels are not those of a data set.
    """
    labels, card = network["labels"], recipe.card
    if about_labels is None:
        background = [label for label in labels if label in BACKGROUND]
        others = {label: "largest" for label in background if label != SILENCE}
        about_labels = {"background": background, **({"summary": others} if others else {})}
    return {
        "format_version": 1,
        "name": name,
        "description": card.description or f"Sounds of {len(labels)} kinds.",
        "licence": card.licence,
        **network,
        "activation": activation,
        **about_labels,
        "decision": {
            "threshold": card.threshold,
            "threshold_off": card.threshold_off,
            "min_duration_ms": card.min_duration_ms,
            "max_gap_ms": card.max_gap_ms,
            "refractory_ms": card.refractory_ms,
            "min_rise_db": card.min_rise_db,
            "steady_threshold": card.steady_threshold,
            "class_thresholds": {},
        },
        "golden": {"tolerance": 1e-4},
    }


def card_values(recipe: Recipe, dataset: Dataset, model: Classifier, program: Program) -> dict[str, Any]:
    """The values of a model for audio's card but for what is measured."""
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


def _stem(options: ModelOptions) -> dict[str, Any]:
    if options.stem == "linear":
        return {"kind": "linear", "frames": options.stem_frames}
    if options.stem == "yamnet":
        layers = yamnet.stem_layers(options.yamnet_blocks, options.yamnet_token_frames)
        return {"kind": "convolution", "layers": layers}
    strides = zip(options.stem_channels, options.time_strides, options.band_strides)
    return {
        "kind": "convolution",
        "layers": [
            {"channels": channels, "time_stride": time, "band_stride": band} for channels, time, band in strides
        ],
    }


def _attention(options: ModelOptions) -> dict[str, Any]:
    if options.attention in ("full", "continual"):
        return {"kind": options.attention}
    inverse = (
        {"kind": "ridge", "lambda": options.ridge_lambda}
        if options.inverse == "ridge"
        else {"kind": "newton-schulz", "iterations": _NEWTON_SCHULZ_ITERATIONS}
    )
    update = {"landmarks": options.landmark_update} if options.attention == "continual-nystrom" else {}
    return {"kind": options.attention, **update, "count": options.landmarks, "inverse": inverse}
