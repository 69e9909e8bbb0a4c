"""`few` measured: its background, and its detectors of ESC-50's classes beside the nearest neighbour.

`python -m experiments.few background --data FOLDER` writes the background that the package ships, and
`python -m experiments.few measure --data FOLDER` prints the table of training/README.md.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from classifier_training.background import noise_sounds, recordings_of_packages, silent_sounds
from classifier_training.choose import token_seconds
from classifier_training.contexts import Contexts
from classifier_training.dataset import Clip, Dataset
from classifier_training.few_background import SHIPPED, FewBackground, make_background
from classifier_training.few_fit import Detector, NearestNeighbour, fit_detector, nearest_neighbour, threshold_for
from classifier_training.few_fit import false_events as count_false
from classifier_training.few_rows import few_rows
from classifier_training.model_files import model_folder, read_model
from classifier_training.program import Program, find_program
from classifier_training.store import Store, active_region

_LICENCE = (
    "LibriSpeech (Vassil Panayotov and others, 2015; CC BY 4.0), and recordings of Debian's packages "
    "asterisk-core-sounds-en-wav, asterisk-moh-opsound-wav (CC BY-SA 3.0), fillets-ng-data-nl, frozen-bubble-data, "
    "bucklespring-data, gnome-audio, sound-icons (GPL-2), oxygen-sounds and sound-theme-freedesktop (CC BY-SA 3.0)"
)
_SPEAKER_SECONDS, _RECORDING_SECONDS, _KIND_SECONDS = 20.0, 60.0, 900.0
_TEST_FOLD = "4"  # which `general` has not heard
_NUMBERS = (5, 10, 20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("task", choices=("background", "measure"))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path("build/few"))
    parser.add_argument("--packages", type=Path, default=Path("build/packages"))
    parser.add_argument("--classes", type=int, default=50)
    options = parser.parse_args()
    folder = model_folder("general")
    config, _ = read_model(folder)
    program = Program(find_program(None), config["frontend"], options.work)
    seconds = token_seconds(config, program)
    with Contexts.of(folder, program, options.work) as contexts:
        if options.task == "background":
            make_background(config, contexts, _sounds(options, program), seconds, _LICENCE).write(SHIPPED)
        else:
            _measure(options, contexts, program, FewBackground.read(SHIPPED), seconds)


def _sounds(options: argparse.Namespace, program: Program) -> Iterator[tuple[str, str, list[np.ndarray]]]:
    """Kinds of background, each with its speakers or albums, and their recordings."""
    rate = program.frontend.sample_rate
    with (options.data / "librispeech/clips.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    clips = tuple(Clip(row["filename"], row["speaker"], row["speaker"], False) for row in rows)
    store = Store(Dataset(options.data / "librispeech", (), clips, ()), program, options.work, 0)
    for speaker in sorted({clip.group for clip in clips}):
        sentences = [store.samples(clip) for clip in clips if clip.group == speaker]
        yield "speech", f"librispeech {speaker}", [np.concatenate(sentences)[: round(_SPEAKER_SECONDS * rate)]]
    for kind, found in recordings_of_packages("all", program, options.work, options.packages).items():
        left = _KIND_SECONDS
        for number, (package, samples, _) in enumerate(
            sorted(found, key=lambda each: each[0])[:: 3 if kind == "speech" else 1]
        ):
            part = samples[: round(_RECORDING_SECONDS * rate)]
            if left > 0 and len(part) > 0.3 * rate:
                left -= len(part) / rate
                yield kind, f"{package} {number // 10}", [part]
    for name, samples, _ in noise_sounds(rate):
        for number, piece in enumerate(np.array_split(samples, 6)):
            yield "noise", f"{name} {number}", [piece]
    for number, samples in enumerate(silent_sounds(16, 15.0, rate)):
        yield "silence", f"silence {number}", [samples]


def _measure(
    options: argparse.Namespace, contexts: Contexts, program: Program, background: FewBackground, seconds: float
) -> None:
    with (options.data / "esc50/esc50.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    clips = tuple(Clip(row["filename"], row["category"], row["fold"], False) for row in rows)
    store = Store(Dataset(options.data / "esc50/audio", (), clips, ()), program, options.work, 0)
    rate = program.frontend.sample_rate
    labels = sorted({clip.label for clip in clips})
    found: dict[tuple[str, int], list[tuple[float, float]]] = {}
    for label in labels[:: max(1, len(labels) // options.classes)][: options.classes]:
        mine = [clip for clip in clips if clip.label == label]
        examples = [_sound(store, clip, rate) for clip in mine if clip.group != _TEST_FOLD]
        tests = [store.samples(clip) for clip in mine if clip.group == _TEST_FOLD]
        fitted = few_rows(examples, background, contexts, rate, seconds)
        heard = [
            background.components(_pairs(contexts(np.concatenate([np.zeros(rate, np.float32), t])))) for t in tests
        ]
        for number in _NUMBERS:
            detector, _ = fit_detector(fitted[:number], background, 1.0)
            baseline = nearest_neighbour(fitted[:number])
            threshold = threshold_for(baseline, background.of("choose"), background.seconds, 1.0)
            pair: dict[str, Detector | NearestNeighbour] = {
                "logistic": detector,
                "neighbour": NearestNeighbour(baseline.rows, -threshold),
            }
            for name, each in pair.items():
                recall = float(np.mean([each(rows).max() >= 0 for rows in heard]))
                false = count_false(each, background)["all"][1].value
                found.setdefault((name, number), []).append((recall, false))
        print(label, {key: value[-1] for key, value in found.items()}, flush=True)
    print(
        "| recordings | recall, few | false events an hour, few | recall, neighbour | false events an hour, neighbour |"
    )
    for number in _NUMBERS:
        cells = [np.mean(found[name, number], 0) for name in ("logistic", "neighbour")]
        print(f"| {number} | " + " | ".join(f"{recall:.1%} | {false:.1f}" for recall, false in cells) + " |")


def _sound(store: Store, clip: Clip, rate: int) -> np.ndarray:
    samples = store.samples(clip)
    region = active_region(samples, rate)
    return np.array(samples[region.start : region.end])


def _pairs(vectors: np.ndarray) -> np.ndarray:
    return (vectors[1:] + vectors[:-1]) / 2


if __name__ == "__main__":
    main()
