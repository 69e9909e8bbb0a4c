"""The commands that train and measure models on streams of features."""

from __future__ import annotations

import argparse
import datetime
import functools
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .configuration import architecture, complete_config
from .decide import label_thresholds
from .device import training_device
from .encoding import encode
from .errors import TrainingError
from .export import export_weights, write_config
from .feature_evaluation import best_thresholds, cold, figures, long, program_encoder, text
from .feature_reading import read_streams
from .feature_sequences import FeatureSequences, label_loss
from .feature_streams import StreamSet
from .feed import CPU
from .files import atomic_directory
from .model import Classifier, Network
from .options import ModelOptions, TrainingOptions
from .output import output_name
from .program import find_program
from .progress import say
from .recipe import Recipe, stored_recipe, with_values
from .setup import use_threads
from .trainer import Trainer

# What differs from the defaults for audio: features are not masked, and a window is a minute of a feature a second.
FEATURE_DEFAULTS = Recipe(
    command="train-features",
    model=ModelOptions(stem="linear", width=64, layers=1, feed_forward=128, window=60),
    training=TrainingOptions(
        epochs=40, landmark_epochs=10, batch=32, time_mask_frames=0, band_mask_bands=0, last_weight=1.0
    ),
)
MODEL_OPTIONS = (
    "stem_frames width layers heads feed_forward window attention landmarks landmark_update depth inverse ridge_lambda "
    "head_average"
).split()
TRAINING_OPTIONS = (
    "epochs landmark_epochs landmark_schedule batch learning_rate landmark_learning_rate weight_decay warm_up mixup "
    "dropout token_dropout average precision seed cold_fraction last_weight time_mask_frames band_mask_bands"
).split()
_GOLDEN_STEPS = 100
SETTINGS = ("cold", "long")


def train_features_command(options: argparse.Namespace, recipe: Recipe) -> int:
    """Trains a model on streams of features, exports it, and measures it on the held-out ones."""
    name = output_name(options.out)
    threads, device = use_threads(options), training_device(options.device)
    program = find_program(options.classifier)
    recipe = replace(recipe, command="train-features", model=replace(recipe.model, stem="linear"))
    streams = read_streams(options.data, recipe.arrays, recipe.streams)
    trained, held_out = len(streams.of(held_out=False)), len(streams.of(held_out=True))
    say(
        f"{options.out}: {len(streams.labels)} labels, {trained} streams to train on, {held_out} held out, "
        f"{streams.width} features a step"
    )
    _name_unlearned(streams)
    _name_shared(streams)
    _check_tokens(streams, recipe.model.stem_frames)
    try_model(recipe, streams, options.out, program)
    checkpoint = options.work / f"{name}.checkpoint"
    if options.restart:
        checkpoint.unlink(missing_ok=True)
    model = fit_features(recipe, streams, checkpoint, device)
    with atomic_directory(options.out) as folder:
        config = export_features(model, recipe, streams, name, folder)
        if held_out:
            measured, lines = _measure(folder, config, streams, program, threads, options.settings, calibrate=True)
            config["card"]["figures"] = measured
            write_config(folder, config)
            print("\n".join(lines))
    say(f"wrote {options.out}")
    return 0


def evaluate_features_command(options: argparse.Namespace, recipe: Recipe) -> int:
    """Measures a model directory on the held-out streams of its recipe, or of the options."""
    file = options.model / "config.json"
    try:
        config: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise TrainingError(f"cannot read {file}: {error.strerror}", 66) from error
    except (ValueError, RecursionError) as error:
        raise TrainingError(f"{file}: not JSON: {error}", 78) from error
    if not _is_of_features(config):
        raise TrainingError(f"{file} is not that of a model for streams of features; train-features makes one")
    stored = stored_recipe(config["card"].get("recipe", {}), str(file))
    if options.recipe_file:
        stored = replace(recipe, model=stored.model)
    recipe = with_values(stored, options.given, "options")
    if recipe.streams.step_seconds != stored.streams.step_seconds:
        raise TrainingError(
            f"--step-seconds is {recipe.streams.step_seconds:g}, and {options.model} was trained on steps of "
            f"{stored.streams.step_seconds:g} s; leave it out",
            64,
        )
    streams = read_streams(options.data, recipe.arrays, recipe.streams)
    if list(streams.labels) != config["labels"]:
        raise TrainingError(f"{options.data} has other labels than {options.model}: {', '.join(streams.labels[:20])}")
    if streams.width != config["input_width"]:
        raise TrainingError(
            f"{options.data} has {streams.width} features a step, and {options.model} takes {config['input_width']}"
        )
    if not streams.of(held_out=True):
        raise TrainingError(f"no stream of {options.data} is held out; those of another split than `train` are", 64)
    _check_tokens(streams, config["stem"]["frames"])
    config["card"]["recipe"] = recipe.json()
    _name_shared(streams)
    measured, lines = _measure(
        options.model, config, streams, find_program(options.classifier), use_threads(options), options.settings
    )
    if options.check:
        return _compare(config["card"].get("figures", {}), measured, file)
    print(json.dumps(measured, indent=2) if options.json else "\n".join(lines))
    return 0


