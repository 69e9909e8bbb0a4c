"""The commands that make models."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from . import yamnet
from .agreement import measure_agreement
from .calibrate import best_thresholds
from .clip_table import CLIPS, Predicted, predicted, write_clips
from .configuration import architecture, card_values, complete_config
from .dataset import UNKNOWN
from .decide import label_thresholds
from .device import training_device
from .distillation import Mixtures, read_recordings
from .efficientat import EfficientAT
from .errors import TrainingError
from .evaluate import Report, cold_probabilities, evaluate, peaks_in
from .event_times import clip_sounds, event_delays
from .events import measure_events
from .export import export_model, write_config
from .feature_sequences import label_loss
from .files import atomic_directory
from .held_out import ACCURACY, MEAN_PRECISION
from .initial import adopt_initial
from .inputs import Clips
from .interchange import check_epsilon, import_encoder, read_state
from .label_sets import check_separator
from .loss import embedding_loss, logit_loss
from .measurement import over_folds
from .model import Classifier, Network
from .output import output_name
from .plots import write_plots
from .program import Program, find_program
from .progress import say
from .recipe import Recipe, with_values
from .setup import Setup, esc50_classes, set_up, use_threads
from .speech_embedding import WIDTH, SpeechEmbedding
from .split import FOLDS_RULE
from .store import Store
from .stream_report import measure_streams
from .tag_labels import tag_labels
from .tag_report import TagReport
from .tag_teacher import TagTeacher, frequency_offsets
from .teacher import Teacher
from .trainer import Trainer

_STREAM_CLIPS = 300  # most clips of the streams of a model's card
_TRAINED_CLIPS = 3000  # most clips trained on that are classified, for their labels' errors


def train_command(options: argparse.Namespace, recipe: Recipe) -> int:
    """Trains, exports and measures a model."""
    report = _train(options, recipe, options.out, keeps_best=recipe.training.keep_epoch == "best")
    if report:
        print(report.text())
    return 0


def cross_validate_command(options: argparse.Namespace, recipe: Recipe) -> int:
    """Trains a model for each fold, on the other folds, and then the final model on all folds.

    The accuracy in its card is that of the folds' models together, each measured on its own fold.
    """
    total = over_folds(options, recipe, lambda recipe, folder: _train(options, recipe, folder))
    report = _train(options, with_values(recipe, {"data": {"split": "none"}}, "options"), options.out, total)
    print((report or total).text())
    return 0


def _train(
    options: argparse.Namespace,
    recipe: Recipe,
    out: Path,
    accuracy: Report | TagReport | None = None,
    keeps_best: bool = False,
) -> Report | TagReport | None:
    """Writes the model directory `out`; returns the report on the held-out clips, if there are any.

    `accuracy` goes into the card of a model without held-out clips. With `keeps_best` the held-out clips choose the
    epoch.
    """
    name = output_name(out)
    threads, device = use_threads(options), training_device(options.device)
    recipe = adopt_initial(recipe, options.given)
    check_separator(recipe, options.given, options.data)
    setup = set_up(options, recipe)
    dataset, composer, program = setup.dataset, setup.composer, setup.program
    checkpoint = options.work / f"{name}.checkpoint"
    if options.restart:
        checkpoint.unlink(missing_ok=True)
    trained, held_out = len(dataset.of(held_out=False)), len(dataset.of(held_out=True))
    say(
        f"{out}: {len(dataset.labels)} labels, {trained} clips to train on, {held_out} held out, "
        f"{len(dataset.noise)} of noise"
    )
    source = Clips(dataset, composer, program, recipe.training)
    data = [[clip.file, clip.label, clip.held_out] for clip in dataset.clips]
    moving = recipe.model.attention == "continual-nystrom" and recipe.model.landmark_update == "continual"
    build = Network if moving else Classifier
    trainer = Trainer(
        recipe,
        setup.network,
        source,
        data,
        checkpoint,
        options.yamnet,
        build=build,
        keeps_best=keeps_best,
        device=device,
        teacher_loss=label_loss if dataset.separator else logit_loss,
        criterion=MEAN_PRECISION if dataset.separator else ACCURACY,
    )
    model = trainer.fit()
    if recipe.training.unknown_offset:
        offset_unknown(model, dataset.labels, recipe.training.unknown_offset)
    config = complete_config(name, recipe, setup.network, "sigmoid" if dataset.separator else "softmax")
    config["card"] = card_values(recipe, dataset, model, program)
    with atomic_directory(out) as folder:
        export_model(model, config, program, folder, half=True)
        report = evaluate(folder, dataset, composer, program, threads) if held_out else accuracy
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        if report:
            if recipe.card.thresholds == "calibrated":
                config["decision"]["class_thresholds"] = best_thresholds(
                    config["labels"],
                    config["background"],
                    report.has,
                    report.peaks,
                    _other_peaks(folder, setup, report),
                    recipe.card.threshold_off,
                )
            report = report.at(config["decision"])
            config["card"][report.key] = report.json()
            if not held_out:
                config["card"]["split"] = FOLDS_RULE
        write_config(folder, config)
        if report and held_out:
            sounds = clip_sounds(dataset.of(held_out=True), config["background"], setup.store)
            config["decision"] |= event_delays([(folder, sounds)], program)
            write_config(folder, config)
            config["card"]["kept_epoch"] = "best" if keeps_best or recipe.training.patience else "last"
            thresholds = config["decision"]["class_thresholds"]
            config["card"]["plots"] = write_plots(folder, report, config["background"], thresholds)
            _measure_more(folder, config, setup)
            write_config(folder, config)
        _write_clips(folder, setup, report, threads, label_thresholds(config["decision"], config["labels"]))
    say(f"wrote {out}")
    return report


@torch.no_grad()
def offset_unknown(model: Classifier, labels: Sequence[str], offset: float) -> None:
    """Adds `offset` to the logit of `_unknown_`, which training hears more often than users do."""
    if UNKNOWN not in labels:
        raise TrainingError(f"--unknown-offset needs the label {UNKNOWN}, which the data do not have", 64)
    model.head.bias[labels.index(UNKNOWN)] += offset


def _measure_more(model: Path, config: dict[str, Any], setup: Setup) -> None:
    """Adds figures of running audio to the card: of events and, if the background was added, in streams."""
    background = tuple(config["background"])
    if background or setup.dataset.separator:
        events = measure_events(model, setup.dataset, setup.store, setup.program, background, None)
        config["card"]["events"] = events.json()
    if setup.other:
        clips = setup.dataset.of(held_out=True)
        chosen = np.random.default_rng(0).permutation(len(clips))[:_STREAM_CLIPS]
        heard = [clips[index] for index in sorted(chosen)]
        streams = measure_streams(model, [(model, heard)], background, setup.store, setup.other, setup.program)
        config["card"]["in_streams"] = {**streams.json(), "sounds": "added background"}


def _write_clips(
    model: Path, setup: Setup, report: Report | TagReport | None, threads: int, thresholds: Sequence[float]
) -> None:
    """Writes the clips with their predictions; without those of the clips trained on, if these are very many."""
    trained, held_out = (setup.dataset.of(held_out=side) for side in (False, True))
    rows = [Predicted(clip) for clip in trained]
    if len(trained) <= _TRAINED_CLIPS:
        rows = predicted(trained, cold_probabilities(model, trained, setup.composer, setup.program, threads))
    if report and held_out:
        rows += predicted(held_out, report.decided)
    write_clips(model / CLIPS, setup.dataset, rows, thresholds)


def _other_peaks(model: Path, setup: Setup, report: Report | TagReport) -> np.ndarray:
    """The highest probabilities (pieces, labels) in the recordings that training left out, if there are any."""
    if not setup.recordings:
        return np.zeros((0, report.peaks.shape[1]))
    return peaks_in(model, setup.recordings.kept(), setup.program, setup.composer.has_one_label)


def distil_command(options: argparse.Namespace, recipe: Recipe) -> int:
    """Trains a student of YAMNet, or of YAMNet and EfficientAT, on sounds without labels."""
    name = output_name(options.out)
    check_separator(recipe, options.given, None)
    threads, device = use_threads(options), training_device(options.device)
    yamnet_teacher = Teacher.read(options.yamnet)
    other = EfficientAT.read(options.efficientat) if options.efficientat else None
    held_out = recipe.data.held_out_files
    dataset = read_recordings(options.data, held_out)
    program = Program(find_program(options.classifier), recipe.model.frontend, options.work)
    network = architecture(recipe.model, yamnet_teacher.labels, program.frontend.bands)
    store = Store(dataset, program, options.work, 0)
    per_token = Classifier(network).frames_per_token
    teacher = TagTeacher(yamnet_teacher, program.frontend, per_token, other)
    source = Mixtures(dataset, store, teacher.token_logits, program, per_token, recipe)
    say(f"{len(dataset.of(held_out=False))} recordings to train on, {len(dataset.of(held_out=True))} held out")
    checkpoint = options.work / f"{name}.checkpoint"
    if options.restart:
        checkpoint.unlink(missing_ok=True)
    data = [teacher.name, *([clip.file, clip.held_out] for clip in dataset.clips)]
    whole = recipe.model.yamnet_blocks == yamnet.BLOCKS
    project = yamnet_teacher.project if whole else None
    model = Trainer(recipe, network, source, data, checkpoint, options.yamnet, project, device=device).fit()
    with torch.no_grad():
        offsets = frequency_offsets(yamnet_teacher.labels, recipe.training.frequent_offset)
        model.head.bias -= torch.from_numpy(offsets)
    config = complete_config(name, recipe, network, "sigmoid", tag_labels(yamnet_teacher.labels))
    card = {
        **card_values(recipe, dataset, model, program),
        "split": f"Held out: the files that match `{held_out}`.",
    }
    config["card"] = {**card, "held_out": held_out, "label_ids": list(yamnet_teacher.ontology)}
    with atomic_directory(options.out) as folder:
        export_model(model, config, program, folder, half=True)
        agreement = measure_agreement(folder, dataset, store, teacher, program, threads, esc50_classes(options))
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        config["card"]["agreement"] = agreement
        write_config(folder, config)
    print(json.dumps(agreement, indent=2))
    say(f"wrote {options.out}")
    return 0


def pretrain_command(options: argparse.Namespace, recipe: Recipe) -> int:
    """Trains a model to start others from, on sounds without labels: its tokens predict Google's speech embedding."""
    name = output_name(options.out)
    check_separator(recipe, options.given, None)
    use_threads(options)
    device = training_device(options.device)
    teacher = SpeechEmbedding(options.embedding)
    dataset = read_recordings(options.data, "")
    program = Program(find_program(options.classifier), recipe.model.frontend, options.work)
    labels = [f"embedding {index}" for index in range(WIDTH)]
    network = architecture(recipe.model, labels, program.frontend.bands)
    per_token = Classifier(network).frames_per_token

    def targets(samples: np.ndarray, _: Tensor) -> tuple[np.ndarray, np.ndarray]:
        parts = [teacher.token_embeddings(part, per_token) for part in torch.from_numpy(samples).split(16)]
        return np.concatenate([part[0] for part in parts]), parts[0][1]

    source = Mixtures(dataset, Store(dataset, program, options.work, 0), targets, program, per_token, recipe)
    teacher.standardise(torch.from_numpy(source.samples(64, np.random.default_rng(recipe.training.seed))))
    say(f"{len(dataset.clips)} recordings to train on")
    checkpoint = options.work / f"{name}.checkpoint"
    if options.restart:
        checkpoint.unlink(missing_ok=True)
    data = [clip.file for clip in dataset.clips]
    model = Trainer(recipe, network, source, data, checkpoint, teacher_loss=embedding_loss, device=device).fit()
    config = complete_config(name, recipe, network, "sigmoid")
    config["card"] = card_values(recipe, dataset, model, program)
    with atomic_directory(options.out) as folder:
        export_model(model, config, program, folder, half=False)
    say(f"wrote {options.out}")
    return 0


def import_command(options: argparse.Namespace, recipe: Recipe) -> int:
    """Makes a model directory of a PyTorch encoder's weights."""
    output_name(options.out)
    check_epsilon(options.layer_norm_eps)
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
