"""`few`: a detector of one's own sounds from a few recordings, on a trained model. It needs no PyTorch."""

from __future__ import annotations

import argparse
import datetime
import json
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .background import noise_sounds, recordings_of_packages, silent_sounds
from .choose import token_seconds
from .contexts import Contexts, context_parts, write_with_head
from .dataset import AUDIO_SUFFIXES, Clip, Dataset
from .errors import TrainingError
from .event_times import LabelledSound, event_delays
from .few_background import SHIPPED, FewBackground, make_background, weights_hash
from .few_fit import Detector, Measured, fit_detector
from .few_rows import few_rows
from .files import atomic_directory
from .model_files import model_folder, read_model, write_json
from .output import output_name
from .program import Program, find_program
from .progress import say
from .store import Store, active_region

_LEAST, _USUAL = 3, 5
_SILENT_DBFS = -70.0
_SAME = 0.999  # correlation of two recordings that are the same
_GROUP = 20  # recordings of a package, as one speaker or album
_KIND_SECONDS, _LONGEST_SECONDS = 1800, 60  # of a kind of background, and of one of its recordings
_PIECES, _SILENT_SECONDS = 6, 15.0  # of noise and of silence
_AVERAGE = 3  # tokens over which the detector averages

EXAMPLES = """examples:
  classifier-training few --data doorbell/ --out models/doorbell
  classifier-training few --data sounds/ --out models/my-sounds       # a folder in it for each sound
  audio-classifierd run recording.wav --model models/doorbell --emit events
"""


def add_few_options(parser: argparse.ArgumentParser) -> None:
    """The options of the command."""
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        metavar="DIR",
        help="5 to 20 recordings of a sound, or a folder of them for each of several sounds",
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="the model directory; its name is the model's"
    )
    parser.add_argument("--label", help="the sound's name (default: that of the folder)")
    parser.add_argument(
        "--model", default="general", metavar="MODEL", help="the trained model to build on (default: %(default)s)"
    )
    parser.add_argument(
        "--false-events",
        type=float,
        default=1.0,
        metavar="N",
        help="false events an hour that the threshold allows in background (default: %(default)s)",
    )
    parser.add_argument(
        "--background",
        type=Path,
        metavar="FILE",
        help="background to learn from and to be measured by (default: that of this package; of other models than "
        "`general`, recordings of Debian's packages)",
    )
    parser.add_argument(
        "--licence", default="LicenseRef-unknown", metavar="SPDX", help="SPDX expression of the weights"
    )
    parser.add_argument("--packages", type=Path, default=Path("build/packages"), metavar="DIR", help="see `train`")
    parser.add_argument(
        "--work", type=Path, default=Path("build/training"), metavar="DIR", help="decoded sounds (default: %(default)s)"
    )
    parser.add_argument(
        "--classifier",
        metavar="PATH",
        help="the program audio-classifierd (default: $AUDIO_CLASSIFIERD, .build/release, $PATH)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")


def few_command(options: argparse.Namespace) -> int:
    """Fits the detectors, writes the model directory, and prints what to expect of it."""
    begin = time.monotonic()
    name = output_name(options.out)
    if options.false_events < 0:
        raise TrainingError(f"--false-events is {options.false_events:g}; it must not be negative", 64)
    folder = model_folder(options.model)
    config, _ = read_model(folder)
    program = Program(find_program(options.classifier), config["frontend"], options.work)
    sounds = {label: _examples(label, files, options, program) for label, files in _sounds(options).items()}
    seconds = token_seconds(config, program)
    with Contexts.of(folder, program, options.work) as contexts:
        background = _background(options, config, contexts, program, seconds)
        rate = program.frontend.sample_rate
        rows = {label: few_rows(examples, background, contexts, rate, seconds) for label, examples in sounds.items()}
    detectors: dict[str, Detector] = {}
    measured: dict[str, Measured] = {}
    for label, examples in rows.items():
        others = [row for other, each in rows.items() if other != label for row in each]
        detectors[label], measured[label] = fit_detector(examples, background, options.false_events, others)
    with atomic_directory(options.out) as fresh:
        card = _card(options, background, measured, seconds)
        whole = _write(fresh, name, folder, detectors, background, card, options.licence)
        heard = [LabelledSound(sound.copy, (label,)) for label, own in sounds.items() for sound in own]
        whole["decision"] |= event_delays([(fresh, heard)], program)
        write_json(fresh / "config.json", whole)
        (fresh / "README.md").write_text(few_card(whole), encoding="utf-8")
    print(json.dumps(card["few"], indent=2) if options.json else _text(card["few"]))
    say(f"wrote {options.out} in {time.monotonic() - begin:.0f} s")
    return 0


