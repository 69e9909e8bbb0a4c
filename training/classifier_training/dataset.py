"""The clips of a data set, their labels, and the split into training clips and held-out clips."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from .errors import TrainingError
from .feature_labels import checked_label
from .options import DataOptions
from .progress import say
from .split import group_of, held_out_groups

TABLE = "clips.csv"  # in a folder with a table
ADDED = "(background)/"  # the prefix of files that are not in the data set's own folder
NOISE = "_background_noise_"  # the prefix of labels of noise for augmentation
SILENCE = "_silence_"  # the label of audio without a sound in it
UNKNOWN = "_unknown_"  # the label of sounds that are none of the others
BACKGROUND = (SILENCE, UNKNOWN)  # labels without events
AUDIO_SUFFIXES = frozenset(".wav .flac .ogg .oga .opus .mp3 .aif .aiff .aifc .au .caf .w64 .rf64".split())


@dataclass(frozen=True)
class Clip:
    """One labelled recording."""

    file: str  # relative to the data set's folder, with forward slashes
    label: str  # several labels are in alphabetical order, with the separator between them
    group: str  # clips of a group are all held out or all trained on
    held_out: bool
    span: tuple[float, float] | None = None  # its part of the file in seconds; None: all
    several: tuple[str, ...] | None = None  # its labels, if it may have any number of them

    @property
    def name(self) -> str:
        """A name that is unique in the data set."""
        return self.file if self.span is None else f"{self.file} {self.span[0]:g}-{self.span[1]:g} s"

    @property
    def labels(self) -> tuple[str, ...]:
        return (self.label,) if self.several is None else self.several

    def is_like(self, other: Clip) -> bool:
        """Whether they have a label in common, or both the same one of the background."""
        return self.label == other.label or not set(self.labels).isdisjoint(other.labels)


@dataclass(frozen=True)
class Dataset:
    """Clips and noise below one folder, in a fixed order, and clips of the background that were added to them."""

    folder: Path
    labels: tuple[str, ...]
    clips: tuple[Clip, ...]
    noise: tuple[str, ...]
    added: Path | None = None  # the folder of the files whose names begin with `ADDED`
    separator: str = ""  # between several labels; without one a clip has exactly one label

    @property
    def combinations(self) -> tuple[str, ...]:
        """The values of `Clip.label`: the labels or, with a separator, their combinations and those without a label."""
        if not self.separator:
            return self.labels
        return tuple(sorted({clip.label for clip in self.clips} | set(BACKGROUND)))

    def path(self, file: str) -> Path:
        """The place of a clip's file, or of noise."""
        if self.added and file.startswith(ADDED):
            return self.added / file.removeprefix(ADDED)
        return self.folder / file

    def of(self, held_out: bool) -> list[Clip]:
        """The clips of one side of the split."""
        return [clip for clip in self.clips if clip.held_out == held_out]


def read_dataset(path: Path, options: DataOptions, is_one_label_enough: bool = False) -> Dataset:
    """Reads a folder with one sub-folder per label, or a CSV file with one row per clip.

    One label is enough if those of the background are added to it, or if nothing is trained.
    """
    if (path / TABLE).is_file():
        path = path / TABLE
    if path.is_dir():
        rows = [
            {"file": file.relative_to(path).as_posix(), "label": file.relative_to(path).parts[0]}
            for file in sorted(path.glob("*/**/*"))
            if file.suffix.lower() in AUDIO_SUFFIXES
        ]
        folder = path
        if not rows:
            raise TrainingError(f"no audio files in {path}; it must have one sub-folder with sounds per label", 66)
        if options.split in ("column", "fold"):
            raise TrainingError(f"the split by `{options.split}` needs a CSV file, not a folder", 64)
    elif path.is_file():
        rows, folder = _csv_rows(path, options), path.parent / options.audio_folder
    else:
        raise TrainingError(f"{path} is neither a folder nor a CSV file", 66)
    noise = tuple(row["file"] for row in rows if row["label"].startswith(NOISE))
    named = [row for row in rows if not row["label"].startswith(NOISE)]
    found = [_clip(row, options, path) for row in named]
    places = _places(named, found, path, options)
    clips = tuple(_split(found, options))
    labels = {label for clip in clips for label in clip.labels} | ({UNKNOWN} if options.unknown else set())
    dataset = Dataset(folder, tuple(sorted(labels)), clips, noise, separator=options.separator)
    _check(dataset, path, options, is_one_label_enough or bool(options.separator), places)
    return dataset


