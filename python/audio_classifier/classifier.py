"""A classifier: one process of the program, and what it does."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from .errors import RequestError
from .process import Answers, RequestProcess
from .records import Event, FileResult, Model, Prediction, Recording
from .streaming import Stream
from .tables import Table

if TYPE_CHECKING:
    import pandas as pd

Source: TypeAlias = "str | os.PathLike[str] | Recording"
Emission: TypeAlias = Literal["summary", "events", "frames", "changes"]


class Classifier:
    """A process of audio-classifierd, which loads each model once. Threads may share it.

    `model` is a name or a folder with a slash; `threads` is the number of recordings at the same time, by default the
    number of cores.
    """

    def __init__(
        self,
        model: str | None = None,
        *,
        threads: int | None = None,
        weights: str | None = None,
        program: str | None = None,
    ) -> None:
        options = []
        for option, value in (("--model", model), ("--threads", threads), ("--weights", weights)):
            if value is not None:
                options += [option, str(value)]
        self._process = RequestProcess(options, program)
        # Enough that no thread of the program waits for this process.
        self._ahead = 3 * (threads or os.cpu_count() or 1)

    def __enter__(self) -> Classifier:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The number of the program's process."""
        return self._process.pid

    def __del__(self) -> None:
        if hasattr(self, "_process"):
            self._process.close_input()

    def close(self) -> None:
        """Ends the program after what is under way."""
        self._process.close()

    # Recordings

    def results(
        self, recordings: Iterable[Source], *, emit: Emission = "summary", window: float | None = None, **settings: Any
    ) -> Iterator[FileResult]:
        """The results of recordings in their order, as they come. A recording that fails has its error in its result.

        `settings` are the options of `classify`, in snake case: top_k=5, deny=["Silence"], start_time_from="name".
        Raises RequestError for a wrong setting, and ProgramDied if the program ends.
        """
        header = {"type": "classify", "emit": emit, "window": window, **_plain(settings)}
        header = {key: value for key, value in header.items() if value is not None}
        waiting: deque[tuple[str, Answers]] = deque()
        try:
            for recording in recordings:
                waiting.append((_name(recording), self._send(header, recording)))
                if len(waiting) >= self._ahead:
                    yield _result(*waiting.popleft())
            while waiting:
                yield _result(*waiting.popleft())
        finally:
            # What a caller no longer wants is completed by the program, and its answers are dropped.
            waiting.clear()

    def classify(
        self, recordings: Iterable[Source], *, emit: Emission = "summary", window: float | None = None, **settings: Any
    ) -> pd.DataFrame:
        """A DataFrame with the columns of `classify --format csv`: rows of failures and of cut recordings, too."""
        table = Table(emit, window is not None, has_time="start_time_from" in settings)
        rows: list[dict[str, Any]] = []
        for result in self.results(recordings, emit=emit, window=window, **settings):
            rows += table.rows(result)
        return table.frame(rows)

    def find(self, folder: str | os.PathLike[str], **settings: Any) -> tuple[list[str], list[FileResult]]:
        """The audio files below a folder, as `classify` takes them, and those that it skips, each with the reason."""
        answers = self._process.send({"type": "find", **self._place(folder), **_plain(settings)})
        files: list[str] = []
        skipped: list[FileResult] = []
        for record, _ in answers.complete():
            if record["type"] == "file":
                digits = record.get("path_hex")
                files.append(os.fsdecode(bytes.fromhex(digits)) if digits else record["path"])
            elif record["type"] == "skipped":
                error = f"skipped: {record['code']}: {record['message']}"
                skipped.append(FileResult(record["file"], None, (), error))
        return files, skipped

    def features(
        self,
        recording: Source,
        *,
        model: str | None = None,
        recipe: str | None = None,
        stage: Literal["features", "samples"] = "features",
        **settings: Any,
    ) -> np.ndarray:
        """Log-mel frames (frames, bands) of a recording, float32, exactly those that a model sees.

        With `stage="samples"` the mono samples at the front-end's rate.
        """
        header = {"type": "features", "model": model, "recipe": recipe, "stage": stage, **_plain(settings)}
        answers = self._send({key: value for key, value in header.items() if value is not None}, recording)
        pieces, columns = [], 1
        for record, data in answers.complete():
            columns = record["columns"]
            pieces.append(np.frombuffer(data, "<f4"))
        values = np.concatenate(pieces).astype(np.float32, copy=False)
        return values if stage == "samples" else values.reshape(-1, columns)

    def describe(self, model: str | None = None) -> Model:
        """The model that requests use, or another one."""
        answers = self._process.send({"type": "describe", **({"model": model} if model else {})})
        record = next(answers.complete()).record
        fields = {key: record[key] for key in Model.__dataclass_fields__ if key != "labels"}
        return Model(**fields, labels=tuple(record["labels"]))

    # Streams

    def stream(
        self,
        samples: Iterable[Any],
        *,
        rate: int | None = None,
        emit: Emission = "events",
        **settings: Any,
    ) -> Generator[Prediction | Event, None, None]:
        """Predictions or events of a stream, as its samples arrive.

        `samples` are blocks: arrays (samples,) or (samples, channels) of float32, float64 or int16, all of one kind. A
        thread takes them as the program needs them. `rate` is theirs in Hz; None means the model's.
        """
        header = {"type": "open", "emit": emit, "rate": rate, "input_format": "raw", **_plain(settings)}
        stream = Stream(self._process, {key: value for key, value in header.items() if value is not None}, samples)
        return stream.records()

    # The program's own form

    def _send(self, header: dict[str, Any], recording: Source) -> Answers:
        if isinstance(recording, Recording):
            return self._process.send({**header, "name": recording.name}, recording.data)
        return self._process.send({**header, **self._place(recording)})

    def _place(self, path: str | os.PathLike[str]) -> dict[str, Any]:
        """The members that name a file. The program keeps the working directory that it was started in."""
        name = os.fspath(path)
        place = {}
        if not os.path.isabs(name) and os.getcwd() != self._process.folder:
            place["name"] = _text(name)
            name = os.path.abspath(name)
        text = _text(name)
        if text == name:
            return {**place, "path": name if name != "-" else "./-"}
        return {**place, "path_hex": os.fsencode(name).hex()}


