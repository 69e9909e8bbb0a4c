"""What a model that tags sounds says first: right labels, their probabilities, and how often they change."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from .conditions import GAINS_DB, with_gain
from .dataset import AUDIO_SUFFIXES, TABLE
from .effects import rms
from .errors import TrainingError
from .feature_sources import read_table
from .program import Event, Program, Summary
from .store import active_region

_DATA = Path(__file__).parent / "data"
_NAMES = ("esc50-audioset.json", "urbansound8k-audioset.json")  # AudioSet's labels for the classes of other data
_SOUNDS = 200  # of a set, in a stream
_PAUSE_SECONDS = (6.0, 9.0)  # after each of them
_RMS, _NOISE_DB = 0.05, -70.0  # of each sound, and of the noise in decibels of full scale
_EARLY_SECONDS, _LATE_SECONDS = 0.5, 1.0  # before a sound and after it, in which its event may start
_BINS = 10  # of probabilities, for the calibration error


@dataclass(frozen=True)
class Labelled:
    """Recordings with their classes."""

    name: str
    files: tuple[Path, ...]
    classes: tuple[str, ...]


def read_labelled(folder: Path) -> list[Labelled]:
    """Reads a folder with a table `clips.csv` of `filename` and `label`; its folders are sets of recordings."""
    rows: dict[str, list[tuple[Path, str]]] = defaultdict(list)
    for line, row in read_table(folder / TABLE, ("filename", "label")):
        at = f"{folder / TABLE}, line {line}"
        for column in ("filename", "label"):
            if not (row[column] or "").strip():
                raise TrainingError(f"{at}: no {column}; give every row one, or remove the row")
        if not (file := folder / row["filename"]).is_file():
            raise TrainingError(f"{at}: {file} does not exist", 66)
        rows[Path(row["filename"]).parts[0]].append((file, row["label"]))
    if not rows:
        raise TrainingError(f"{folder / TABLE} has no rows", 66)
    return [Labelled(name, *map(tuple, zip(*found))) for name, found in rows.items()]


def calibration_error(probabilities: np.ndarray, right: np.ndarray) -> float:
    """The mean difference between probability and share of right ones, over bins of equal width.

    Guo et al., "On Calibration of Modern Neural Networks" (arXiv 1706.04599), equation 3.
    """
    bins = np.minimum((probabilities * _BINS).astype(int), _BINS - 1)
    parts = [(bins == number) for number in range(_BINS)]
    gaps = [abs(probabilities[part].sum() - right[part].sum()) for part in parts if part.any()]
    return float(sum(gaps) / len(probabilities))


def first_labels(model: Path, sets: Sequence[Labelled], speech: Path, program: Program) -> dict[str, Any]:
    """The figures of the card's `first_label`; `speech` is a folder of recordings in which little changes."""
    names = class_names()
    return {"sets": [_of(model, each, names, program) for each in sets], "changes": _changes(model, speech, program)}


def class_names() -> dict[str, list[str]]:
    """AudioSet's labels for each class."""
    names: dict[str, list[str]] = {}
    for file in _NAMES:
        names |= json.loads((_DATA / file).read_text(encoding="utf-8"))
    return names


def _of(model: Path, recordings: Labelled, names: dict[str, list[str]], program: Program) -> dict[str, Any]:
    if unknown := set(recordings.classes) - set(names):
        raise TrainingError(f"{recordings.name}: no label of AudioSet is known for {', '.join(sorted(unknown))}", 65)
    found: dict[str, Any] = {"name": recordings.name, "recordings": len(recordings.files)}
    for prefix, labels in (("", "leaf"), ("all_", "all")):
        summaries = program.summaries(model, recordings.files, ["--labels", labels])
        right = _right(summaries, recordings.classes, names)
        error = calibration_error(np.array([summary.probability for summary in summaries]), right)
        found["all" if prefix else "right"] = round(float(right.mean()), 3)
        found[f"{prefix}calibration_error"] = round(error, 3)
    sounds = [program.samples(file) for file in recordings.files]
    found["gains_db"] = {}
    for gain in GAINS_DB:
        firsts = program.first_labels(model, [with_gain(samples, gain) for samples in sounds])
        right = np.array([first in names[name] for first, name in zip(firsts, recordings.classes)])
        found["gains_db"][f"{gain:+}"] = round(float(right.mean()), 3)
    return found


def _right(summaries: Sequence[Summary], classes: Sequence[str], names: dict[str, list[str]]) -> np.ndarray:
    return np.array([summary.label in names[name] for summary, name in zip(summaries, classes)])


