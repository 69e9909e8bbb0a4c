"""Everything that determines a model, in one immutable value: read from JSON, overridden by options."""

from __future__ import annotations

import json
import math
import re
import typing
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from . import yamnet
from .errors import TrainingError
from .feature_options import StreamOptions
from .feature_sources import ArraySource
from .options import CardOptions, DataOptions, EvaluationOptions, ModelOptions, TrainingOptions
from .source import PARTS, Source

COMMANDS = ("train", "cross-validate", "distil", "pretrain", "train-features")


@dataclass(frozen=True)
class Recipe:
    """The command that makes the model, the sources of its data, and the options of both."""

    command: str = "train"
    sources: tuple[Source, ...] = ()
    arrays: tuple[ArraySource, ...] = ()
    streams: StreamOptions = field(default_factory=StreamOptions)
    data: DataOptions = field(default_factory=DataOptions)
    model: ModelOptions = field(default_factory=ModelOptions)
    training: TrainingOptions = field(default_factory=TrainingOptions)
    evaluation: EvaluationOptions = field(default_factory=EvaluationOptions)
    card: CardOptions = field(default_factory=CardOptions)

    def json(self) -> dict[str, Any]:
        """As JSON values (tuples as lists)."""
        values = {**asdict(self), "sources": [source.json() for source in self.sources]}
        values["arrays"] = [source.json() for source in self.arrays]
        unused = ("sources", "data", "evaluation") if self.command == "train-features" else ("arrays", "streams")
        return json.loads(json.dumps({key: value for key, value in values.items() if key not in unused}))


SECTIONS: dict[str, type] = {
    name: kind for name, kind in typing.get_type_hints(Recipe).items() if name not in ("command", "sources", "arrays")
}
# Those of the commands for audio, and for streams of features.
AUDIO, FEATURES = ("data", "model", "training", "evaluation", "card"), ("streams", "model", "training", "card")


def with_values(recipe: Recipe, values: dict[str, Any], origin: str) -> Recipe:
    """`recipe` with `values[section][key]` in place of its own; unknown keys and wrong types are refused."""
    for name, section in values.items():
        if name == "command":
            recipe = replace(recipe, command=_choice(section, COMMANDS, f"{origin}: `command`"))
        elif name == "sources":
            recipe = replace(recipe, sources=_sources(section, origin))
        elif name == "arrays":
            recipe = replace(recipe, arrays=_arrays(section, origin))
        elif name in SECTIONS:
            kind = SECTIONS[name]
            checked = _fields(section, kind, name, origin)
            recipe = replace(recipe, **{name: replace(getattr(recipe, name), **checked)})
        else:
            known = ", ".join(["command", "sources", "arrays", *SECTIONS])
            raise TrainingError(f"{origin}: unknown section `{name}`; it is one of {known}", 78)
    for name in SECTIONS:
        section = getattr(recipe, name)
        for item in fields(section):
            if item.metadata["choices"]:
                _choice(getattr(section, item.name), item.metadata["choices"], f"{origin}: `{name}.{item.name}`")
    _check_model(recipe.model, origin)
    _check_ranges(recipe, origin)
    return recipe


def read_recipe(path: Path, defaults: Recipe | None = None) -> Recipe:
    """A recipe file over the defaults."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TrainingError(f"cannot read the recipe {path}: {error.strerror}", 66) from error
    except (ValueError, RecursionError) as error:
        raise TrainingError(f"{path}: not JSON: {error}", 78) from error
    if not isinstance(values, dict):
        raise TrainingError(f"{path}: it must be a JSON object of sections", 78)
    return with_values(defaults or Recipe(), values, str(path))


def stored_recipe(values: dict[str, Any], origin: str) -> Recipe:
    """The recipe in a model's card. Options that have been removed since it was written are left out."""
    if not isinstance(values, dict) or not all(isinstance(values.get(name, {}), dict) for name in SECTIONS):
        raise TrainingError(f"{origin}: the recipe in its card is not one; train the model again", 78)
    known: dict[str, Any] = {
        name: {key: value for key, value in section.items() if key in typing.get_type_hints(SECTIONS[name])}
        for name, section in values.items()
        if name in SECTIONS
    }
    if "arrays" in values:
        known |= {"arrays": values["arrays"], "command": "train-features"}
    if "command" in values:
        known["command"] = values["command"]
    return with_values(Recipe(), known, origin)


