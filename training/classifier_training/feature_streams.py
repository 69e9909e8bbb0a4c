"""Streams of features with their labels, as the trainer and the metrics see them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .errors import TrainingError

LARGEST = 1e6  # a larger feature is no input of any model (docs/model-format.md)
_WIDEST = 65536  # the largest width of an input


@dataclass(frozen=True)
class FeatureStream:
    """One stream: its features, and labels of the whole stream or of each step."""

    name: str
    origin: str  # file and row, for errors
    features: np.ndarray  # (steps, width), of any numeric type
    labels: tuple[int, ...] | None  # of the whole stream
    steps: np.ndarray | None  # (steps, labels) bool, in their place
    judged: np.ndarray | None  # (steps, 1 or labels) bool: the steps whose labels are known; `None` if all are
    held_out: bool
    assumed: tuple[int, ...] = ()  # labels that all steps are learned with where they are not judged

    def __len__(self) -> int:
        return len(self.features)

    def digest(self, labels: bool = True) -> str:
        """A number of the features and labels, or of the features alone: a training goes on with the same ones."""
        found = hashlib.blake2b(repr((self.labels, self.assumed) if labels else ()).encode(), digest_size=8)
        for values in (self.features, self.steps, self.judged) if labels else (self.features,):
            if values is not None:
                found.update(np.ascontiguousarray(values).data)
        return found.hexdigest()


@dataclass(frozen=True)
class StreamSet:
    """Streams of one width with the labels that they have."""

    labels: tuple[str, ...]
    streams: tuple[FeatureStream, ...]
    exclusive: bool  # exactly one label at a time
    background: int | None = None  # the label of steps that have no other

    @property
    def width(self) -> int:
        return int(self.streams[0].features.shape[1])

    @property
    def has_steps(self) -> bool:
        """Whether steps have labels of their own."""
        return any(stream.steps is not None for stream in self.streams)

    def of(self, held_out: bool) -> tuple[FeatureStream, ...]:
        """The streams of one side of the split."""
        return tuple(stream for stream in self.streams if stream.held_out == held_out)

    def positive(self, stream: FeatureStream) -> np.ndarray:
        """(steps, labels) bool: the labels of each step."""
        if stream.steps is not None:
            return stream.steps
        row = np.zeros(len(self.labels), bool)
        row[list(stream.labels or ())] = True
        return np.broadcast_to(row, (len(stream), len(self.labels)))

    def judged(self, stream: FeatureStream) -> np.ndarray:
        """(steps, labels) bool: whether each is known."""
        known = np.ones((1, 1), bool) if stream.judged is None else stream.judged
        return np.broadcast_to(known, (len(stream), len(self.labels)))


def checked(
    labels: Sequence[str], streams: Sequence[FeatureStream], exclusive: bool, background: int | None = None
) -> StreamSet:
    """The streams as a set, after what cannot be trained or measured is refused, with the file and the row."""
    if not streams:
        raise TrainingError("there are no streams", 66)
    width = streams[0].features.shape[1]
    seen: dict[tuple[str, bool], str] = {}
    if not 1 <= width <= _WIDEST:
        raise TrainingError(
            f"{streams[0].origin}: stream `{streams[0].name}` has {width} features a step; a model takes 1 to {_WIDEST}"
        )
    for stream in streams:
        at = f"{stream.origin}: stream `{stream.name}`"
        if stream.features.shape[1] != width:
            raise TrainingError(
                f"{at} has {stream.features.shape[1]} features a step; `{streams[0].name}` ({streams[0].origin}) has "
                f"{width}, and all must have the same number"
            )
        if len(stream) == 0:
            raise TrainingError(f"{at} is empty: it has no step; leave it out of the index")
        first = seen.setdefault((stream.name, stream.held_out), stream.origin)
        if first != stream.origin:
            raise TrainingError(f"{at} is there twice; the first is {first}")
        _check_labels(stream, at, labels, exclusive)
        if stream.judged is not None and stream.judged.shape[1] not in (1, len(labels)):
            raise TrainingError(
                f"{at}: `judged` has {stream.judged.shape[1]} columns, and there are {len(labels)} labels"
            )
    _check_numbers(streams)
    return StreamSet(tuple(labels), tuple(streams), exclusive, background)


def _check_labels(stream: FeatureStream, at: str, labels: Sequence[str], exclusive: bool) -> None:
    if stream.steps is None:
        if stream.labels is None:
            raise TrainingError(f"{at} has no labels; every stream needs some, or labels of its steps")
        if exclusive and len(stream.labels) != 1:
            raise TrainingError(
                f"{at} has {len(stream.labels)} labels; with softmax it must have one; "
                "--activation sigmoid is for several"
            )
    elif exclusive:
        counts = stream.steps.sum(1)
        known = np.ones(len(stream), bool) if stream.judged is None else stream.judged.all(1)
        if len(wrong := np.flatnonzero((counts != 1) & known)):
            raise TrainingError(
                f"{at}: step {int(wrong[0])} has {int(counts[wrong[0]])} labels; with softmax it must have one: "
                "--activation sigmoid is for several, --background names that of the others"
            )


def _check_numbers(streams: Sequence[FeatureStream]) -> None:
    """Refuses features that no model takes; arrays that hold many streams are read once."""
    for stream in streams:
        if stream.features.dtype.kind != "f" and stream.features.dtype.itemsize <= 2:
            continue
        # The sum of absolute values is not finite if one of them is not, and exceeds the largest if one does.
        kind = None if stream.features.dtype.kind == "f" else np.float64  # whole numbers have one without its opposite
        with np.errstate(over="ignore"):
            sums = np.abs(stream.features, dtype=kind).sum(1, dtype=np.float64)
        if np.isfinite(sums).all() and sums.max() <= LARGEST:
            continue
        with np.errstate(over="ignore"):
            bad = ~np.isfinite(stream.features) | (np.abs(stream.features, dtype=kind) > LARGEST)
        if bad.any():
            step, feature = (int(each) for each in np.argwhere(bad)[0])
            raise TrainingError(
                f"{stream.origin}: stream `{stream.name}`: feature {feature} of step {step} is "
                f"{stream.features[step, feature]}; features must be finite and at most {LARGEST:g} in magnitude: "
                "scale or repair them"
            )


def steps_of_spans(
    spans: Sequence[tuple[float, float, int]], steps: int, labels: int, step_seconds: float, least_overlap: float
) -> np.ndarray:
    """(steps, labels) bool: a step has a label if one of its spans (begin, end, label), in seconds, covers at least the
    share `least_overlap` of it. A span that covers less of every step marks none."""
    marked = np.zeros((steps, labels), bool)
    edges = np.arange(steps + 1) * step_seconds
    for begin, end, label in spans:
        overlap = np.minimum(end, edges[1:]) - np.maximum(begin, edges[:-1])
        marked[overlap >= max(least_overlap * step_seconds, 1e-9), label] = True
    return marked
