"""Where streams of features come from: a folder of arrays with an index, or archives whose arrays a recipe names."""

from __future__ import annotations

import csv
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .errors import TrainingError
from .feature_labels import checked_label
from .progress import say

_COLUMNS = ("stream", "file", "labels", "split", "first", "frames", "steps", "judged")
INDEX, SPANS, LABELS = "streams.csv", "spans.csv", "labels.csv"


@dataclass(frozen=True)
class ArraySource:
    """An archive `.npz` with many streams, and the names of its arrays; of a recipe's list `arrays`.

    Rows of `features` are steps. `stream` names the stream of each row; or, with `first` and `count`, each stream,
    whose rows are `count` from `first` on.
    """

    archive: str = ""  # below the data's folder
    split: str = "train"  # side of all of its streams; all but `train` are held out
    features: str = "features"
    stream: str = "stream"
    first: str = ""
    count: str = ""
    start: str = ""  # of each stream in its recording, in seconds; `spans` name a stream NAME_MILLISECONDS with it
    label_names: tuple[str, ...] = ()  # of labels that are indices, if they are not those of the recipe
    label_table: str = ""  # the same as a table below the folder, of the column `label_column`
    label_column: str = "label"
    label: str = ""  # one label a row, or a stream: its index, or its name
    labels: str = ""  # labels of all streams, one after the other; a stream has `label_count` from `label_first` on
    label_first: str = ""
    label_count: str = ""
    spans: dict[str, str] = field(default_factory=dict)  # labels, with their tables of begin and end, below the folder
    steps: dict[str, str] = field(default_factory=dict)  # labels, with ARCHIVE:ARRAY of a truth value for each row
    judged: dict[str, str] = field(default_factory=dict)  # labels, with ARCHIVE:ARRAY: rows whose label is known
    # Labels, with those of whole streams that imply them: without spans, the steps of such a stream are not judged.
    weak: dict[str, list[str]] = field(default_factory=dict)
    learn_weak: bool = False  # such a stream is learned as if it had the label at every step
    merge_spans: bool = False  # overlapping spans of a label are one, rather than an error

    def json(self) -> dict[str, Any]:
        """The values that are not the defaults."""
        plain = asdict(ArraySource())
        return {key: value for key, value in asdict(self).items() if value != plain[key]}


@dataclass(frozen=True)
class RawStream:
    """A stream as it is named in an index, with labels by name."""

    name: str
    origin: str
    features: np.ndarray  # (steps, width)
    labels: tuple[str, ...] | None
    split: str
    steps: np.ndarray | None = None  # (steps,) int label, or (steps, labels)
    judged: np.ndarray | None = None  # (steps,) or (steps, labels) bool
    spans: tuple[tuple[float, float, str, str], ...] | None = None  # begin, end, label, origin
    assumed: tuple[str, ...] = ()  # labels that all of its steps are learned with, without being judged


def read_table(path: Path, needed: Sequence[str]) -> list[tuple[int, dict[str, str]]]:
    """The rows of a CSV file, or of a TSV file, with their line numbers."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, delimiter="\t" if path.suffix == ".tsv" else ",", skipinitialspace=True)
            rows = [(reader.line_num, row) for row in reader]
            columns = reader.fieldnames or []
    except UnicodeDecodeError as error:
        raise TrainingError(f"{path} is not in UTF-8 ({error.reason}); save the table as UTF-8") from error
    except (OSError, csv.Error) as error:
        raise TrainingError(f"cannot read {path}: {error}", 66) from error
    if missing := [name for name in needed if name not in columns]:
        mark = "tabs" if path.suffix == ".tsv" else "commas"
        hint = f"; its columns must be separated by {mark}" if len(columns) == 1 else ""
        raise TrainingError(f"{path}: has no column `{missing[0]}`; it has {', '.join(columns) or 'none'}{hint}")
    if longer := [line for line, row in rows if None in row]:
        raise TrainingError(
            f"{path}:{longer[0]}: has more values than the {len(columns)} columns; quote a value that has a comma"
        )
    return rows


def read_array(reference: str, folder: Path, origin: str) -> np.ndarray:
    """The array of a file `NAME.npy`, or of an archive as `NAME.npz:ARRAY`, below `folder`."""
    name, _, key = reference.partition(".npz:")
    path = folder / (f"{name}.npz" if key else name)
    if path.suffix == ".npz" and not key:
        raise TrainingError(f"{origin}: {path} is an archive; name one of its arrays, as `{path.name}:features`")
    if not name:
        raise TrainingError(f"{origin}: names no array; give it a file NAME.npy, or ARCHIVE.npz:ARRAY")
    try:
        found = np.load(path, allow_pickle=False, mmap_mode=None if path.suffix == ".npz" else "r")
    except FileNotFoundError as error:
        raise TrainingError(f"{origin}: names {path}, which does not exist", 66) from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise TrainingError(f"{origin}: {path} is no NumPy array of numbers, or is cut: {_reason(error)}") from error
    if isinstance(found, np.ndarray):
        if key:
            raise TrainingError(f"{origin}: {path} is a single array; name it without `:{key}`")
        return found
    with found:
        if key not in found.files:
            raise TrainingError(f"{origin}: {path} has no array `{key}`; it has {', '.join(found.files)}")
        try:
            return found[key]
        except (ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise TrainingError(f"{origin}: the array `{key}` of {path} cannot be read: {error}") from error


def _reason(error: Exception) -> str:
    """NumPy's reason, less its advice to load what runs code of the file."""
    return "NumPy does not know its format" if "pickle" in str(error) else str(error)


