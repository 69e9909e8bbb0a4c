"""`streams`: measures a model as a daemon runs it, and chooses its thresholds."""

from __future__ import annotations

import argparse
import json
import math
import tempfile
from pathlib import Path
from typing import Any

from .choose import choose_decision
from .conditions import conditions
from .dataset import Clip, Dataset, folds, read_dataset
from .distillation import read_recordings
from .errors import TrainingError
from .event_times import Heard, clip_sounds, event_delays, event_times
from .export import write_config
from .model_files import read_model, write_json
from .options import DataOptions
from .program import Program
from .progress import say
from .recipe import Recipe, stored_recipe, with_values
from .recordings import Recordings
from .setup import program_of, use_threads
from .split import is_held_out
from .store import Store
from .stream_report import SILENT, heard_in_conditions, measure_streams, other_streams, sounds_by_kind
from .stream_table import compare, compare_times, stream_table
from .streams import Sound, Stream

_CARD_KEY, _TIMES_KEY = "in_streams", "event_times"
_MEASURED = "held-out clips, the half that nothing was chosen by"
_TESTED = 0.5  # share of the held-out speakers or clips that nothing was chosen by
_CHOSEN_IN = ("quiet", "noise at 10 dB")


def add_stream_options(parser: argparse.ArgumentParser) -> None:
    """The options besides those that all commands have."""
    parser.add_argument("--model", type=Path, required=True, metavar="DIR", help="the model directory")
    parser.add_argument(
        "--sounds",
        type=Path,
        metavar="DIR",
        help="sounds without any of the labels, a folder for each kind (prepare --for streams)",
    )
    parser.add_argument("--validation", type=Path, metavar="DIR", help="such sounds to choose by, with --choose")
    parser.add_argument(
        "--folds",
        type=Path,
        metavar="DIR",
        help="hear the clips of each fold with its model of `cross-validate --folds DIR`, with the decision of --model",
    )
    parser.add_argument("--kinds", nargs="+", metavar="KIND", help="only these kinds of sounds (default: all)")
    parser.add_argument(
        "--choose", action="store_true", help="choose durations, thresholds and delays by --validation, and write them"
    )
    parser.add_argument(
        "--target", type=float, default=3.0, metavar="N", help="most false events an hour of the choice (default: 3)"
    )
    parser.add_argument(
        "--confused",
        type=float,
        default=math.inf,
        metavar="N",
        help="most events of the choice, an hour of clips, that are of another label than the clip's (default: any)",
    )
    parser.add_argument(
        "--weights",
        dest="keep_weights",
        choices=("f32", "f16", "int8"),
        default="f32",
        help="precision of the model's matrices in the program (default: %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--check", action="store_true", help="compare with the model's card, and fail if it differs")
    parser.add_argument("--update-card", action="store_true", help="write the figures into the model's card")


def streams_command(options: argparse.Namespace, recipe: Recipe) -> int:
    """Measures a model in streams or, with `--choose`, chooses its thresholds on those for it."""
    file = options.model / "config.json"
    try:
        config: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainingError(f"cannot read {file}: {error}", 66) from error
    if options.check and not options.kinds:
        options.kinds = list(config["card"].get(_CARD_KEY, {}).get("false_events_an_hour", {}))
    use_threads(options)
    recipe = with_values(stored_recipe(config["card"].get("recipe", {}), str(file)), options.given, "options")
    program = program_of(options, recipe)
    kinds = _kinds(options, recipe, program)
    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        clips, store = _clips(options, recipe, program, config, Path(folder))
        if options.choose:
            _choose(options, config, kinds, clips, store, program, Path(folder) / "chosen")
            return 0
        report = measure_streams(options.model, clips, config["background"], store, kinds, program).json()
        heard = _sounds(clips, config["background"], store)
        times = {"sets": [event_times(_MEASURED, heard, program)]} if heard else None
    if options.check:
        return compare(config["card"].get(_CARD_KEY), report) | compare_times(config["card"].get(_TIMES_KEY), times)
    print(json.dumps(report, indent=2) if options.json else stream_table(report))
    if options.update_card:
        config["card"][_CARD_KEY] = report
        if times:
            config["card"][_TIMES_KEY] = times
        write_config(options.model, config)
    return 0


def is_tested(clip: Clip, data: DataOptions) -> bool:
    """Whether a held-out clip is for measuring, not for choosing.

    A column `split` may have been filled by the rule of a split by speaker: its halves follow from another seed.
    """
    by_group = data.split in ("speaker", "random")
    seed = data.split_seed + (data.split == "column")
    return is_held_out(seed, clip.group, _TESTED * (data.held_out_fraction if by_group else 1))


