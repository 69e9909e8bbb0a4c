"""Everything that determines a model, in one immutable value: read from JSON, overridden by options.

A field's name is its key in a recipe file (inside the section's object) and, with dashes, its option.
"""

from __future__ import annotations

import json
import typing
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from . import yamnet
from .errors import TrainingError


def option(default: Any, help: str, choices: tuple[str, ...] | None = None) -> Any:
    """A field with its help text and, for some, its permitted values."""
    metadata = {"help": help, "choices": choices}
    if isinstance(default, dict):
        return field(default_factory=lambda: dict(default), metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class DataOptions:
    """How clips are found, labelled and split."""

    filename_column: str = option("filename", "CSV column with the file")
    audio_folder: str = option("", "folder of the CSV's files, relative to the CSV's own")
    label_column: str = option("label", "CSV column with the label")
    where: str = option("", "use only the CSV rows with this value, as COLUMN=VALUE")
    split: str = option(
        "speaker",
        "what decides which clips are held out: their speaker, chance, the CSV columns `split` or `fold`; "
        "`none`: no clip is, and nothing is measured",
        ("speaker", "random", "column", "fold", "none"),
    )
    split_seed: int = option(0, "seed of the splits by speaker and at random")
    held_out_fraction: float = option(0.2, "share of the speakers, or clips, that are held out")
    held_out_folds: tuple[str, ...] = option((), "folds that are held out (split `fold`)")
    speaker_pattern: str = option(
        r"(?:^|[/_])([^/_]+)_nohash_",
        "regular expression whose first group is the "
        "speaker, searched in LABEL/FILE; clips without a match are a group each",
    )
    noise_prefix: str = option("_background_noise_", "folders or labels with this prefix are noise for augmentation")
    background: tuple[str, ...] = option(
        ("_silence_", "_unknown_"), "labels that mean `nothing of interest`, where present"
    )
    silence: str = option("_silence_", "label of audio without a clip in it, where present")


@dataclass(frozen=True)
class ModelOptions:
    """Front-end, stem and encoder, as in docs/model-format.md."""

    frontend: dict[str, Any] = option({"recipe": "yamnet"}, "recipe name, or a JSON file with the front-end")
    stem: str = option("convolution", "how frames become tokens", ("convolution", "linear", "yamnet"))
    stem_channels: tuple[int, ...] = option((16, 32, 48, 64), "channels of each convolution")
    time_strides: tuple[int, ...] = option((1, 2, 2, 1), "time stride of each convolution")
    band_strides: tuple[int, ...] = option((2, 2, 2, 2), "band stride of each convolution")
    stem_frames: int = option(4, "frames of a token (stem `linear`)")
    yamnet_blocks: int = option(5, "separable blocks of YAMNet (stem `yamnet`)")
    yamnet_token_frames: int = option(
        0, "frames of a token (stem `yamnet`): fewer than its strides make; 0: as many as they make"
    )
    width: int = option(128, "length of a token")
    layers: int = option(2, "encoder layers")
    heads: int = option(4, "attention heads")
    feed_forward: int = option(256, "hidden units of the feed-forward part")
    window: int = option(25, "tokens that each layer looks back on")
    attention: str = option("continual-nystrom", "attention system", ("continual", "continual-nystrom"))
    landmarks: int = option(8, "landmarks of each head (continual-nystrom)")
    inverse: str = option("ridge", "approximate inverse (continual-nystrom)", ("ridge", "newton-schulz"))
    ridge_lambda: float = option(1e-2, "regularisation of the ridge inverse")
    inverse_iterations: int = option(6, "iterations of the Newton-Schulz inverse")
    norm: str = option("pre", "place of the layer norms", ("pre", "post"))
    activation: str = option("relu", "activation of the feed-forward part", ("relu", "gelu"))
    head_average: int = option(
        1, "newest tokens over which the head's logits are averaged: steadier, and later by half as many"
    )
    position_period: int = option(0, "period of the recycling position encoding; 0 for none")
    weights: str = option("float16", "numbers that the weights are stored as", ("float16", "float32"))


@dataclass(frozen=True)
class TrainingOptions:
    """What the model sees and how it is fitted."""

    initial: str = option(
        "", "model directory to start from, with the same front-end and stem, or one that begins with the same layers"
    )
    epochs: int = option(60, "epochs with softmax attention")
    landmark_epochs: int = option(15, "further epochs with fixed landmarks (continual-nystrom)")
    batch: int = option(64, "sequences in a step")
    learning_rate: float = option(2e-3, "peak learning rate")
    stem_rate: float = option(
        1.0, "learning rate of the stem's convolutions, as a share of the others'; 0: they stay as they are"
    )
    frozen_layers: int = option(0, "first layers of the stem that stay as they are, whatever stem_rate is")
    frozen_copies: int = option(
        8,
        "copies of the clips, augmented differently, that the epochs take in turn if stem layers stay as they are",
    )
    teacher_weight: float = option(
        0.0, "how much what YAMNet hears in the clips counts beside their labels (a stem `yamnet` that stays as it is)"
    )
    recordings_share: float = option(
        0.5, "sequences of recordings without labels for each clip, where there are such recordings and a teacher"
    )
    landmark_learning_rate: float = option(5e-4, "peak learning rate with landmarks")
    weight_decay: float = option(0.02, "weight decay of AdamW")
    warm_up: float = option(0.1, "share of the steps in which the learning rate rises; then it falls as a cosine")
    label_smoothing: float = option(0.1, "label smoothing")
    mixup: float = option(
        0.0, "parameter of the Beta distribution of how much of a sequence is mixed with another one's; 0: not at all"
    )
    dropout: float = option(0.1, "dropout in the encoder")
    token_dropout: float = option(
        0.0, "share of the tokens that are hidden from the encoder: for long sounds, which no single token tells"
    )
    average: float = option(0.998, "decay per step of the averaged weights, which are those exported; 0 for none")
    precision: str = option("float32", "arithmetic of the matrix products in training", ("float32", "bfloat16"))
    patience: int = option(0, "stop a phase after this many epochs without a better held-out accuracy; 0: never")
    seed: int = option(0, "seed of everything but the split")
    hours: float = option(6.0, "sound of an epoch (distil)")
    clip_seconds: float = option(1.0, "longer clips are cut to this length at a random place")
    context_seconds: float = option(1.0, "longest other sound before a clip")
    trailing_seconds: float = option(0.2, "least sound after a clip")
    cold_fraction: float = option(0.2, "share of the sequences that start with the clip")
    shift_seconds: float = option(0.1, "longest random shift of a clip")
    gain_db: tuple[float, float] = option((-12.0, 6.0), "range of the random gain")
    speed: tuple[float, float] = option((0.88, 1.14), "range of the random speed (and pitch)")
    colour_db: float = option(6.0, "largest gain or loss of the random tone colour (equaliser)")
    echo_probability: float = option(0.2, "share of the clips with added reverberation")
    noise_probability: float = option(0.4, "share of the sequences with noise added")
    noise_snr_db: tuple[float, float] = option((5.0, 25.0), "range of the signal-to-noise ratio")
    mix_probability: float = option(0.0, "share of the sequences with other clips behind their own")
    mix_snr_db: tuple[float, float] = option(
        (5.0, 25.0), "range of the ratio of a clip's level to that of the clips behind it"
    )
    target_ramp: tuple[float, float] = option(
        (0.5, 1.0), "parts of a sound after which its label begins to count, and counts in full"
    )
    silence_weight: float = option(0.1, "weight of tokens without a sound")
    last_weight: float = option(2.0, "weight of a clip's last token")
    memory_seconds: float = option(0.6, "how long after a sound its label may still stand")
    time_mask_frames: int = option(15, "longest masked stretch of frames, two of them a sequence")
    band_mask_bands: int = option(10, "widest masked stretch of bands, two of them a sequence")


@dataclass(frozen=True)
class EvaluationOptions:
    """How accuracy is measured."""

    mid_stream_seconds: float = option(1.0, "other sound before each clip, mid-stream")
    decision_seconds: float = option(
        0.0, "how long after its start a clip is decided, mid-stream; 0: at its last token"
    )


@dataclass(frozen=True)
class CardOptions:
    """What the model directory says about itself."""

    description: str = option("", "one sentence")
    licence: str = option("LicenseRef-unknown", "SPDX expression of the weights")
    data_set: str = option("", "the data set, with its authors")
    data_licence: str = option("", "licence of the data")
    intended_use: str = option("", "what the model is for")
    limits: str = option("", "what it is not for")
    threshold: float = option(0.6, "probability at which an event starts")
    thresholds: str = option(
        "calibrated",
        "whether each label has a threshold of its own, with the best F1 on the held-out clips",
        ("calibrated", "fixed"),
    )
    threshold_off: float = option(0.4, "probability below which it ends")
    min_duration_ms: int = option(0, "shorter events are dropped")
    max_gap_ms: int = option(120, "longest gap inside an event")
    refractory_ms: int = option(500, "least time between two events of a label")


@dataclass(frozen=True)
class Recipe:
    """Data, model, training, evaluation and card options."""

    data: DataOptions = field(default_factory=DataOptions)
    model: ModelOptions = field(default_factory=ModelOptions)
    training: TrainingOptions = field(default_factory=TrainingOptions)
    evaluation: EvaluationOptions = field(default_factory=EvaluationOptions)
    card: CardOptions = field(default_factory=CardOptions)

    def json(self) -> dict[str, Any]:
        """As JSON values (tuples as lists)."""
        return json.loads(json.dumps(asdict(self)))


SECTIONS: dict[str, type] = typing.get_type_hints(Recipe)


def with_values(recipe: Recipe, values: dict[str, dict[str, Any]], place: str) -> Recipe:
    """`recipe` with `values[section][key]` in place of its own; unknown keys and wrong types are refused."""
    for name, section in values.items():
        if name not in SECTIONS:
            raise TrainingError(f"{place}: unknown section `{name}`; it is one of {', '.join(SECTIONS)}", 78)
        hints = typing.get_type_hints(SECTIONS[name])
        checked = {}
        for key, value in section.items():
            if key not in hints:
                raise TrainingError(f"{place}: unknown key `{name}.{key}`", 78)
            checked[key] = _checked(value, hints[key], f"{place}: `{name}.{key}`")
        recipe = replace(recipe, **{name: replace(getattr(recipe, name), **checked)})
    for name in SECTIONS:
        section = getattr(recipe, name)
        for item in fields(section):
            choices, value = item.metadata["choices"], getattr(section, item.name)
            if choices and value not in choices:
                raise TrainingError(
                    f"{place}: `{name}.{item.name}` is `{value}`; it is one of {', '.join(choices)}", 78
                )
    _check_model(recipe.model, place)
    if recipe.training.frozen_copies < 1:
        raise TrainingError(f"{place}: frozen_copies is {recipe.training.frozen_copies}; it must be 1 or more", 78)
    if recipe.training.stem_rate < 0:
        raise TrainingError(f"{place}: stem_rate is {recipe.training.stem_rate}; it must not be negative", 78)
    if not 0 <= recipe.evaluation.decision_seconds <= recipe.training.clip_seconds:
        raise TrainingError(
            f"{place}: decision_seconds is {recipe.evaluation.decision_seconds}; it must be 0 to clip_seconds",
            78,
        )
    if recipe.training.mixup < 0 or (recipe.training.mixup and recipe.training.teacher_weight):
        raise TrainingError(
            f"{place}: mixup is {recipe.training.mixup}; it must not be negative, and 0 with a teacher", 78
        )
    return recipe


def read_recipe(path: Path) -> Recipe:
    """A recipe file over the defaults."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TrainingError(f"cannot read the recipe {path}: {error.strerror}", 66) from error
    except ValueError as error:
        raise TrainingError(f"{path}: not JSON: {error}", 78) from error
    return with_values(Recipe(), values, str(path))


def _checked(value: Any, kind: Any, place: str) -> Any:
    if typing.get_origin(kind) is tuple and isinstance(value, (list, tuple)):
        item, rest = typing.get_args(kind)
        if rest is not Ellipsis and len(value) != 2:
            raise TrainingError(f"{place} has {len(value)} values; it must have 2", 78)
        return tuple(_checked(each, item, place) for each in value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    plain = typing.get_origin(kind) or kind
    if not isinstance(value, plain) or isinstance(value, bool):
        raise TrainingError(f"{place} is {value!r}; it must be of type {plain.__name__}", 78)
    return value


def _check_model(model: ModelOptions, place: str) -> None:
    lengths = {len(model.stem_channels), len(model.time_strides), len(model.band_strides)}
    if model.stem == "yamnet":
        _check_yamnet(model, place)
    if model.stem == "convolution" and (len(lengths) != 1 or lengths == {0}):
        raise TrainingError(f"{place}: stem_channels, time_strides and band_strides must be equally long", 78)
    if not set(model.time_strides + model.band_strides) <= {1, 2}:
        raise TrainingError(f"{place}: time_strides and band_strides must be 1 or 2", 78)
    if model.width % model.heads:
        raise TrainingError(f"{place}: width {model.width} is no multiple of heads {model.heads}", 78)
    if not 1 <= model.head_average <= 1024:
        raise TrainingError(f"{place}: head_average is {model.head_average}; it must be 1 to 1024", 78)
    if model.window < 2:
        raise TrainingError(f"{place}: window is {model.window}; it must be at least 2", 78)


def _check_yamnet(model: ModelOptions, place: str) -> None:
    if model.frontend != {"recipe": "yamnet"}:
        raise TrainingError(f"{place}: the stem `yamnet` knows the front-end `yamnet` only", 78)
    if not 0 <= model.yamnet_blocks <= yamnet.BLOCKS:
        raise TrainingError(f"{place}: yamnet_blocks is {model.yamnet_blocks}; it must be 0 to {yamnet.BLOCKS}", 78)
    frames = model.yamnet_token_frames
    if frames not in (0, 1, 2, 4, 8, 16, 32):
        raise TrainingError(f"{place}: yamnet_token_frames is {frames}; it must be 0, 1, 2, 4, 8, 16 or 32", 78)