def folds(path: Path, options: DataOptions) -> list[str]:
    """The values of a CSV file's column `fold`, in order."""
    if (path / TABLE).is_file():
        path = path / TABLE
    if not path.is_file():
        raise TrainingError(f"{path} is no CSV file, which cross-validation needs for its column `fold`", 66)
    return sorted({row["fold"] for row in _csv_rows(path, replace(options, split="fold"))})


def _table(path: Path) -> io.StringIO:
    """The text of a table, with or without the mark that Excel puts before it."""
    try:
        return io.StringIO(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingError(f"cannot read {path}: {error}; save the table as UTF-8", 66) from error


def _csv_rows(path: Path, options: DataOptions) -> list[dict[str, str]]:
    with _table(path) as file:
        reader = csv.DictReader(file)
        columns = reader.fieldnames or []
        key, _, value = options.where.partition("=")
        needed = [
            options.filename_column,
            options.label_column,
            *([key] if options.where else []),
            *({"column": ["split"], "fold": ["fold"]}.get(options.split, [])),
        ]
        for column in needed:
            if column not in columns:
                raise TrainingError(f"{path} has no column `{column}`; it has {', '.join(columns)}")
        rows = [
            {
                **row,
                "file": row[options.filename_column] or "",
                "label": (row[options.label_column] or "").strip(),
                "line": str(reader.line_num),
            }
            for row in reader
            if not options.where or row[key] == value
        ]
    for row in rows:
        for column, name in (("file", options.filename_column), ("label", options.label_column)):
            # With a separator an empty field says that no label applies, as in the program's `evaluate`.
            if not row[column] and not (column == "label" and options.separator):
                raise TrainingError(f"{path}, line {row['line']}: no {name}; give every row one, or remove the row")
    if not rows:
        raise TrainingError(f"{path} has no rows" + (f" where {options.where}" if options.where else ""), 66)
    return rows


def _clip(row: dict[str, str], options: DataOptions, path: Path) -> Clip:
    file, label = row["file"], row["label"]
    group = file
    if options.split in ("speaker", "column"):
        group = row.get("speaker") or group_of(file, options)
    held_out = options.split == "column" and row["split"] != "train"
    held_out |= options.split == "fold" and row["fold"] in options.held_out_folds
    if not options.separator:
        return Clip(file, label, group, held_out, _span(row, path))
    several = _several(row, options.separator, path)
    return Clip(file, options.separator.join(several) or label, group, held_out, _span(row, path), several)


def _several(row: dict[str, str], separator: str, path: Path) -> tuple[str, ...]:
    """The labels of a row in alphabetical order; none of an empty field, and of a label of the background."""
    label = row["label"]
    if label in ("", *BACKGROUND):
        return ()
    if "line" not in row:  # the name of a folder
        return (label,)
    at = f"{path}, line {row['line']}, `{label}`"
    names = [checked_label(name.strip(), at) for name in label.split(separator)]
    if repeated := [name for name, count in Counter(names).items() if count > 1]:
        raise TrainingError(f"{at}: the label `{repeated[0]}` is there twice; name it once")
    if len(names) > 1 and (alone := [name for name in names if name in BACKGROUND or name.startswith(NOISE)]):
        raise TrainingError(f"{at}: `{alone[0]}` means that no label applies; it cannot be beside others")
    return tuple(sorted(names))


def _split(clips: list[Clip], options: DataOptions) -> list[Clip]:
    """The clips with the sides of a split by speaker or at random; those of other splits have theirs."""
    if options.split not in ("speaker", "random"):
        return clips
    by_speaker = any(clip.group != clip.file for clip in clips)
    files: dict[str, list[str]] = {}
    for group, label in _members(clips):
        files.setdefault(label, []).append(group)
    single = sorted(label for label, groups in files.items() if label and len(groups) > 1 == len(set(groups)))
    if not by_speaker and single:
        say(f"all clips of `{single[0]}` are parts of one file: parts of a file may be on both sides of the split")
        clips = [replace(clip, group=clip.name) for clip in clips]
    held_out = held_out_groups(_members(clips), options, by_speaker)
    return [replace(clip, held_out=clip.group in held_out) for clip in clips]


def _members(clips: list[Clip]) -> list[tuple[str, str]]:
    """The group and the label of each clip, once for each of its labels."""
    return [(clip.group, label) for clip in clips for label in clip.labels or (clip.label,)]


def _span(row: dict[str, str], path: Path) -> tuple[float, float] | None:
    """The part of the file in the columns `onset` and `offset`, in seconds; `None` for the whole file."""
    onset, offset = row.get("onset") or "", row.get("offset") or ""
    if not onset and not offset:
        return None
    row_name = f"{path}, line {row['line']} ({row['file']})"
    try:
        span = (float(onset), float(offset))
    except ValueError as error:
        raise TrainingError(f"{row_name}: onset `{onset}` and offset `{offset}` must be seconds") from error
    if not 0 <= span[0] < span[1] < float("inf"):
        raise TrainingError(f"{row_name}: from onset {onset} to offset {offset} there is no sound")
    return span


def _places(rows: list[dict[str, str]], clips: list[Clip], path: Path, options: DataOptions) -> dict[str, str]:
    """The first place of each label. With a separator a clip that is there twice is refused."""
    places: dict[str, str] = {}
    lines: dict[str, str] = {}
    for row, clip in zip(rows, clips):
        place = f"{path}, line {row['line']}" if "line" in row else str(path)
        for label in clip.labels:
            places.setdefault(label, place)
        if options.separator and clip.name in lines:
            raise TrainingError(
                f"{place}: {clip.name} is there twice, first in line {lines[clip.name]}: write all of its labels in "
                "one row"
            )
        lines[clip.name] = row.get("line", "")
    return places


def _check(
    dataset: Dataset, path: Path, options: DataOptions, is_one_label_enough: bool, places: dict[str, str]
) -> None:
    if len(dataset.labels) < 2 and not is_one_label_enough:
        raise TrainingError(f"{path} has one label only; a classifier needs two")
    if not dataset.labels and options.separator:
        raise TrainingError(f"{path} has no label but those of the background; a classifier needs one")
    if options.split == "none":
        return
    total = Counter(label for clip in dataset.clips for label in clip.labels)
    trained = Counter(label for clip in dataset.clips if not clip.held_out for label in clip.labels)
    labels = [label for label in dataset.labels if total[label] or not options.unknown]
    single = [label for label in labels if total[label] < 2]
    if single:
        place = places.get(single[0], path)
        raise TrainingError(f"{place}: label `{single[0]}` has one clip only; it needs one to train on and one to keep")
    for label in labels:
        if not 0 < trained[label] < total[label]:
            side = "trained on" if trained[label] == 0 else "held out"
            reason = {
                "speaker": "all are of one speaker, or their speakers are those of other labels; use --split random",
                "random": "use another --held-out-fraction",
                "column": "the column `split` must have `train` in some of its rows, and another word in the others",
                "fold": "use other --held-out-folds",
            }[options.split]
            raise TrainingError(f"label `{label}`: none of its {total[label]} clips is {side}: {reason}")