class ArrayCache:
    """Reads each array once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._arrays: dict[str, np.ndarray] = {}

    def read(self, reference: str, origin: str) -> np.ndarray:
        if reference not in self._arrays:
            self._arrays[reference] = read_array(reference, self.folder, origin)
        return self._arrays[reference]

    def features(self, reference: str, origin: str) -> np.ndarray:
        """(steps, width) numbers."""
        array = self.read(reference, origin)
        if array.ndim != 2 or array.dtype.kind not in "fiub":
            raise TrainingError(
                f"{origin}: {reference} is {array.dtype.name} of shape {array.shape}; features are numbers of shape "
                "(steps, features)"
            )
        return array


def read_folder(folder: Path) -> Iterator[RawStream]:
    """The streams of a folder's index, streams.csv, in its order.

    Columns: `stream`, `file` (NAME.npy, or ARCHIVE.npz:ARRAY), and optionally `split`, `labels` (`;` between them),
    `first` and `frames` (its rows of the array), `steps` and `judged` (arrays like `file`, with labels of each row).
    Spans of labels are in spans.csv beside it: `stream`, `label`, `begin`, `end`.
    """
    index, cache = folder / INDEX, ArrayCache(folder)
    rows = read_table(index, ("stream", "file"))
    if not rows:
        raise TrainingError(f"{index}: names no stream; give it a row for each")
    if unused := sorted(key for key in rows[0][1] if isinstance(key, str) and key not in _COLUMNS):
        say(
            f"{index}: not used are the columns {', '.join(f'`{each}`' for each in unused)}; known ones are "
            f"{', '.join(_COLUMNS)}"
        )
    for line, row in rows:
        _check_row(row, f"{index}:{line}")
    spans = read_spans(folder / SPANS) if (folder / SPANS).exists() else None
    if spans and (unknown := spans.keys() - {row["stream"] for _, row in rows}):
        name = min(unknown)
        raise TrainingError(f"{spans[name][0][3]}: labels the stream `{name}`, which {index} does not have")
    if spans:
        _check_names(rows, index)
    for line, row in rows:
        at = f"{index}:{line}"
        features = cache.features(row["file"] or "", at)
        part = _rows(row, len(features), at)
        labels = None
        if row.get("labels") is not None:
            given = (each.strip() for each in (row["labels"] or "").split(";"))
            labels = tuple(checked_label(each, at) for each in given if each)
        arrays = {key: cache.read(row[key], at) for key in ("steps", "judged") if row.get(key)}
        for key, array in arrays.items():
            if array.ndim not in (1, 2) or array.dtype.kind not in "fiub":
                raise TrainingError(
                    f"{at}: `{key}` is {array.dtype.name} of shape {array.shape}; it must be numbers of shape "
                    "(steps,) or (steps, labels)"
                )
            if len(array) != len(features):
                raise TrainingError(f"{at}: `{key}` has {len(array)} rows, and `file` has {len(features)}")
            if key == "judged" or array.ndim == 2:
                check_truth(array, f"{at}: `{key}`")
        own = None if spans is None else tuple(spans.get(row["stream"], ()))
        if sum(each is not None for each in (labels, arrays.get("steps"), own)) > 1:
            raise TrainingError(f"{at}: give one of labels, steps and {SPANS}, not several")
        yield RawStream(
            row["stream"],
            at,
            features[part],
            labels,
            row.get("split", "train"),
            arrays["steps"][part] if "steps" in arrays else None,
            arrays["judged"][part].astype(bool) if "judged" in arrays else None,
            own,
        )


def _check_names(rows: Sequence[tuple[int, dict[str, str]]], index: Path) -> None:
    """Refuses a name of several streams, whose spans would be labels of each."""
    lines: dict[str, int] = {}
    for line, row in rows:
        first = lines.setdefault(row["stream"], line)
        if first != line:
            raise TrainingError(
                f"{index}:{line}: `{row['stream']}` is the name of line {first}, too; {SPANS} needs one for each stream"
            )


def _check_row(row: dict[str, str], at: str) -> None:
    """Refuses a stream without a name, and a side of the split that is a slip."""
    if not row["stream"]:
        raise TrainingError(f"{at}: `stream` is empty; give each stream a name")
    if "split" not in row:
        return
    split = row["split"] or ""  # nothing where the row has fewer values
    if not split.strip():
        raise TrainingError(f"{at}: `split` is empty; write `train`, or another word for a stream that is held out")
    if split != "train" and split.strip().lower() == "train":
        raise TrainingError(f"{at}: `split` is {split!r}; write `train` for a stream to train on")


def check_truth(array: np.ndarray, at: str) -> None:
    """Refuses an array of truth values that has others than 0 and 1, and so is none."""
    if array.dtype.kind != "b" and (wrong := np.argwhere((array != 0) & (array != 1))).size:
        place = tuple(wrong[0].tolist())
        raise TrainingError(
            f"{at}: row {place[0]} has the value {array[place]}; truth values are 0 and 1: apply a threshold"
        )


def _rows(row: dict[str, str], count: int, at: str) -> slice:
    """The rows of the array that are the stream's."""
    try:
        first = int(row.get("first") or 0)
        frames = int(row["frames"]) if row.get("frames") else count - first
    except ValueError as error:
        raise TrainingError(f"{at}: `first` and `frames` must be whole numbers") from error
    if first < 0 or frames < 0 or first + frames > count:
        raise TrainingError(f"{at}: rows {first} to {first + frames} of an array with {count}")
    return slice(first, first + frames)