def _name_unlearned(streams: StreamSet) -> None:
    """Says which labels no stream to train on has: the model learns that they never come."""
    found = np.zeros(len(streams.labels), bool)
    for stream in streams.of(held_out=False):
        found |= streams.positive(stream).any(0)
    if missing := [label for label, has in zip(streams.labels, found) if not has]:
        say(f"no stream to train on has {', '.join(f'`{label}`' for label in missing[:5])} ({len(missing)} labels)")


def _name_shared(streams: StreamSet) -> None:
    """Says which held-out streams are trained on as well."""
    trained = {stream.digest(labels=False) for stream in streams.of(held_out=False)}
    shared = [stream for stream in streams.of(held_out=True) if stream.digest(labels=False) in trained]
    if shared:
        say(
            "held-out streams with the features of one that is trained on, which make the figures too good: "
            f"{len(shared)}, the first {shared[0].origin}, `{shared[0].name}`"
        )


def _is_of_features(config: Any) -> bool:
    needed = {"labels", "input_width", "stem", "encoder", "decision", "card"}
    if not isinstance(config, dict) or not needed <= config.keys():
        return False
    parts = (config[name] for name in ("stem", "encoder", "decision", "card"))
    return all(isinstance(part, dict) for part in parts) and "frames" in config["stem"]


def _check_tokens(streams: StreamSet, frames: int) -> None:
    """Refuses held-out streams that are all too short to be measured."""
    held_out = streams.of(held_out=True)
    longest = max(held_out, key=len, default=None)
    if longest is not None and len(longest) < frames:
        raise TrainingError(
            f"{longest.origin}: stream `{longest.name}` has {len(longest)} steps, the most of those held out, and a "
            f"token has {frames}: hold out a longer one, or choose fewer --stem-frames"
        )


def try_model(recipe: Recipe, streams: StreamSet, out: Path, program: Path) -> None:
    """Exports a model that is not trained, and runs it: what the program refuses is refused before the training."""
    options = recipe.model
    with torch.random.fork_rng(devices=[]):
        network = Network(architecture(options, streams.labels, streams.width))
        if options.attention == "continual-nystrom" and options.landmark_update == "fixed":
            shape = (options.heads, options.landmarks, options.width // options.heads)
            network.use_landmarks(options.layers)
            network.fix_landmarks([(torch.randn(shape), torch.randn(shape)) for _ in range(options.layers)])
        try:
            out.parent.mkdir(parents=True, exist_ok=True)
            holder = tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent)
        except OSError as error:
            raise TrainingError(f"cannot write {out}: {error}", 64) from error
        with holder as place:
            folder = Path(place) / out.resolve().name
            folder.mkdir()
            export_features(network, recipe, streams, folder.name, folder)
            try:
                encode(program, folder, streams.streams[0].features[:_GOLDEN_STEPS])
            except TrainingError as error:
                raise TrainingError(
                    f"{program.name} could not run such a model, so it is not trained: {error}", 64
                ) from error


