"""Decoded clips. The program decodes every file once, into a cache in the work directory."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .dataset import Clip, Dataset
from .errors import TrainingError
from .files import atomic_directory
from .program import Program
from .progress import say

_SAMPLES, _PLACES = "samples.npy", "places.json"
_BLOCK_SECONDS = 0.01
_SILENT = 1e-4
_STEADY_DB = 10.0  # sounds whose level varies less than this have no onset or end


@dataclass(frozen=True)
class Region:
    """The position of the sound in its clip, in samples: [start, end)."""

    start: int
    end: int


class Store:
    """Samples of a data set's clips and noise, at the model's rate, in one file mapped into memory."""

    def __init__(self, dataset: Dataset, program: Program, work: Path, shortest: int) -> None:
        """Decodes the files that are not in the cache.

        Clips of fewer than `shortest` samples, those of a token, are padded with silence; clips without a sample are
        refused. With 0, for sounds without labels, nothing is refused, and a file that cannot be decoded has no
        samples.
        """
        self._rate, self._shortest = program.frontend.sample_rate, shortest
        folder = _decoded(dataset, program, work, shortest > 0)
        self._samples = np.load(folder / _SAMPLES, mmap_mode="r")
        self._places: dict[str, tuple[int, int]] = json.loads((folder / _PLACES).read_text(encoding="utf-8"))
        lengths = {clip.name: self._end(clip) - self._start(clip) for clip in dataset.clips}
        empty = [name for name, length in lengths.items() if length <= 0]
        if empty and shortest:
            raise TrainingError(f"{_first(empty)}: no sound in it; repair it, or remove it from the data")
        self._regions: dict[str, Region] = {}

    def samples(self, sound: Clip | str) -> np.ndarray:
        """(samples,) float32 of a clip or of a whole file; not to be written to."""
        samples = np.asarray(self._samples[self._start(sound) : self._end(sound)])
        if isinstance(sound, Clip) and len(samples) < self._shortest:
            return np.pad(samples, (0, self._shortest - len(samples)))
        return samples

    def silent(self, clips: Iterable[Clip]) -> list[str]:
        """The names of the clips in which every sample is zero, or nearly so."""
        return [clip.name for clip in clips if np.abs(self.samples(clip)).max(initial=0) < _SILENT]

    def _start(self, sound: Clip | str) -> int:
        if isinstance(sound, str):
            return self._places[sound][0]
        start, end = self._places[sound.file]
        return min(start + round(sound.span[0] * self._rate), end) if sound.span else start

    def _end(self, sound: Clip | str) -> int:
        if isinstance(sound, str):
            return self._places[sound][1]
        start, end = self._places[sound.file]
        return min(start + round(sound.span[1] * self._rate), end) if sound.span else end

    def region(self, clip: Clip) -> Region:
        """The active region of a clip: the whole clip if its onset is known, else measured at the first call."""
        if clip.name not in self._regions:
            samples = self.samples(clip)
            marked = Region(0, len(samples)) if clip.span else None
            self._regions[clip.name] = marked or active_region(samples, self._rate)
        return self._regions[clip.name]


def active_region(samples: np.ndarray, rate: int) -> Region:
    """The part above the mean, in decibels, of noise floor and peak; the whole of a steady sound."""
    block = max(1, int(rate * _BLOCK_SECONDS))
    count = len(samples) // block
    if count < 5:
        return Region(0, len(samples))
    power = np.square(samples[: count * block], dtype=np.float32).reshape(count, block).mean(axis=1)
    power = np.convolve(power, np.full(3, 1 / 3, np.float32), mode="same")
    level = 10 * np.log10(power + 1e-8)
    floor, peak = np.percentile(level, 10), level.max()
    if peak - floor < _STEADY_DB:
        return Region(0, len(samples))
    active = np.flatnonzero(level > max((floor + peak) / 2, peak - 30))
    return Region(int(active[0]) * block, int(active[-1] + 1) * block)


def _decoded(dataset: Dataset, program: Program, work: Path, all_of_them: bool) -> Path:
    """The folder of decoded samples, named by a hash of the files and the sample rate."""
    files = list(dict.fromkeys([clip.file for clip in dataset.clips] + list(dataset.noise)))
    missing = [file for file in files if not dataset.path(file).is_file()]
    if missing:
        raise TrainingError(f"{_first(missing)}: no such file in {dataset.folder}", 66)
    states = [(file, dataset.path(file).stat()) for file in files]
    identity = json.dumps(
        [
            str(dataset.folder.resolve()),
            program.frontend.sample_rate,
            [(file, state.st_size, state.st_mtime_ns) for file, state in states],
        ]
    )
    folder = work / f"samples-{hashlib.sha256(identity.encode()).hexdigest()[:16]}"
    if not folder.exists():
        with atomic_directory(folder) as fresh, tempfile.TemporaryDirectory(dir=work) as single:
            # Links with plain names: only these files are decoded, wherever they are.
            links = {file: f"{number:06}{Path(file).suffix.lower()}" for number, file in enumerate(files)}
            named, decoded = Path(single) / "files", Path(single) / "samples"
            named.mkdir()
            for file, link in links.items():
                (named / link).symlink_to(dataset.path(file).resolve())
            messages = program.decode_folder(named, decoded)
            for file, link in links.items():
                messages = messages.replace(str(named / link), file)
            paths = {file: decoded / f"{link}.npy" for file, link in links.items()}
            undecoded = [file for file, path in paths.items() if not path.is_file()]
            if undecoded and all_of_them:
                raise TrainingError(
                    f"{_first(undecoded)}: cannot be decoded; repair or remove the damaged files\n{messages}"
                )
            if undecoded:
                say(f"{_first(undecoded)}: cannot be decoded, and is left out\n{messages}")
            for file in undecoded:
                decoded.mkdir(exist_ok=True)
                np.save(paths[file], np.zeros(0, np.float32))
            _pack(paths, fresh)
    return folder


def _pack(paths: dict[str, Path], folder: Path) -> None:
    """Joins decoded files into one, with a table of their positions: [start, end) in samples."""
    lengths = [len(np.load(path, mmap_mode="r")) for path in paths.values()]
    ends = np.cumsum([0, *lengths])
    samples = np.lib.format.open_memmap(folder / _SAMPLES, "w+", np.float32, (int(ends[-1]),))
    for path, start, end in zip(paths.values(), ends, ends[1:]):
        samples[start:end] = np.load(path)
    samples.flush()
    places = {file: [int(start), int(end)] for file, start, end in zip(paths, ends, ends[1:])}
    (folder / _PLACES).write_text(json.dumps(places), encoding="utf-8")


def _first(names: list[str], shown: int = 3) -> str:
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more