def _sounds(options: argparse.Namespace) -> dict[str, list[Path]]:
    """The files of each sound."""
    data: Path = options.data
    if not data.is_dir():
        raise TrainingError(f"{data} is no folder; --data must be a folder of recordings of the sound", 66)

    def audio(folder: Path) -> list[Path]:
        files = (file for file in folder.rglob("*") if file.suffix.lower() in AUDIO_SUFFIXES and file.is_file())
        return sorted(files)

    folders = [folder for folder in sorted(data.iterdir()) if folder.is_dir() and audio(folder)]
    here = [file for file in audio(data) if file.parent == data]
    if here and folders:
        raise TrainingError(
            f"{data} has recordings, and folders of recordings ({', '.join(f.name for f in folders[:3])}); it must "
            "have the recordings of one sound, or a folder for each sound"
        )
    if not here and not folders:
        raise TrainingError(f"no audio files in {data}; it must have 5 to 20 recordings of the sound", 66)
    if here:
        return {options.label or data.resolve().name: here}
    if options.label and len(folders) > 1:
        raise TrainingError(f"--label names one sound, and {data} has a folder for each of {len(folders)}", 64)
    return {options.label or folder.name: audio(folder) for folder in folders}


def _examples(label: str, files: Sequence[Path], options: argparse.Namespace, program: Program) -> list[np.ndarray]:
    """The sound in each recording; recordings without one, and copies of others, are refused by name."""
    if len(files) < _LEAST:
        raise TrainingError(
            f"`{label}` has {len(files)} recording{'s'[: len(files) != 1]}; a detector needs at least {_LEAST}, better "
            f"{_USUAL} to 20, of different occasions"
        )
    clips = tuple(Clip(file.relative_to(options.data).as_posix(), label, file.name, False) for file in files)
    store = Store(Dataset(options.data, (label,), clips, ()), program, options.work, 1)
    rate = program.frontend.sample_rate
    examples: list[np.ndarray] = []
    for clip in clips:
        samples = store.samples(clip)
        region = active_region(samples, rate)
        sound = samples[region.start : region.end]
        if len(sound) == 0 or 20 * np.log10(np.sqrt(np.mean(np.square(sound))) + 1e-9) < _SILENT_DBFS:
            raise TrainingError(f"{clip.file}: nothing is heard in it; remove it, or record it anew")
        for other, earlier in zip(clips, examples):
            if _is_same(sound, earlier):
                raise TrainingError(
                    f"{clip.file} and {other.file} are the same recording; a detector learns from differences"
                )
        examples.append(np.array(sound))
    if len(files) < _USUAL:
        say(f"warning: `{label}` has {len(files)} recordings; {_USUAL} to 20 make a better detector")
    return examples