def check_audio(recipe: Recipe) -> None:
    """Refuses what only streams of features can be trained with: sequences of audio are no single windows."""
    model = recipe.model
    windows = model.attention in ("full", "nystromformer") or (model.depth == "window" and model.layers > 1)
    if windows or model.stem == "linear" or recipe.arrays:
        raise TrainingError(
            "recomputed windows (full, nystromformer, --depth window), the stem `linear` and `arrays` are for "
            "train-features",
            78,
        )


def _fields(values: Any, kind: type, name: str, origin: str) -> dict[str, Any]:
    """Values for the fields of a dataclass."""
    if not isinstance(values, dict):
        raise TrainingError(f"{origin}: `{name}` is {values!r}; it must be an object", 78)
    hints = typing.get_type_hints(kind)
    for key in values:
        if key not in hints:
            raise TrainingError(f"{origin}: unknown key `{name}.{key}`", 78)
    return {key: _checked(value, hints[key], f"{origin}: `{name}.{key}`") for key, value in values.items()}


def _sources(values: Any, origin: str) -> tuple[Source, ...]:
    if not isinstance(values, list):
        raise TrainingError(f"{origin}: `sources` must be a list", 78)
    sources = []
    for number, value in enumerate(values, 1):
        at = f"{origin}: source {number}"
        source = Source(**_fields(value, Source, f"sources[{number - 1}]", origin))
        places = (source.copy, source.folder, source.table, source.packages, source.instruments, source.thesaurus)
        if sum(map(bool, places)) != 1:
            raise TrainingError(
                f"{at}: give exactly one of copy, folder, table, packages, instruments and thesaurus", 78
            )
        if source.thesaurus and not source.language:
            raise TrainingError(f"{at}: name the `language` of the thesaurus, as espeak-ng does", 78)
        for key in ("files", "without_words"):
            try:
                re.compile(getattr(source, key))
            except re.error as error:
                raise TrainingError(f"{at}: `{key}` is no regular expression: {error}", 78) from error
        _choice(source.part, PARTS, f"{at}: `part`")
        _choice(source.split, ("", "column", "speaker", "train"), f"{at}: `split`")
        if source.every < 1 or source.first < 0 or source.labels_in_a_group < 1:
            raise TrainingError(f"{at}: `every` and `labels_in_a_group` must be at least 1, `first` at least 0", 78)
        sources.append(source)
    return tuple(sources)


def _arrays(values: Any, origin: str) -> tuple[ArraySource, ...]:
    if not isinstance(values, list):
        raise TrainingError(f"{origin}: `arrays` must be a list", 78)
    sources = []
    for number, value in enumerate(values):
        source = ArraySource(**_fields(value, ArraySource, f"arrays[{number}]", origin))
        if not source.archive.endswith(".npz"):
            raise TrainingError(f"{origin}: arrays[{number}]: `archive` is `{source.archive}`, no .npz file", 78)
        sources.append(source)
    return tuple(sources)


def _choice(value: Any, choices: tuple[str, ...], origin: str) -> str:
    if value not in choices:
        raise TrainingError(f"{origin} is `{value}`; it is one of {', '.join(filter(None, choices))}", 78)
    return str(value)


