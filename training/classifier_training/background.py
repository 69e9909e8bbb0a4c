"""Clips of the background for data that have none: silence, and sounds of Debian's packages that are no label's."""

from __future__ import annotations

import json
import statistics
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from .dataset import ADDED, AUDIO_SUFFIXES, SILENCE, UNKNOWN, Clip, Dataset
from .errors import TrainingError
from .files import atomic_directory
from .packages import fetch_package
from .program import Program, write_wave
from .progress import say
from .recipe import Recipe
from .split import is_held_out
from .store import Store
from .streams import Sound

_SOURCES = Path(__file__).parent / "data" / "background.json"
_KINDS = {"all": ("speech", "music", "things"), "speech": ("speech",), "silence": (), "none": ()}
_HELD_OUT = 4  # one of so many recordings is held out
_LEAST, _MOST = 24, 400  # clips of a label
_UNKNOWN_SHARE = 0.5  # of the number of all other clips
_LONGEST_SECONDS = 5.0  # of a clip of `_unknown_`, of which the training takes a random part
_SHORTEST_SECONDS = 0.2
_HISS_DBFS = (-85.0, -45.0)
_HUMS = (50, 60, 100, 120)  # Hz
_STREAM_SECONDS = 1200.0  # of a kind of sound, to count false events in
_NOISE_SECONDS = 200.0  # of each colour
_SEED = 0


@dataclass(frozen=True)
class Background:
    """The data with the clips that were added, and whole recordings that none of these is a part of."""

    dataset: Dataset
    held_out: dict[str, list[Sound]]  # by kind; each with its package


def background_labels(dataset: Dataset, recipe: Recipe, model: Sequence[str] | None = None) -> tuple[str, ...]:
    """The labels that are added: those that the data lack.

    Of an existing model, only those among its labels, `model`, are. With a separator clips of the background have no
    label, and no model has one for them.
    """
    kind = recipe.data.added_background
    if kind == "none" or recipe.sources:
        return ()
    wanted = (SILENCE, UNKNOWN) if _KINDS[kind] else (SILENCE,)
    there = {*dataset.labels, *(clip.label for clip in dataset.clips)}
    known = wanted if model is None or dataset.separator else model
    return tuple(label for label in wanted if label not in there and label in known)


def with_background(
    dataset: Dataset, recipe: Recipe, program: Program, work: Path, packages: Path, labels: Sequence[str]
) -> Background:
    """Adds clips of `labels`, which are written to the work directory once."""
    own = Counter(clip.label for clip in dataset.clips if clip.label not in (SILENCE, UNKNOWN))
    found = recordings_of_packages(recipe.data.added_background, program, work, packages) if UNKNOWN in labels else {}
    seconds, rate = recipe.training.clip_seconds, program.frontend.sample_rate
    sizes = {kind: len(sounds) for kind, sounds in found.items()}
    identity = json.dumps([sorted(labels), recipe.data.added_background, seconds, rate, sorted(own.items()), sizes])
    folder = work / f"background-{zlib.crc32(identity.encode()):08x}"
    if not folder.exists():
        with atomic_directory(folder) as fresh:
            if SILENCE in labels:
                count = _within(round(statistics.median(own.values())))
                _write(fresh / SILENCE, _alternating(silent_sounds(count, seconds, rate)), rate)
            if found:
                count = _within(round(_UNKNOWN_SHARE * own.total()))
                _write(fresh / UNKNOWN, _unknown(found, count, seconds, rate), rate)
    files = sorted(folder.glob("*/*.wav"))
    keeps, several = recipe.data.split != "none", () if dataset.separator else None
    clips = tuple(
        Clip(name, file.parent.name, name, keeps and file.name.startswith("held-out-"), several=several)
        for file in files
        for name in [ADDED + file.relative_to(folder).as_posix()]
    )
    added = sorted({clip.label for clip in clips})
    say(f"added as background: {', '.join(f'{sum(c.label == label for c in clips)} of {label}' for label in added)}")
    everything = dataset.clips + clips
    found_labels = tuple(sorted({label for clip in everything for label in clip.labels}))
    whole = replace(dataset, labels=found_labels, clips=everything, added=folder)
    kept = {
        kind: [Sound(group, samples) for group, samples, is_held in sounds if is_held] for kind, sounds in found.items()
    }
    heard = {kind: _shortened(sounds, rate) for kind, sounds in kept.items() if sounds}
    return Background(whole, {**heard, "noise": noise_sounds(rate)})