def _is_same(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two sounds of the same length are the same, at any level."""
    if len(a) != len(b):
        return False
    product = float(np.dot(a, b)) / max(1e-12, float(np.linalg.norm(a)) * float(np.linalg.norm(b)))
    return product > _SAME


def _background(
    options: argparse.Namespace, config: dict[str, Any], contexts: Contexts, program: Program, seconds: float
) -> FewBackground:
    """The background for the model: that of the option, or of the package, or of Debian's packages."""
    wanted = weights_hash(config)
    for file in (options.background, SHIPPED, options.work / f"few-background-{wanted[:16]}.npz"):
        if file and file.exists():
            background = FewBackground.read(file)
            if background.model == wanted:
                return background
            if file == options.background:
                raise TrainingError(f"{file} was made for another model than {options.model}")
        elif file and file == options.background:
            raise TrainingError(f"{file}: no such file", 66)
    say(f"computing the background for {options.model}, once; this takes some minutes")
    sounds = list(_of_packages(options, program))
    background = make_background(config, contexts, sounds, seconds, "Debian's packages")
    background.write(options.work / f"few-background-{wanted[:16]}.npz")
    return background


def _of_packages(options: argparse.Namespace, program: Program) -> Iterator[tuple[str, str, list[np.ndarray]]]:
    """Each kind of background in groups of recordings, at most `_KIND_SECONDS` of each."""
    rate = program.frontend.sample_rate
    for kind, sounds in recordings_of_packages("all", program, options.work, options.packages).items():
        left, order = _KIND_SECONDS * rate, np.random.default_rng(0).permutation(len(sounds) // _GROUP + 1)
        for start in order * _GROUP:
            parts = [samples[: _LONGEST_SECONDS * rate] for _, samples, _ in sounds[start : start + _GROUP]]
            if parts and left > 0:
                left -= sum(map(len, parts))
                yield kind, f"{kind} {start}", parts
    for name, samples, _ in noise_sounds(rate):
        for number, piece in enumerate(np.array_split(samples, _PIECES)):
            yield "noise", f"{name} {number}", [piece]
    for number, samples in enumerate(silent_sounds(4 * _PIECES, _SILENT_SECONDS, rate)):
        yield "silence", f"silence {number}", [samples]


def _write(
    folder: Path,
    name: str,
    model: Path,
    detectors: dict[str, Detector],
    background: FewBackground,
    card: dict[str, Any],
    licence: str,
) -> dict[str, Any]:
    weight = np.stack([background.basis @ detector.weights for detector in detectors.values()])
    bias = np.array([detector.offset for detector in detectors.values()]) - weight @ background.mean
    labels = list(detectors)
    decision = {
        "threshold": 0.5,
        "threshold_off": 0.3,
        "min_duration_ms": 0,
        "max_gap_ms": 300,
        "refractory_ms": 1000,
        "class_thresholds": {},
    }
    values = {
        "name": name,
        "description": f"A detector of {', '.join(labels)}, made of few recordings.",
        "licence": licence,
        "labels": labels,
        "head": {"average": _AVERAGE},
        "activation": "sigmoid",
        "decision": decision,
        "card": card,
    }
    return write_with_head(folder, context_parts(model), weight, bias, values)


def _card(
    options: argparse.Namespace, background: FewBackground, measured: dict[str, Measured], seconds: float
) -> dict[str, Any]:
    few = {
        label: {
            "recordings": found.recordings,
            "found": found.found,
            "target": options.false_events,
            "false_events_an_hour": {
                kind: {"hours": round(hours, 3), **figure.json()} for kind, (hours, figure) in found.false.items()
            },
        }
        for label, found in measured.items()
    }
    return {
        "few": few,
        "model": Path(options.model).name,
        "model_sha256": background.model,
        "background": background.licence,
        "token_ms": 1000 * seconds,
        "date": datetime.date.today().isoformat(),
    }


def _text(few: dict[str, Any]) -> str:
    return "\n".join(
        f"{label}: {found['found']} of {found['recordings']} recordings are reported by detectors that were fitted to "
        "the others (sounds of another occasion may be found less often); "
        f"{_rate(found['false_events_an_hour']['all'])} false events an hour in "
        f"{found['false_events_an_hour']['all']['hours']:.2f} hours of background"
        for label, found in few.items()
    )


def _rate(figure: dict[str, Any]) -> str:
    return f"{figure['value']:.1f} ({figure['low']:.1f} to {figure['high']:.1f})"


def few_card(config: dict[str, Any]) -> str:
    """The README.md of the model directory, made of its config.json alone."""
    card = config["card"]
    parts = [
        f"# {config['name']}",
        config["description"],
        f"Labels: {', '.join(f'`{label}`' for label in config['labels'])}. Several may apply at once.",
        "## Data and licence",
        f"The head was fitted to {sum(found['recordings'] for found in card['few'].values())} recordings; everything "
        f"before it is the model `{card['model']}`, whose licence applies. Licence of the head: {config['licence']}. "
        f"Background: {card['background']}.",
        "## What to expect",
        "*Found* are the recordings that are reported by a detector that was fitted to the others. *False events an "
        "hour* are counted in background that neither the fit nor the threshold has seen; in brackets the interval in "
        "which the figure lies with a probability of 95 %, by the bootstrap over recordings, and by Poisson's "
        "distribution where there is no event. A sound that resembles yours and is not in this background may be "
        "reported; sounds of another occasion than your recordings' may be found less often.",
    ]
    for label, found in card["few"].items():
        rows = "\n".join(
            f"| {kind} | {figure['hours']:.2f} | {_rate(figure)} |"
            for kind, figure in found["false_events_an_hour"].items()
        )
        parts += [
            f"`{label}`: {found['found']} of {found['recordings']} found, at a threshold for "
            f"{found['target']:g} false events an hour.",
            f"| background | hours | false events an hour |\n|---|---|---|\n{rows}",
        ]
    parts += [
        "## Recipe",
        f"Made on {card['date']} with `classifier-training few`: logistic regression on the context vectors of "
        f"`{card['model']}`, tokens of {card['token_ms']:g} ms.",
    ]
    return "\n\n".join(parts) + "\n"