def read_spans(path: Path, merge: bool = False) -> dict[str, list[tuple[float, float, str, str]]]:
    """The spans (begin, end, label, origin) of each stream, in seconds.

    Refuses reversed ones, and overlapping ones of a label, unless `merge` permits these.

    The columns are `stream`, `label`, `begin`, `end`, or those of AudioSet's strong labels.
    """
    rows = read_table(path, ())
    if not rows:
        raise TrainingError(f"{path}: has no span; give it a row for each, or remove it")
    strong = bool(rows) and "segment_id" in rows[0][1]
    names = ("segment_id", "label", "start_time_seconds", "end_time_seconds") if strong else (
        "stream", "label", "begin", "end"
    )  # fmt: skip
    read_table(path, names)
    spans: dict[str, list[tuple[float, float, str, str]]] = {}
    for line, row in rows:
        at = f"{path}:{line}"
        try:
            begin, end = float(row[names[2]]), float(row[names[3]])
        except (TypeError, ValueError) as error:
            raise TrainingError(f"{at}: begin and end must be numbers of seconds") from error
        if not (0 <= begin < float("inf") and 0 <= end < float("inf")):
            raise TrainingError(f"{at}: begin is {begin:g} s and end {end:g} s; they are seconds from 0 on")
        if end <= begin:
            raise TrainingError(f"{at}: begins at {begin:g} s and ends at {end:g} s; the end must be later")
        label = checked_label(row[names[1]], at).strip()
        spans.setdefault(row[names[0]], []).append((begin, end, label, at))
    for found in spans.values():
        found.sort(key=lambda span: span[:3])
        last: dict[str, tuple[float, float, str, str]] = {}
        for span in found:
            before = last.get(span[2])
            if before and span[:2] == before[:2] and not merge:
                raise TrainingError(f"{span[3]}: the same span of `{span[2]}` as {before[3]}; remove one of them")
            if before and span[0] < before[1] - 1e-9 and not merge:
                raise TrainingError(
                    f"{span[3]}: `{span[2]}` begins at {span[0]:g} s, before {before[3]} ends at {before[1]:g} s"
                )
            last[span[2]] = span
    return spans
