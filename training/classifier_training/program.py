"""audio-classifierd as the source of samples, features and logits, so that training and use have the same."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .encoding import encode, run_program
from .errors import TrainingError
from .frontend import Frontend

_NAME = "audio-classifierd"
_BUILT = Path(__file__).resolve().parents[2] / ".build" / "release" / _NAME


def find_program(path: str | None = None) -> Path:
    """The program: `path`, else $AUDIO_CLASSIFIERD, else this repository's release build, else that in $PATH."""
    given = path or os.environ.get("AUDIO_CLASSIFIERD")
    found = given or (str(_BUILT) if _BUILT.exists() else shutil.which(_NAME))
    if found and os.access(found, os.X_OK) and os.path.isfile(found):
        return Path(found).resolve()
    if given:
        raise TrainingError(f"{given} is not an executable program; --classifier must name {_NAME}", 69)
    raise TrainingError(
        f"{_NAME} was not found: build it with `swift build -c release`, or name it with "
        "--classifier PATH or the environment variable AUDIO_CLASSIFIERD",
        69,
    )


def write_wave(file: Path, samples: np.ndarray, rate: int) -> None:
    """Writes mono sound in 16 bits."""
    with wave.open(str(file), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes((np.clip(samples, -1, 1) * 32767).round().astype("<i2").tobytes())


class Summary(NamedTuple):
    """A file's first label."""

    label: str
    probability: float


class Event(NamedTuple):
    """An event's times in seconds, and its label."""

    start: float
    end: float
    label: str


class Program:
    """The program with one front-end, a recipe's or a model's; `weights` is the precision of models' matrices."""

    def __init__(self, path: Path, frontend: dict[str, Any], work: Path, weights: str = "f32") -> None:
        self.path = path
        self._weights = weights
        self.frontend = Frontend.of(frontend, self.recipes())
        self.description = frontend
        self._work = work
        work.mkdir(parents=True, exist_ok=True)
        self._frontend_file = work / "frontend.json"
        self._frontend_file.write_text(json.dumps(frontend, indent=2) + "\n", encoding="utf-8")

    def recipes(self) -> dict[str, dict[str, Any]]:
        """The program's front-end recipes by name, as `frontend` objects with all values."""
        return json.loads(self._run(["features", "--print-recipes"]).stdout)

    def decode_folder(self, folder: Path, out: Path) -> str:
        """Decodes every audio file below `folder` to mono float32 samples at the front-end's rate, in out/FILE.npy.

        Returns the program's messages about files that it could not decode, if there are any.
        """
        result = self._run(
            [
                "features",
                str(folder),
                "--stage",
                "samples",
                "--out",
                str(out),
                "--frontend",
                str(self._frontend_file),
            ],
            accept=(0, 65),
        )
        return result.stderr.decode(errors="replace").strip() if result.returncode else ""

    def samples(self, file: Path) -> np.ndarray:
        """(samples,) of a file, at the front-end's rate."""
        with tempfile.TemporaryDirectory(dir=self._work) as folder:
            out = Path(folder) / "samples.npy"
            self._run(
                ["features", str(file), "--stage", "samples", "--out", str(out), "--frontend", str(self._frontend_file)]
            )
            return np.load(out)

    def features(self, sequences: np.ndarray) -> np.ndarray:
        """Features (n, frames, bands) float32 of independent sequences (n, samples).

        The program runs once: the sequences are laid end to end on whole hops, and frames that straddle two of them are
        dropped.
        """
        count, length = sequences.shape
        hop, margin = self.frontend.hop, self.frontend.margin
        pitch = margin + -(-length // hop) * hop  # samples from one sequence to the next
        stream = np.zeros(count * pitch + margin + self.frontend.window_length, np.float32)
        stream[: count * pitch].reshape(count, pitch)[:, margin : margin + length] = sequences
        frames = self._stream_features(stream)[: count * pitch // hop].reshape(count, pitch // hop, -1)
        first = margin // hop
        return frames[:, first : first + self.frontend.frames(length)]

    def encode(self, model: Path, features: np.ndarray) -> np.ndarray:
        """Logits (tokens, labels) of one feature stream (frames, bands) from an empty state."""
        return encode(self.path, model, features, self._weights)

    def events(self, model: Path, samples: np.ndarray) -> list[dict[str, Any]]:
        """The events that start in a stream of samples, at the model's own thresholds."""
        records = self._events(model, samples)
        return [record for record in records if record["type"] == "event" and record["phase"] == "start"]

    def whole_events(self, model: Path, samples: np.ndarray) -> list[Event]:
        """The events of a stream of samples with their ends, in the order of their starts."""
        records = self._events(model, samples)
        ended = [record for record in records if record["type"] == "event" and record["phase"] == "end"]
        return sorted((Event(one["t0"], one["t1"], one["label"]) for one in ended), key=lambda event: event.start)

    def probabilities(self, model: Path, config: dict[str, Any], samples: np.ndarray) -> np.ndarray:
        """(tokens, labels) of a stream of samples."""
        logits = self.encode(model, self.features(samples[None])[0]).astype(np.float64)
        if config["activation"] == "sigmoid":
            return 1 / (1 + np.exp(-logits))
        terms = np.exp(logits - logits.max(1, keepdims=True))
        return np.asarray(terms / terms.sum(1, keepdims=True))

    def first_labels(self, model: Path, sounds: Sequence[np.ndarray]) -> list[str]:
        """The label that `classify` puts first for each sound."""
        with tempfile.TemporaryDirectory(dir=self._work) as folder:
            files = [Path(folder) / f"{number:06}.wav" for number in range(len(sounds))]
            for file, samples in zip(files, sounds):
                write_wave(file, samples, self.frontend.sample_rate)
            return [summary.label for summary in self.summaries(model, files)]

    def summaries(self, model: Path, files: Sequence[Path], arguments: Sequence[str] = ()) -> list[Summary]:
        """What `classify` puts first for each file, with further arguments."""
        found = {r["file"]: r["top"][0] for r in self._classify(model, files, arguments) if r["type"] == "summary"}
        return [Summary(found[str(file)]["label"], found[str(file)]["p"]) for file in files]

    def frame_labels(self, model: Path, files: Sequence[Path]) -> list[tuple[list[str], float]]:
        """The first labels of each file's frames, but for the first second's, and how long they last in seconds."""
        found: dict[str, list[str]] = {str(file): [] for file in files}
        seconds = 0.0
        for record in self._classify(model, files, ["--emit", "frames"]):
            if record["type"] == "start":
                seconds = record["hop"] / record["rate"]
            elif record["type"] == "frame" and record["t"] >= 1:
                found[record["stream"]].append(record["top"][0]["label"])
        return [(labels, len(labels) * seconds) for labels in found.values()]

    def _events(self, model: Path, samples: np.ndarray) -> list[dict[str, Any]]:
        lines = self._live("run", [*self._model(model), "--emit", "events"], samples).splitlines()
        return [json.loads(line) for line in lines]

    def _classify(self, model: Path, files: Sequence[Path], arguments: Sequence[str]) -> list[dict[str, Any]]:
        """The records of `classify` for these files."""
        names = "\0".join(map(str, files)).encode()
        command = ["classify", "--files0-from", "-", *self._model(model), *arguments]
        return [json.loads(line) for line in self._run(command, data=memoryview(names)).stdout.splitlines()]

    def _model(self, model: Path) -> list[str]:
        return ["--model", f"{model.resolve()}/", "--weights", self._weights]

    def _stream_features(self, stream: np.ndarray) -> np.ndarray:
        with tempfile.TemporaryDirectory(dir=self._work) as folder:
            out = Path(folder) / "features.npy"
            self._live("features", ["--frontend", str(self._frontend_file), "--out", str(out)], stream)
            return np.load(out)

    def _live(self, command: str, arguments: Sequence[str], stream: np.ndarray) -> bytes:
        """The standard output of a command that reads a stream of samples from its standard input."""
        rate = str(self.frontend.sample_rate)
        source = ["-", "--input-format", "raw", "--sample-format", "f32le", "--rate", rate, "--channels", "1"]
        data = stream.astype("<f4", copy=False).data.cast("B")
        return self._run([command, *source, *arguments], data=data).stdout

    def _run(
        self, arguments: Sequence[str], data: memoryview | None = None, accept: tuple[int, ...] = (0,)
    ) -> subprocess.CompletedProcess[bytes]:
        return run_program(self.path, arguments, data, accept)
