"""Reads streams of features with their labels: a folder with an index, or the archives of a recipe."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from .errors import TrainingError
from .feature_labels import checked_label, checked_names
from .feature_options import StreamOptions
from .feature_sources import (
    INDEX,
    LABELS,
    SPANS,
    ArrayCache,
    ArraySource,
    RawStream,
    check_truth,
    read_folder,
    read_spans,
    read_table,
)
from .feature_streams import FeatureStream, StreamSet, checked, steps_of_spans
from .progress import say

_LEAST_PROBABILITY = 1e-6  # whose logit is taken for smaller ones


def read_streams(data: Path, arrays: Sequence[ArraySource], options: StreamOptions) -> StreamSet:
    """The streams of a folder's index, or of the recipe's archives below the folder."""
    options.check()
    if not data.is_dir():
        raise TrainingError(f"{data} is no folder; name that of the streams' {INDEX}, or of the recipe's archives", 66)
    names = _label_names(data, options)
    if arrays:
        raw = [stream for source in arrays for stream in read_archive(data, source, names, options)]
    elif (data / INDEX).exists():
        raw = list(read_folder(data))
    else:
        raise TrainingError(f"{data} has no {INDEX}; docs/feature-streams.md describes it", 66)
    if not names:
        names = _labels_in(raw, options)
    index = {name: number for number, name in enumerate(names)}
    background = index.get(options.background)
    if options.background and background is None:
        raise TrainingError(f"--background is `{options.background}`, none of the labels {', '.join(names)}", 64)
    streams = [_resolved(stream, index, background, options) for stream in raw]
    if lost := _spans_of_no_step(raw, options):
        say(
            f"spans that label no step, because they cover less than {options.least_overlap:g} of each "
            f"(--least-overlap): {len(lost)}, the first at {lost[0]}"
        )
    if cut := [span[3] for stream in raw for span in stream.spans or () if _ends_beyond(stream, span[1], options)]:
        say(f"spans that end more than a step after their stream, and are cut there: {len(cut)}, the first at {cut[0]}")
    if options.validation:
        streams = _validation(streams, options.validation)
    found = checked(names, streams, options.activation == "softmax", background)
    if not names:
        raise TrainingError(f"{data}: no stream has a label; give them in {INDEX} or {SPANS}")
    return found


def _validation(streams: Sequence[FeatureStream], share: float) -> list[FeatureStream]:
    """The training streams alone, of which a share is held out by their names: the same ones in every run."""
    if not 0 < share < 1:
        raise TrainingError(f"--validation is {share:g}; it is a share of the training streams, below 1", 64)
    limit = int(share * 2**32)
    return [
        replace(stream, held_out=int.from_bytes(sha256(stream.name.encode()).digest()[:4], "big") < limit)
        for stream in streams
        if not stream.held_out
    ]


def transformed(features: np.ndarray, options: StreamOptions, at: str = "features") -> np.ndarray:
    """Features as a model takes them; `at` is their place, for errors."""
    if options.transform == "none":
        return features
    if (wrong := np.argwhere((features < 0) | (features > 1))).size:
        step, feature = wrong[0].tolist()
        raise TrainingError(
            f"{at}: feature {feature} of step {step} is {features[step, feature]}; --transform logit is for "
            "probabilities, from 0 to 1"
        )
    p = np.clip(features, _LEAST_PROBABILITY, 1 - _LEAST_PROBABILITY, dtype=np.float64)
    logits: np.ndarray = np.log(p / (1 - p)).astype(np.float32)
    return np.where(np.isnan(features), np.float32("nan"), logits)


def read_archive(data: Path, source: ArraySource, names: Sequence[str], options: StreamOptions) -> Iterator[RawStream]:
    """The streams of an archive. Labels that are indices are those of `names`."""
    origin, cache = source.archive, ArrayCache(data)
    features = cache.features(f"{source.archive}:{source.features}", origin)

    def array(name: str, length: int | None = None, kinds: str = "") -> np.ndarray:
        found = cache.read(f"{source.archive}:{name}", origin)
        wrong = found.ndim != 1 or (length is not None and len(found) != length)
        if wrong or found.dtype.kind not in (kinds or found.dtype.kind):
            needed = {"": "values", "iu": "whole numbers"}.get(kinds, "numbers")
            raise TrainingError(
                f"{origin}: `{name}` is {found.dtype.name} of shape {found.shape}; it must be {needed}, "
                f"{'one-dimensional' if length is None else f'{length} of them'}"
            )
        return found

    known = _source_labels(data, source) or names
    ids = array(source.stream)
    firsts, counts = _extents(source, ids, len(features), array)
    if source.label:
        array(source.label, len(ids))
    for name, kinds in ((source.start, "fiu"), (source.label_first, "iu"), (source.label_count, "iu")):
        if name:
            array(name, len(firsts), kinds)
    steps = {label: cache.read(reference, origin) for label, reference in source.steps.items()}
    judged = {label: cache.read(reference, origin) for label, reference in source.judged.items()}
    for label, rows in [*steps.items(), *judged.items()]:
        if len(rows) != len(features):
            raise TrainingError(f"{origin}: `{label}` has {len(rows)} rows of labels, and {len(features)} of features")
        check_truth(rows, f"{origin}: `{label}`")
    tables = {label: read_spans(data / path, source.merge_spans) for label, path in source.spans.items()}
    found: set[str] = set()
    for number, (first, count) in enumerate(zip(firsts, counts)):
        name = str(ids[number] if source.first else ids[first])
        at = f"{origin}: {'stream' if source.first else 'row'} {number if source.first else first}"
        if source.start:
            start = float(array(source.start)[number])
            if not np.isfinite(start):
                raise TrainingError(f"{at}: `{source.start}` is {start}; it must be a number of seconds")
            name = f"{name}_{round(start * 1000)}"
        found.add(name)
        part = slice(first, first + count)
        labels = _labels_of(source, array, number, first, count, known, at)
        spans, mask, weak = None, None, []
        if tables or steps:
            mask = np.ones((count, len(names)), bool)
            spans = tuple(
                (begin, end, label, row)
                for label, table in tables.items()
                for begin, end, _, row in table.get(name, ())
            )
            for label, implied in source.weak.items():
                if set(implied) & set(labels or ()) and name not in tables.get(label, ()):
                    mask[:, _number(label, names, at)] = False
                    weak.append(label)
            labels = None
        own = None
        if steps:
            own = np.zeros((count, len(names)), bool)
            for label, rows in steps.items():
                own[:, _number(label, names, at)] = rows[part]
            spans = None
        for label, rows in judged.items():
            assert mask is not None
            mask[:, _number(label, names, at)] = rows[part]
        assumed = tuple(weak) if source.learn_weak else ()
        yield RawStream(name, at, features[part], labels, source.split, own, mask, spans, assumed)
    for label, table in tables.items():
        # A table may label streams that are elsewhere, but not only such.
        if table and not table.keys() & found:
            raise TrainingError(
                f"{data / source.spans[label]}: labels {len(table)} streams, of which none is in {origin}; there they "
                f"are called `{min(found, default='')}` and so on"
            )


def _extents(source: ArraySource, ids: np.ndarray, rows: int, array: Any) -> tuple[list[int], list[int]]:
    """The first row and the number of rows of each stream."""
    at = source.archive
    if source.first:
        firsts, counts = (array(name, None, "iu").tolist() for name in (source.first, source.count))
        if not len(firsts) == len(counts) == len(ids):
            raise TrainingError(f"{at}: {len(ids)} streams, {len(firsts)} first rows and {len(counts)} counts")
        for number, (first, count) in enumerate(zip(firsts, counts)):
            if first < 0 or count < 0 or first + count > rows:
                raise TrainingError(f"{at}: stream {number}: rows {first} to {first + count} of {rows}")
        return firsts, counts
    if len(ids) != rows:
        raise TrainingError(f"{at}: `{source.stream}` names the streams of {len(ids)} rows, and there are {rows}")
    firsts = [0, *(np.flatnonzero(ids[1:] != ids[:-1]) + 1).tolist()] if rows else []
    return firsts, np.diff([*firsts, rows]).tolist()


def _labels_of(
    source: ArraySource, array: Any, number: int, first: int, count: int, names: Sequence[str], at: str
) -> tuple[str, ...] | None:
    """The labels of a whole stream."""
    if source.labels:
        begin, amount = (int(array(each)[number]) for each in (source.label_first, source.label_count))
        values = array(source.labels)
        if begin < 0 or amount < 0 or begin + amount > len(values):
            raise TrainingError(f"{at}: labels {begin} to {begin + amount} of {len(values)}")
        found = values[begin : begin + amount].tolist()
    elif source.label:
        values = array(source.label)
        found = [values[number].item()] if source.first else np.unique(values[first : first + count]).tolist()
    else:
        return None
    return tuple(_name(value, names, at) for value in found)


def _source_labels(data: Path, source: ArraySource) -> tuple[str, ...]:
    if not source.label_table:
        return source.label_names
    return tuple(checked_label(label, at) for at, label in _column(data / source.label_table, source.label_column))


def _column(table: Path, column: str) -> list[tuple[str, str]]:
    """A column of a table, each value with its place."""
    return [(f"{table}:{line}", row[column]) for line, row in read_table(table, (column,))]


def _name(value: Any, names: Sequence[str], at: str) -> str:
    if isinstance(value, str):
        return checked_label(value, at)
    if not isinstance(value, int):
        raise TrainingError(f"{at}: the label is {value!r}; labels are whole numbers, or texts")
    if not 0 <= value < len(names):
        raise TrainingError(f"{at}: label {value}, and there are {len(names)}; --labels or label_table names them")
    return names[value]


def _number(label: str, names: Sequence[str], at: str) -> int:
    if label not in names:
        raise TrainingError(f"{at}: the label `{label}` is none of {', '.join(names)}")
    return list(names).index(label)


def _label_names(data: Path, options: StreamOptions) -> tuple[str, ...]:
    if options.labels:
        given = [(f"label {number} of --labels", label) for number, label in enumerate(options.labels, 1)]
        return checked_names(given, 64)
    table = data / (options.label_table or LABELS)
    if not options.label_table and not table.exists():
        return ()
    return checked_names(_column(table, options.label_column))


def _labels_in(raw: Sequence[RawStream], options: StreamOptions) -> tuple[str, ...]:
    """The labels that occur, in alphabetical order, the background first."""
    found = {label: stream.origin for stream in raw for label in stream.labels or ()}
    found |= {span[2]: span[3] for stream in raw for span in stream.spans or ()}
    for stream in raw:
        if stream.steps is not None:
            raise TrainingError(f"{stream.origin}: labels of steps are numbers; {LABELS} or --labels must name them")
    if options.background:
        found.pop(checked_label(options.background, "--background", 64), None)
    background = [("--background", options.background)] if options.background else []
    return checked_names([*background, *((found[label], label) for label in sorted(found))])


def _resolved(
    stream: RawStream, index: dict[str, int], background: int | None, options: StreamOptions
) -> FeatureStream:
    """The stream with its labels by number."""

    def number(label: str, origin: str) -> int:
        if label not in index:
            raise TrainingError(f"{origin}: the label `{label}` is none of {', '.join(index)}")
        return index[label]

    labels = None if stream.labels is None else tuple(number(label, stream.origin) for label in stream.labels)
    steps, judged = None, stream.judged
    if judged is not None and judged.ndim == 1:
        judged = judged[:, None]
    if stream.spans is not None:
        spans = [(begin, end, number(label, origin)) for begin, end, label, origin in stream.spans]
        _within(stream, options)
        steps = steps_of_spans(spans, len(stream.features), len(index), options.step_seconds, options.least_overlap)
    elif stream.steps is not None:
        steps, unknown = _steps(stream, len(index))
        judged = unknown if judged is None else judged & unknown if unknown is not None else judged
    if steps is not None and background is not None:
        steps = steps.copy()
        steps[:, background] |= ~steps.any(1)
    features = transformed(stream.features, options, f"{stream.origin}: stream `{stream.name}`")
    assumed = tuple(number(label, stream.origin) for label in stream.assumed)
    return FeatureStream(stream.name, stream.origin, features, labels, steps, judged, stream.split != "train", assumed)


def _spans_of_no_step(raw: Sequence[RawStream], options: StreamOptions) -> list[str]:
    """The places of spans that are too short for any step."""
    return [
        origin
        for stream in raw
        for begin, end, _, origin in stream.spans or ()
        if not steps_of_spans(
            [(begin, end, 0)], len(stream.features), 1, options.step_seconds, options.least_overlap
        ).any()
    ]


def _ends_beyond(stream: RawStream, end: float, options: StreamOptions) -> bool:
    return end > (len(stream.features) + 1) * options.step_seconds


def _within(stream: RawStream, options: StreamOptions) -> None:
    """Refuses spans that begin after the stream's end."""
    seconds = len(stream.features) * options.step_seconds
    for begin, _, label, origin in stream.spans or ():
        if begin >= seconds + options.step_seconds:
            raise TrainingError(
                f"{origin}: `{label}` begins at {begin:g} s, and the stream `{stream.name}` has {seconds:g} s: "
                f"{len(stream.features)} steps of {options.step_seconds:g} s (--step-seconds)"
            )


def _steps(stream: RawStream, labels: int) -> tuple[np.ndarray, np.ndarray | None]:
    """(steps, labels) truth, and (steps, 1) whether it is known, of labels by number (-1: unknown) or truth values."""
    assert stream.steps is not None
    values = np.asarray(stream.steps)
    if values.ndim == 2:
        if values.shape[1] != labels:
            raise TrainingError(
                f"{stream.origin}: `steps` has {values.shape[1]} columns, and there are {labels} labels"
            )
        return values.astype(bool), None
    if values.ndim != 1 or values.dtype.kind not in "iu":
        raise TrainingError(f"{stream.origin}: `steps` must be whole numbers (steps,) or truth values (steps, labels)")
    if len(wrong := np.flatnonzero((values < -1) | (values >= labels))):
        raise TrainingError(
            f"{stream.origin}: step {wrong[0]} has the label {values[wrong[0]]}, and there are {labels}"
        )
    return values[:, None] == np.arange(labels), (values >= 0)[:, None]