def _text(name: str) -> str:
    """The name as the program shows it: bytes outside UTF-8 as backslash, x and digits."""
    return "".join(
        f"\\x{ord(character) - 0xDC00:02X}" if 0xDC80 <= ord(character) <= 0xDCFF else character for character in name
    )


def _name(recording: Source) -> str:
    return recording.name if isinstance(recording, Recording) else _text(os.fspath(recording))


def _plain(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings as JSON has them. A text in place of a list is a list of one."""
    plain = {}
    for key, value in settings.items():
        if key in ("allow", "deny", "class_threshold") and isinstance(value, str):
            value = [value]
        elif key == "class_threshold" and isinstance(value, dict):
            value = [f"{label}={threshold}" for label, threshold in value.items()]
        elif isinstance(value, Path):
            value = str(value)
        elif isinstance(value, (tuple, set)):
            value = list(value)
        if value is not None:
            plain[key] = value
    return plain


def _result(name: str, answers: Answers) -> FileResult:
    records: list[dict[str, Any]] = []
    while True:
        record = answers.get().record
        if record["type"] == "done":
            return FileResult(name, record["seconds"], records, cut=record.get("cut"))
        if record["type"] == "error":
            if "file" not in record:  # a fault of the request, as a wrong setting, and not of the recording
                raise RequestError(record["code"], record["message"])
            return FileResult(name, None, records, f"{record['code']}: {record['message']}")
        records.append(record)


def classify(
    paths: Source | Sequence[Source],
    *,
    model: str | None = None,
    emit: Emission = "summary",
    window: float | None = None,
    threads: int | None = None,
    **settings: Any,
) -> pd.DataFrame:
    """Classifies recordings, and all audio files below folders, as `Classifier.classify` does."""
    named = [paths] if isinstance(paths, (str, os.PathLike, Recording)) else list(paths)
    with Classifier(model, threads=threads) as classifier:
        found: list[Source] = []
        skipped: list[FileResult] = []
        for path in named:
            if isinstance(path, Recording) or not os.path.isdir(path):
                found.append(path)
            else:
                files, left = classifier.find(path)
                found += files
                skipped += left
        frame = classifier.classify(found, emit=emit, window=window, **settings)
        if not skipped:
            return frame
        import pandas as pd

        table = Table(emit, window is not None, has_time="start_time_from" in settings)
        return pd.concat([frame, table.frame([row for result in skipped for row in table.rows(result)])]).reset_index(
            drop=True
        )


def stream(
    samples: Iterable[Any],
    *,
    rate: int | None = None,
    model: str | None = None,
    emit: Emission = "events",
    **settings: Any,
) -> Generator[Prediction | Event, None, None]:
    """Predictions or events of a stream, as `Classifier.stream` yields them."""
    with Classifier(model) as classifier:
        yield from classifier.stream(samples, rate=rate, emit=emit, **settings)


def features(recording: Source, *, model: str | None = None, **settings: Any) -> np.ndarray:
    """Log-mel frames of a recording, as `Classifier.features` returns them."""
    with Classifier(model) as classifier:
        return classifier.features(recording, **settings)


def describe(model: str | None = None) -> Model:
    """A model."""
    with Classifier(model) as classifier:
        return classifier.describe()
