"""What the program reports, as Python values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Score:
    """A label with its probability."""

    label: str
    p: float


@dataclass(frozen=True)
class Prediction:
    """The most probable labels at one position of a stream. `t` is the time of the newest sample, in seconds."""

    frame: int
    sample: int
    t: float
    warm: bool
    top: tuple[Score, ...]
    dbfs: float


@dataclass(frozen=True)
class Event:
    """The start or the end of an event, by `phase`. `t1` is None until the end."""

    id: str
    phase: str
    label: str
    t0: float
    t1: float | None
    p_max: float


@dataclass(frozen=True)
class Model:
    """A model as the program has loaded it. `hop` is the number of samples from one prediction to the next."""

    name: str
    sha256: str
    folder: str
    licence: str
    description: str
    rate: int
    hop: int
    bands: int
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Recording:
    """A recording whose bytes are in memory, for example from an object store. `name` stands in the results."""

    name: str
    data: bytes


@dataclass(frozen=True)
class FileResult:
    """The program's records of one recording.

    `error` is the reason why there are none, or not all of them; None if all is well. `cut` says what audio is missing
    in a recording whose records are of what is there; None for a whole one.
    """

    file: str
    seconds: float | None
    records: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    error: str | None = None
    cut: str | None = None

    @property
    def warnings(self) -> Sequence[str]:
        """What is odd about the recording, such as audio that is missing."""
        return self.records[-1].get("warnings", ()) if self.records else ()


def scores(values: Sequence[Mapping[str, Any]]) -> tuple[Score, ...]:
    return tuple(Score(value["label"], value["p"]) for value in values)


def stream_record(record: Mapping[str, Any]) -> Prediction | Event | None:
    """The value of a stream's record; None for the others."""
    if record["type"] == "frame":
        return Prediction(
            record["frame"], record["sample"], record["t"], record["warm"], scores(record["top"]), record["dbfs"]
        )
    if record["type"] == "event":
        return Event(record["id"], record["phase"], record["label"], record["t0"], record["t1"], record["p_max"])
    return None