def _changes(model: Path, folder: Path, program: Program) -> dict[str, Any]:
    """How often the first label of frames changes within a recording, by minute."""
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in AUDIO_SUFFIXES)
    changes, seconds = 0, 0.0
    for labels, duration in program.frame_labels(model, files):
        changes += sum(before != after for before, after in pairwise(labels))
        seconds += duration
    return {
        "minutes": round(seconds / 60, 1),
        "sound": f"read English sentences (LibriSpeech, {len(files)} recordings)",
        "smoothed": round(changes / max(seconds / 60, 1e-9), 1),
    }


def event_times(model: Path, sets: Sequence[Labelled], program: Program) -> dict[str, Any]:
    """The figures of the card's `event_times`: sounds in a quiet stream, and the events that name them."""
    names = class_names()
    with tempfile.TemporaryDirectory() as folder:
        plain = _without_times(model, Path(folder), {})
        return {"sets": [_times(model, plain, each, names, program) for each in sets]}


def event_delays(model: Path, recordings: Labelled, program: Program) -> dict[str, int]:
    """The delays of a model's events, in whole tenths of a second: medians of their starts and of their ends."""
    stream, places = _stream(recordings, class_names(), program)
    with tempfile.TemporaryDirectory() as folder:
        plain = _without_times(model, Path(folder), {"onset_delay_ms": 0, "offset_delay_ms": 0})
        events = program.whole_events(plain, stream)
    delays = np.array([found for place in places if (found := _delays(place, events))])
    if not len(delays):
        raise TrainingError(f"{model} reports no sound of {recordings.name}: lower its thresholds", 65)
    onset, offset = (max(0, round(float(each) * 10) * 100) for each in np.median(delays, 0))
    return {"onset_delay_ms": onset, "offset_delay_ms": offset}


def _without_times(model: Path, folder: Path, values: dict[str, int]) -> Path:
    """A copy of a model with other values for the times of its events; without any it reports the predictions'."""
    plain = folder / model.name
    shutil.copytree(model, plain)
    config = json.loads((plain / "config.json").read_text(encoding="utf-8"))
    for key in ("onset_delay_ms", "offset_delay_ms", *(() if values else ("offset_fall_db",))):
        config["decision"].pop(key, None)
    config["decision"] |= values
    (plain / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return plain


def _stream(
    recordings: Labelled, names: dict[str, list[str]], program: Program
) -> tuple[np.ndarray, list[tuple[float, float, list[str]]]]:
    """Sounds in a quiet stream, with their starts, ends and labels."""
    rng, rate = np.random.default_rng(0), program.frontend.sample_rate
    chosen = rng.permutation(len(recordings.files))[:_SOUNDS]
    parts, places, at = [np.zeros(rate * 3, np.float32)], [], 3 * rate
    for index in chosen:
        samples = program.samples(recordings.files[index])
        region = active_region(samples, rate)
        pause = np.zeros(int(rng.uniform(*_PAUSE_SECONDS) * rate), np.float32)
        label = recordings.classes[index]
        places.append(((at + region.start) / rate, (at + region.end) / rate, names.get(label, [label])))
        parts += [samples * np.float32(_RMS / rms(samples[region.start : region.end])), pause]
        at += len(samples) + len(pause)
    stream = np.clip(np.concatenate(parts), -1, 1)
    stream += rng.normal(0, 10 ** (_NOISE_DB / 20), len(stream)).astype(np.float32)
    return stream, places


def _times(
    model: Path, plain: Path, recordings: Labelled, names: dict[str, list[str]], program: Program
) -> dict[str, Any]:
    stream, places = _stream(recordings, names, program)
    found: dict[str, Any] = {"name": recordings.name, "sounds": len(places)}
    for which, suffix in ((plain, "_before"), (model, "")):
        events = program.whole_events(which, stream)
        errors = np.abs([error for place in places if (error := _delays(place, events))])
        found["reported"] = len(errors)
        for index, key in enumerate(("onset", "offset")):
            found[f"{key}{suffix}"] = round(float(np.median(errors[:, index])), 2) if len(errors) else None
    return found


def _delays(place: tuple[float, float, list[str]], events: Sequence[Event]) -> tuple[float, float] | None:
    """How many seconds after a sound's start and its end the first event that names it starts and ends."""
    start, end, labels = place
    for event in events:
        if event.label in labels and start - _EARLY_SECONDS <= event.start <= end + _LATE_SECONDS:
            return event.start - start, event.end - end
    return None