def recordings_of_packages(
    kinds: str, program: Program, work: Path, packages: Path
) -> dict[str, list[tuple[str, np.ndarray, bool]]]:
    """For each kind its recordings, with their package, and whether they are held out; none without the packages."""
    sources: dict[str, list[str]] = json.loads(_SOURCES.read_text(encoding="utf-8"))
    found: dict[str, list[tuple[str, np.ndarray, bool]]] = {}
    rate = program.frontend.sample_rate
    for kind in _KINDS[kinds]:
        for package in sources[kind]:
            try:
                folder = fetch_package(package, packages)
            except TrainingError as error:
                say(
                    f"warning: no {kind} of Debian's package {package} for the label `{UNKNOWN}` ({error}). Put sounds "
                    f"that are none of your labels into a folder {UNKNOWN}, or use --background silence"
                )
                continue
            names = sorted(
                file.relative_to(folder).as_posix()
                for file in folder.rglob("*")
                if file.suffix.lower() in AUDIO_SUFFIXES and file.is_file()
            )
            if not names:
                continue
            clips = tuple(Clip(name, package, name, False) for name in names)
            store = Store(Dataset(folder, (package,), clips, ()), program, work, 0)
            for clip in clips:
                samples = store.samples(clip)
                if len(samples) >= _SHORTEST_SECONDS * rate:
                    is_held = is_held_out(_SEED, clip.name, 1 / _HELD_OUT)
                    found.setdefault(kind, []).append((package, samples, is_held))
    return found


def _within(count: int) -> int:
    return min(_MOST, max(_LEAST, count))


def _unknown(
    found: dict[str, list[tuple[str, np.ndarray, bool]]], count: int, seconds: float, rate: int
) -> list[tuple[bool, np.ndarray]]:
    """Parts of recordings: every kind and every package of a kind equally often."""
    rng, parts = np.random.default_rng(_SEED), []
    longest = round(max(seconds, _LONGEST_SECONDS) * rate)
    for number in range(count):
        is_held = number % _HELD_OUT == 0
        sounds = found[sorted(found)[rng.integers(len(found))]]
        groups = sorted({group for group, _, held in sounds if held == is_held})
        if not groups:
            continue
        group = groups[rng.integers(len(groups))]
        mine = [samples for name, samples, held in sounds if held == is_held and name == group]
        samples = mine[rng.integers(len(mine))]
        start = int(rng.integers(max(1, len(samples) - longest + 1)))
        parts.append((is_held, samples[start : start + longest]))
    return parts


def _alternating(sounds: list[np.ndarray]) -> list[tuple[bool, np.ndarray]]:
    """Sounds of four kinds in turn, with the side of the split: some of each kind are held out."""
    return [(number // 4 % _HELD_OUT == 0, samples) for number, samples in enumerate(sounds)]


def silent_sounds(count: int, seconds: float, rate: int) -> list[np.ndarray]:
    """Nothing, hiss, and hum of the mains in hiss."""
    rng, parts = np.random.default_rng(_SEED), []
    times = np.arange(round(seconds * rate)) / rate
    for number in range(count):
        hiss = rng.standard_normal(len(times)) * 10 ** (rng.uniform(*_HISS_DBFS) / 20)
        hum = np.sin(2 * np.pi * _HUMS[rng.integers(len(_HUMS))] * times) * 10 ** (rng.uniform(*_HISS_DBFS) / 20)
        samples = (0 * hiss, hiss, hiss, hiss + hum)[number % 4]
        parts.append(samples.astype(np.float32))
    return parts


def noise_sounds(rate: int) -> list[Sound]:
    """Noise whose level in dB falls with the frequency, by its name, as rain, wind and machines have it."""
    rng, count = np.random.default_rng(_SEED), round(_NOISE_SECONDS * rate)
    bins = np.arange(1, count // 2 + 2)
    sounds = []
    for name, slope in (("white", 0.0), ("pink", 0.5), ("brown", 1.0)):
        phases = np.exp(2j * np.pi * rng.random(len(bins)))
        samples = np.fft.irfft(bins**-slope * phases, count)
        sounds.append(Sound(f"{name} noise", (0.1 * samples / samples.std()).astype(np.float32)))
    return sounds


def _write(folder: Path, parts: list[tuple[bool, np.ndarray]], rate: int) -> None:
    folder.mkdir()
    for number, (is_held, samples) in enumerate(parts):
        write_wave(folder / f"{'held-out-' if is_held else ''}{number:04}.wav", samples, rate)


def _shortened(sounds: list[Sound], rate: int) -> list[Sound]:
    """Recordings of together about `_STREAM_SECONDS`, as many of each package as there are."""
    rng, left, chosen = np.random.default_rng(_SEED), _STREAM_SECONDS * rate, []
    for index in rng.permutation(len(sounds)):
        sound = sounds[index]
        if left <= 0:
            break
        chosen.append(sound._replace(samples=sound.samples[: int(left)]))
        left -= len(sound.samples)
    return chosen