def _checked(value: Any, kind: Any, origin: str) -> Any:
    if typing.get_origin(kind) is tuple and isinstance(value, (list, tuple)):
        item, rest = typing.get_args(kind)
        if rest is not Ellipsis and len(value) != 2:
            raise TrainingError(f"{origin} has {len(value)} values; it must have 2", 78)
        return tuple(_checked(each, item, origin) for each in value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind is float and isinstance(value, float) and not math.isfinite(value):
        raise TrainingError(f"{origin} is {value}; it must be a finite number", 78)
    plain = typing.get_origin(kind) or kind
    if not isinstance(value, plain) or (isinstance(value, bool) and plain is not bool):
        raise TrainingError(f"{origin} is {value!r}; it must be of type {plain.__name__}", 78)
    return value


_SHARES = (
    "overlay cold_fraction echo_probability noise_probability recording_share recording_sequences backward_share "
    "recording_noise steady_noise room_probability telephone_probability level_probability warm_up"
).split()
_RANGES: dict[str, tuple[float, float]] = dict.fromkeys(_SHARES, (0, 1)) | {
    "epochs": (0, 1e6),
    "landmark_epochs": (0, 1e6),
    "batch": (1, 1e6),
    "learning_rate": (1e-12, 1e9),
    "landmark_learning_rate": (0, 1e9),
    "stem_rate": (0, 1e6),
    "frozen_layers": (0, 1e6),
    "frozen_copies": (1, 1e6),
    "weight_decay": (0, 1e6),
    "mixup": (0, 1e6),
    "dropout": (0, 0.99),
    "token_dropout": (0, 0.99),
    "average": (0, 0.999999),
    "patience": (0, 1e6),
    "seed": (0, 2**32 - 1),
    "hours": (1e-6, 1e6),
    "clip_seconds": (0.01, 3600),
    "context_seconds": (0, 3600),
    "speed": (0.1, 10),
    "balance": (0, 100),
    "last_weight": (1e-6, 1e6),
    "memory_seconds": (0, 3600),
    "memory_weight": (0, 1e6),
    "time_mask_frames": (0, 1e6),
    "band_mask_bands": (0, 1e6),
}  # of training options; beyond them a training fails or learns nothing


def _check_ranges(recipe: Recipe, origin: str) -> None:
    training, decision = recipe.training, recipe.evaluation.decision_seconds
    for name, (least, most) in _RANGES.items():
        value = getattr(training, name)
        for each in value if isinstance(value, tuple) else (value,):
            if not least <= each <= most:
                raise TrainingError(f"{origin}: {name} is {each}; it must be {least:.10g} to {most:.10g}", 78)
    if training.epochs + training.landmark_epochs == 0:
        raise TrainingError(f"{origin}: epochs and landmark_epochs are 0: nothing would be learned", 78)
    if not 0 <= decision <= training.clip_seconds:
        raise TrainingError(f"{origin}: decision_seconds is {decision}; it must be 0 to clip_seconds", 78)
    fixed = recipe.model.attention == "continual-nystrom" and recipe.model.landmark_update == "fixed"
    if training.landmark_schedule == "layerwise" and not fixed:
        raise TrainingError(
            f"{origin}: landmark_schedule is `layerwise`; this needs the fixed landmarks of continual-nystrom", 78
        )


def _check_model(model: ModelOptions, origin: str) -> None:
    lengths = {len(model.stem_channels), len(model.time_strides), len(model.band_strides)}
    if model.stem == "yamnet":
        _check_yamnet(model, origin)
    if model.stem == "convolution" and (len(lengths) != 1 or lengths == {0}):
        raise TrainingError(f"{origin}: stem_channels, time_strides and band_strides must be equally long", 78)
    if not set(model.time_strides + model.band_strides) <= {1, 2}:
        raise TrainingError(f"{origin}: time_strides and band_strides must be 1 or 2", 78)
    if model.heads < 1 or model.width % model.heads:
        raise TrainingError(f"{origin}: width {model.width} is no multiple of heads {model.heads}", 78)
    if not 1 <= model.head_average <= 1024:
        raise TrainingError(f"{origin}: head_average is {model.head_average}; it must be 1 to 1024", 78)
    for name, value, least, most in (
        ("stem_frames", model.stem_frames, 1, 4096),
        ("width", model.width, 1, 16384),
        ("layers", model.layers, 1, 256),
        ("feed_forward", model.feed_forward, 1, 65536),
        ("window", model.window, 2, 10_000_000),
    ):
        if not least <= value <= most:
            raise TrainingError(f"{origin}: {name} is {value}; it must be {least} to {most}", 78)
    if model.attention not in ("full", "continual"):
        _check_landmarks(model, origin)


def _check_landmarks(model: ModelOptions, origin: str) -> None:
    count, moving = model.landmarks, model.attention == "nystromformer" or model.landmark_update == "continual"
    if not 1 <= count <= min(1024, model.window):
        raise TrainingError(f"{origin}: landmarks is {count}; it must be 1 to 1024, and at most the window", 78)
    if moving and model.window % count:
        raise TrainingError(
            f"{origin}: {count} landmarks do not divide a window of {model.window} tokens into equal segments", 78
        )
    if model.attention == "nystromformer" and model.depth == "stream" and model.layers > 1:
        raise TrainingError(f"{origin}: nystromformer recomputes windows: {model.layers} need --depth window", 78)


def _check_yamnet(model: ModelOptions, origin: str) -> None:
    if model.frontend != {"recipe": "yamnet"}:
        raise TrainingError(f"{origin}: the stem `yamnet` needs the front-end `yamnet`", 78)
    if not 0 <= model.yamnet_blocks <= yamnet.BLOCKS:
        raise TrainingError(f"{origin}: yamnet_blocks is {model.yamnet_blocks}; it must be 0 to {yamnet.BLOCKS}", 78)
    frames = model.yamnet_token_frames
    if frames not in (0, 1, 2, 4, 8, 16, 32):
        raise TrainingError(f"{origin}: yamnet_token_frames is {frames}; it must be 0, 1, 2, 4, 8, 16 or 32", 78)
