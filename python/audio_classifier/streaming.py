"""A stream: its samples go to the program while its records come."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator, Iterable
from typing import Any

import numpy as np

from .errors import ProgramDied
from .process import Answers, RequestProcess
from .records import Event, Prediction, stream_record

_UNREAD = 10_000  # answers of a stream before its samples wait


class Stream:
    """A stream: a thread sends its blocks, the caller takes its records."""

    def __init__(self, process: RequestProcess, header: dict[str, Any], samples: Iterable[Any]) -> None:
        self._process = process
        self._header = header
        self._samples = samples
        self._answers: Answers | None = None
        self._started = threading.Event()
        self._stopped = threading.Event()
        self._closing = threading.Lock()
        self._closed = False
        self._failure: BaseException | None = None

    def records(self) -> Generator[Prediction | Event, None, None]:
        thread = threading.Thread(target=self._send, daemon=True)
        thread.start()
        try:
            self._started.wait()
            if self._answers is not None:
                for record, _ in self._answers.complete():
                    value = stream_record(record)
                    if value is not None:
                        yield value
            thread.join()
            if self._failure is not None:
                raise self._failure
        finally:
            self._stopped.set()
            self._close()

    def _close(self) -> None:
        """Ends the stream, once."""
        with self._closing:
            if self._answers is not None and not self._closed:
                self._closed = True
                # A dead program has already ended the answers.
                with contextlib.suppress(ProgramDied):
                    self._process.write(self._answers.name, {"type": "close"})

    def _send(self) -> None:
        kind = None
        try:
            for block in self._samples:
                array = _block(block)
                if kind is None:
                    kind = (array.dtype, array.shape[1:])
                    channels = array.shape[1] if array.ndim == 2 else 1
                    formats = {"<f4": "f32le", "<i2": "s16le"}
                    self._open(sample_format=formats[array.dtype.str], channels=channels)
                if (array.dtype, array.shape[1:]) != kind:
                    raise TypeError(f"a block has {array.dtype} and shape {array.shape}, unlike the first one")
                assert self._answers is not None
                self._answers.wait_until_fewer(_UNREAD)
                if self._stopped.is_set() or self._answers.ended:
                    break
                if array.size:
                    self._process.write(self._answers.name, {"type": "push"}, array.tobytes())
        except BaseException as error:  # of the caller's iterable, too: the caller gets it
            self._failure = error
        finally:
            self._close()
            self._started.set()

    def _open(self, **members: Any) -> None:
        self._answers = self._process.send({**self._header, **members})
        self._started.set()


def _block(block: Any) -> np.ndarray:
    array = np.asarray(block)
    if array.ndim not in (1, 2):
        raise TypeError(f"a block has the shape {array.shape}; expected (samples,) or (samples, channels)")
    if array.dtype.kind == "f":
        return np.ascontiguousarray(array, "<f4")
    if array.dtype == np.int16:
        return np.ascontiguousarray(array, "<i2")
    raise TypeError(f"a block has samples of {array.dtype}; expected float32, float64 or int16")