def _kinds(options: argparse.Namespace, recipe: Recipe, program: Program) -> dict[str, list[Sound]]:
    """The sounds without any of the labels by their kind."""
    folder = options.validation if options.choose else options.sounds
    if folder is None:
        raise TrainingError(f"name the sounds with {'--validation' if options.choose else '--sounds'}", 64)
    dataset = read_recordings(folder, "")
    sounds = Recordings(dataset, Store(dataset, program, options.work, 0), program.frontend.sample_rate)
    kinds = sounds_by_kind(sounds, recipe.evaluation.spoken)
    for kind in options.kinds or ():
        if kind not in kinds and kind != SILENT:
            raise TrainingError(f"{folder} has no sounds of the kind {kind}; it has {', '.join(kinds)}", 64)
    return {kind: found for kind, found in kinds.items() if not options.kinds or kind in options.kinds}


def _clips(
    options: argparse.Namespace, recipe: Recipe, program: Program, config: dict[str, Any], folder: Path
) -> tuple[list[tuple[Path, list[Clip]]], Store | None]:
    """The held-out clips to measure by, or those to choose by, with the model that hears them; none without `--data`.

    With `--folds` these are the models of the folds, which get the decision of the model's `config`, in `folder`.
    """
    if not options.data:
        return [], None
    if not options.folds:
        dataset = read_dataset(options.data, recipe.data)
        return [(options.model, _half(options, dataset, recipe))], Store(dataset, program, options.work, 1)
    clips: list[tuple[Path, list[Clip]]] = []
    for fold in folds(options.data, recipe.data):
        held_out = with_values(recipe, {"data": {"split": "fold", "held_out_folds": [fold]}}, "options")
        dataset = read_dataset(options.data, held_out.data)
        model = _with_decision(options.folds / f"fold-{fold}", config, folder / f"fold-{fold}")
        clips.append((model, _half(options, dataset, held_out)))
    return clips, Store(dataset, program, options.work, 1)


def _sounds(clips: list[tuple[Path, list[Clip]]], background: list[str], store: Store | None) -> Heard:
    return [(model, clip_sounds(own, background, store)) for model, own in clips] if store else []


def _half(options: argparse.Namespace, dataset: Dataset, recipe: Recipe) -> list[Clip]:
    return [c for c in dataset.of(held_out=True) if is_tested(c, recipe.data) != bool(options.choose)]


def _with_decision(model: Path, config: dict[str, Any], folder: Path) -> Path:
    """The model in a folder of its own, with the decision of another `config`."""
    own, _ = read_model(model)
    if own["labels"] != config["labels"]:
        raise TrainingError(f"{model} has other labels than --model: it is no model of its folds", 78)
    folder.mkdir(parents=True)
    (folder / own["weights"]["file"]).symlink_to((model / own["weights"]["file"]).resolve())
    write_json(folder / "config.json", {**own, "decision": config["decision"]})
    return folder


def with_telephone(streams: dict[str, Stream]) -> dict[str, Stream]:
    """The streams, and each of them in the band of a telephone: to a model a voice is another sound there."""
    telephone = conditions(None)["telephone band"]
    return streams | {f"{kind}, telephone": each.with_samples(telephone(each)) for kind, each in streams.items()}


def _choose(
    options: argparse.Namespace,
    config: dict[str, Any],
    kinds: dict[str, list[Sound]],
    clips: list[tuple[Path, list[Clip]]],
    store: Store | None,
    program: Program,
    folder: Path,
) -> None:
    """Chooses thresholds and then, by the same clips, the times of events; `folder` takes the models of folds."""
    rate = program.frontend.sample_rate
    heard = heard_in_conditions(clips, config["background"], store, kinds, rate, _CHOSEN_IN) if store else {}
    streams = [list(each) for each in heard.values()]
    others = with_telephone(other_streams(kinds, rate))
    chosen = choose_decision(options.model, config, streams, others, program, options.target, options.confused)
    say(
        f"{chosen.decision}: {chosen.reported:.1%} reported, {chosen.false:.1f} false events an hour, "
        f"{chosen.confused:.1f} of another label than the clip's"
    )
    config["decision"] = chosen.decision
    write_config(options.model, config)
    if options.folds:
        clips = [(_with_decision(model, config, folder / model.name), own) for model, own in clips]
    if sounds := _sounds(clips, config["background"], store):
        config["decision"] |= event_delays(sounds, program)
        write_config(options.model, config)