def fit_features(recipe: Recipe, streams: StreamSet, checkpoint: Path, device: torch.device = CPU) -> Network:
    """The trained model: with softmax attention first, and then with its own system in place."""
    network = architecture(recipe.model, streams.labels, streams.width)
    windows = not Network(network).sliding
    training = recipe.training
    source = FeatureSequences(
        streams,
        recipe.streams,
        recipe.model.stem_frames,
        training.cold_fraction,
        recipe.model.window if windows else 0,
        training.last_weight,
    )
    data = [[stream.name, len(stream), stream.held_out, stream.digest()] for stream in streams.streams]
    build = functools.partial(Network, windows=windows)
    trainer = Trainer(recipe, network, source, data, checkpoint, teacher_loss=label_loss, build=build, device=device)
    model = trainer.fit()
    assert isinstance(model, Network)
    model.windows = False
    return model


def export_features(model: Classifier, recipe: Recipe, streams: StreamSet, name: str, folder: Path) -> dict[str, Any]:
    """Writes the model directory; its golden input are the first streams. Returns config.json."""
    config = complete_config(name, recipe, model.config, recipe.streams.activation)
    config["description"] = (
        recipe.card.description or f"Streams of {streams.width} features, {len(streams.labels)} labels."
    )
    config["background"] = [recipe.streams.background] if recipe.streams.background else []
    frames = recipe.model.stem_frames
    config["card"] = {
        "data": recipe.card.data_set,
        "data_licence": recipe.card.data_licence,
        "intended_use": recipe.card.intended_use,
        "limits": recipe.card.limits,
        "streams": {
            "trained": len(streams.of(held_out=False)),
            "held_out": len(streams.of(held_out=True)),
            "features": streams.width,
            "step_seconds": recipe.streams.step_seconds,
        },
        "parameters": sum(p.numel() for p in model.parameters()),
        "token_ms": 1000 * recipe.streams.step_seconds * frames,
        "date": datetime.date.today().isoformat(),
        "recipe": recipe.json(),
    }
    golden, steps = [], 0
    for stream in streams.streams:
        golden.append(np.asarray(stream.features[: _GOLDEN_STEPS - steps], np.float32))
        steps += len(golden[-1])
        if steps >= max(_GOLDEN_STEPS, frames):
            break
    features = np.concatenate(golden)
    if steps < frames:
        features = np.resize(features, (frames, streams.width))
    config["weights"] = export_weights(model, np.ascontiguousarray(features), folder)
    write_config(folder, config)
    return config


def _measure(
    model: Path,
    config: dict[str, Any],
    streams: StreamSet,
    program: Path,
    threads: int,
    settings: list[str],
    calibrate: bool = False,
) -> tuple[dict[str, Any], list[str]]:
    """The figures of each setting, and as text. With `calibrate` the labels' thresholds are set, and written."""
    run = program_encoder(program, model, threads)
    encoder, frames = config["encoder"], config["stem"]["frames"]
    seconds = config["card"]["recipe"]["streams"]["step_seconds"] * frames
    scored = {}
    if "cold" in settings:
        scored["cold"] = cold(streams, run, frames)
    if "long" in settings:
        lead = encoder["window"] * frames * encoder["layers"]
        scored["long"] = long(streams, run, frames, lead)
    if calibrate and streams.has_steps and config["card"]["recipe"]["card"]["thresholds"] == "calibrated":
        found = best_thresholds(streams, next(iter(scored.values())))
        config["decision"]["class_thresholds"] = {
            label: round(threshold, 4) for label, threshold in zip(streams.labels, found)
        }
    thresholds = label_thresholds(config["decision"], streams.labels)
    measured = {name: figures(streams, each, seconds, thresholds) for name, each in scored.items()}
    return measured, [text(each, name) for name, each in measured.items()]


def _compare(stored: Any, measured: dict[str, Any], file: Path, same: float = 1e-3) -> int:
    """Prints the figures beside the card's; returns 1 if some differ by more than `same`."""
    if not isinstance(stored, dict) or not all(isinstance(each, dict) for each in stored.values()):
        raise TrainingError(f"{file}: `card.figures` is no object of settings; train-features writes it", 78)
    status = 0
    for setting, values in measured.items():
        for key, now in values.items():
            card = stored.get(setting, {}).get(key)
            if not isinstance(now, float):
                continue
            if not isinstance(card, float):
                raise TrainingError(f"{file}: its card has no number of {key}, {setting}: train-features writes it", 78)
            differs = abs(card - now) > same
            print(f"{setting}, {key}: {now:.4f}, in the card {card:.4f}{': not the same' if differs else ''}")
            status |= differs
    return status
