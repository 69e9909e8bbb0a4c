"""The options of a recipe.

A field's name is its key in a recipe file (inside the section's object) and, with dashes, its option.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


def option(default: Any, help: str, choices: tuple[str, ...] | None = None, flag: str | None = None) -> Any:
    """A field with its help text, for some its permitted values, and its option if that is not the field's name."""
    metadata = {"help": help, "choices": choices, "flag": flag}
    if isinstance(default, dict):
        return field(default_factory=lambda: dict(default), metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class DataOptions:
    """How clips are found, labelled and split."""

    filename_column: str = option("filename", "CSV column with the file")
    audio_folder: str = option("", "folder of the CSV's files, relative to the CSV's own")
    label_column: str = option("label", "CSV column with the label")
    separator: str = option(
        "",
        "text between several labels in the label column, as ';': a clip then has any number of labels, and each label "
        "a probability of its own (sigmoid); a row with `_silence_` or `_unknown_` has none of them",
    )
    where: str = option("", "use only the CSV rows with this value, as COLUMN=VALUE")
    split: str = option(
        "speaker",
        "how the held-out clips are chosen: by speaker, at random, or by the CSV column `split` or `fold`; "
        "`none`: no clip is held out, and nothing is measured",
        ("speaker", "random", "column", "fold", "none"),
    )
    split_seed: int = option(0, "seed of the splits by speaker and at random")
    held_out_fraction: float = option(0.2, "share of the speakers, or clips, that are held out")
    held_out_folds: tuple[str, ...] = option((), "folds that are held out (split `fold`)")
    held_out_files: str = option(
        "", "regular expression of the files that are held out, of sounds without labels", flag="held-out"
    )
    speaker_pattern: str = option(
        r"(?:^|[/_])([^/_]+)_nohash_",
        "regular expression whose first group is the speaker, searched in LABEL/FILE; each clip without a match is "
        "a group of its own",
    )

    added_background: str = option(
        "all",
        "background labels that are added if the data have none and the recipe names no sources: `silence` is "
        "`_silence_`; `speech` and `all` add `_unknown_`, of recordings of speech, or of speech, music and other "
        "sounds, from Debian's packages",
        ("all", "speech", "silence", "none"),
        flag="background",
    )
    unknown: bool = option(False, "add the label `_unknown_`, which the recordings without labels have")


@dataclass(frozen=True)
class ModelOptions:
    """Front-end, stem and encoder, as in docs/model-format.md."""

    frontend: dict[str, Any] = option({"recipe": "yamnet"}, "recipe name, or a JSON file with the front-end")
    stem: str = option(
        "convolution",
        "how frames become tokens; `linear` is for streams of features",
        ("convolution", "yamnet", "linear"),
    )
    stem_frames: int = option(1, "frames of a token (stem `linear`)")
    stem_channels: tuple[int, ...] = option((16, 32, 48, 64), "channels of each convolution")
    time_strides: tuple[int, ...] = option((1, 2, 2, 1), "time stride of each convolution")
    band_strides: tuple[int, ...] = option((2, 2, 2, 2), "band stride of each convolution")
    yamnet_blocks: int = option(5, "separable blocks of YAMNet (stem `yamnet`)")
    yamnet_token_frames: int = option(
        0, "largest number of frames of a token (stem `yamnet`); 0: as many as YAMNet's strides make"
    )
    width: int = option(128, "length of a token")
    layers: int = option(2, "encoder layers")
    heads: int = option(4, "attention heads")
    feed_forward: int = option(256, "hidden units of the feed-forward part")
    window: int = option(25, "tokens in the attention window of each layer")
    attention: str = option(
        "continual-nystrom",
        "attention system (full, nystromformer: train-features)",
        ("full", "nystromformer", "continual", "continual-nystrom"),
    )
    landmarks: int = option(8, "landmarks of each head (continual-nystrom, nystromformer)")
    landmark_update: str = option(
        "fixed",
        "whether landmarks are k-means centres, or the means of a window's segments, which move (continual-nystrom)",
        ("fixed", "continual"),
    )
    depth: str = option(
        "stream",
        "whether a layer looks back on its own past inputs, or all layers see one window (train-features)",
        ("stream", "window"),
    )
    inverse: str = option("ridge", "approximate inverse of low-rank attention", ("ridge", "newton-schulz"))
    ridge_lambda: float = option(1e-2, "regularisation of the ridge inverse")
    head_average: int = option(
        1, "newest tokens over which the head's logits are averaged: steadier, and later by half as many"
    )


@dataclass(frozen=True)
class TrainingOptions:
    """The augmentation of the training data, and the fit."""

    initial: str = option(
        "",
        "model directory to start from, with the same front-end, and with the same stem or a longer one that begins "
        "with the same layers",
    )
    epochs: int = option(60, "epochs with softmax attention")
    landmark_epochs: int = option(15, "further epochs with fixed landmarks (continual-nystrom)")
    landmark_schedule: str = option(
        "joint",
        "whether all layers get their landmarks at once, or one layer after the other, in equal parts of these epochs, "
        "with the layers before it frozen (as the paper's code does)",
        ("joint", "layerwise"),
    )
    batch: int = option(64, "sequences in a step")
    learning_rate: float = option(2e-3, "peak learning rate")
    stem_rate: float = option(
        1.0, "learning rate of the stem's convolutions, as a share of the others'; 0: the stem is frozen"
    )
    frozen_layers: int = option(0, "first layers of the stem that are frozen, whatever stem_rate is")
    frozen_copies: int = option(
        8, "differently augmented copies of the clips that the epochs use in turn if stem layers are frozen"
    )
    landmark_learning_rate: float = option(5e-4, "peak learning rate with landmarks")
    weight_decay: float = option(0.02, "weight decay of AdamW")
    warm_up: float = option(0.1, "share of the steps in which the learning rate rises; then it falls as a cosine")
    mixup: float = option(
        0.0, "parameter of the Beta distribution of the share with which sequences are mixed; 0: none are"
    )
    overlay: float = option(
        0.5, "share of the sequences over which another one is laid, with the labels of both (--separator)"
    )
    dropout: float = option(0.1, "dropout in the encoder")
    token_dropout: float = option(
        0.0, "share of the tokens that are hidden from the encoder, for long sounds that no single token identifies"
    )
    average: float = option(0.998, "decay per step of the averaged weights, which are exported; 0 for none")
    precision: str = option("float32", "arithmetic of the matrix products in training", ("float32", "bfloat16"))
    keep_epoch: str = option(
        "best",
        "which epoch of a phase is kept: the one with the best held-out accuracy (of equal ones the last), or the last "
        "one",
        ("best", "last"),
    )
    patience: int = option(
        0, "stop a phase after this many epochs without a better one, and keep the best one; 0: never"
    )
    seed: int = option(0, "seed of everything but the split")
    mixture_dbfs: tuple[float, float] = option((-45.0, -12.0), "level (RMS) of a layer of sounds that a teacher hears")
    teacher_dbfs: float = option(-100.0, "level (RMS) to which quieter mixtures are raised before a teacher hears them")
    hours: float = option(6.0, "sound of an epoch (distil, pretrain)")
    clip_seconds: float = option(1.0, "longer clips are cut to this length at a random position where they are loud")
    context_seconds: float = option(1.0, "longest other sound before a clip")
    cold_fraction: float = option(0.2, "share of the sequences that start with the clip")
    gain_db: tuple[float, float] = option((-12.0, 6.0), "range of the random gain")
    speed: tuple[float, float] = option((0.88, 1.14), "range of the random speed (and pitch)")
    colour_db: float = option(6.0, "largest gain or loss of the random tone colour (equaliser)")
    echo_probability: float = option(0.2, "share of the clips with added reverberation")
    noise_probability: float = option(0.4, "share of the sequences with noise added")
    noise_snr_db: tuple[float, float] = option((5.0, 25.0), "range of the signal-to-noise ratio")
    recording_share: float = option(0.25, "share of the sounds around the clips that are recordings without labels")
    recording_sequences: float = option(
        0.0, "share of the sequences with a recording, or a part of one as long as a word, in the place of a clip"
    )
    recording_weight: float = option(
        0.0, "weight of the tokens of running recordings; 0: as for clips, only where the label's weight has risen"
    )
    backward_share: float = option(
        0.0, "share of the clips that are played backwards, with the label `_unknown_`: the same voices without a word"
    )
    recording_noise: float = option(0.0, "share of the noise that is a recording, or several at once")
    steady_noise: float = option(
        0.0, "share of the noise that is steady: its level falls with the frequency by 0 to 6 dB an octave"
    )
    room_probability: float = option(0.0, "share of the sequences with the echo of a room")
    telephone_probability: float = option(0.0, "share of the sequences with the band of a telephone")
    level_probability: float = option(0.0, "share of the sequences with a random level")
    level_db: tuple[float, float] = option((-36.0, 0.0), "range of this level, in relation to the sequence as it is")
    balance: float = option(
        0.0, "exponent by which labels with fewer clips are drawn more often: 0 draws each clip once, 1 labels equally"
    )
    target_ramp: tuple[float, float] = option(
        (0.5, 1.0), "shares of a sound after which the weight of its label begins to rise, and is full"
    )
    last_weight: float = option(2.0, "weight of a clip's last token")
    memory_seconds: float = option(0.6, "time after a sound in which its label may still be reported")
    memory_weight: float = option(0.0, "weight of the tokens right after a sound, which hold its label")
    unknown_offset: float = option(
        0.0, "added to the logit of `_unknown_` after training, in which it comes up more often than in use"
    )
    frequent_offset: float = option(
        0.0,
        "share of the logarithm of a label's excess frequency in AudioSet that its logit loses after training (distil)",
    )
    time_mask_frames: int = option(15, "most frames of a time mask, of which each sequence has two")
    band_mask_bands: int = option(10, "most bands of a frequency mask, of which each sequence has two")


@dataclass(frozen=True)
class EvaluationOptions:
    """How accuracy is measured."""

    mid_stream_seconds: float = option(1.0, "other sound before each clip, mid-stream")
    decision_seconds: float = option(
        0.0, "time after a clip's start at which it is decided, mid-stream; 0: at its last token"
    )
    spoken: str = option(
        "",
        "language of the labels' words; an event is right where its word is known to be in a recording without labels",
    )


@dataclass(frozen=True)
class CardOptions:
    """The model card, and when the model reports events."""

    description: str = option("", "one sentence")
    licence: str = option("LicenseRef-unknown", "SPDX expression of the weights")
    data_set: str = option("", "the data set, with its authors")
    data_licence: str = option("", "licence of the data")
    intended_use: str = option("", "purpose of the model")
    limits: str = option("", "purposes that it does not serve")
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
    min_rise_db: float = option(0.0, "rise of the level below which an event needs steady_threshold; 0: none is needed")
    steady_threshold: float = option(1.0, "probability that an event reaches where the level has not risen")
