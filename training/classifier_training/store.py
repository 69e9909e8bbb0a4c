"""Decoded clips: every file is decoded once, by the program, and cached in the work directory."""

from __future__ import annotations

import hashlib
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .dataset import Clip, Dataset
from .errors import TrainingError
from .files import atomic_directory
from .program import Program

_SAMPLES, _PLACES = "samples.npy", "places.json"
_BLOCK_SECONDS = 0.01
_STEADY_DB = 10.0  # sounds whose level varies less than this have no onset or end


@dataclass(frozen=True)
class Region:
    """Where the sound is inside its clip, in samples: [start, end)."""

    start: int
    end: int


class Store:
    """Samples of a data set's clips and noise, at the model's rate, in one file mapped into memory."""

    def __init__(self, dataset: Dataset, program: Program, work: Path, shortest: int) -> None:
        """Decodes what is not in the cache. Clips of fewer than `shortest` samples are refused."""
        self._rate = program.frontend.sample_rate
        folder = _decoded(dataset, program, work)
        self._samples = np.load(folder / _SAMPLES, mmap_mode="r")
        self._places: dict[str, tuple[int, int]] = json.loads((folder / _PLACES).read_text(encoding="utf-8"))
        lengths = {clip.file: len(self.samples(clip.file)) for clip in dataset.clips}
        short = [f"{file} ({length} samples)" for file, length in lengths.items() if length < shortest]
        if short:
            raise TrainingError(
                f"{_first(short)}: too short; a clip needs {shortest} samples at {self._rate} Hz"
            )
        self._regions: dict[str, Region] = {}

    def samples(self, file: str) -> np.ndarray:
        """(samples,) float32, not to be written to."""
        start, end = self._places[file]
        return np.asarray(self._samples[start:end])

    def region(self, clip: Clip) -> Region:
        """The active region of a clip; measured at the first call."""
        if clip.file not in self._regions:
            self._regions[clip.file] = active_region(self.samples(clip.file), self._rate)
        return self._regions[clip.file]


def active_region(samples: np.ndarray, rate: int) -> Region:
    """The part louder than half-way, in decibels, from noise floor to peak; all of a steady sound."""
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


def _decoded(dataset: Dataset, program: Program, work: Path) -> Path:
    """The folder of decoded samples; its name is a hash of the files and of how they are decoded."""
    files = [clip.file for clip in dataset.clips] + list(dataset.noise)
    missing = [file for file in files if not (dataset.folder / file).is_file()]
    if missing:
        raise TrainingError(f"{_first(missing)}: no such file in {dataset.folder}", 66)
    states = [(file, (dataset.folder / file).stat()) for file in files]
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
            said = program.decode_folder(dataset.folder, Path(single))
            paths = {file: Path(single) / f"{file}.npy" for file in files}
            undecoded = [file for file, path in paths.items() if not path.is_file()]
            if undecoded:
                raise TrainingError(
                    f"{_first(undecoded)}: cannot be decoded; repair or remove what is damaged\n{said}"
                )
            _pack(paths, fresh)
    return folder


def _pack(paths: dict[str, Path], folder: Path) -> None:
    """Joins decoded files into one, with a table of where each is: [start, end) in samples."""
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
