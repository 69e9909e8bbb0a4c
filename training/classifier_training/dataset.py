"""The clips of a data set, their labels, and the split into training clips and held-out clips."""

from __future__ import annotations

import csv
import hashlib
import re
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from .errors import TrainingError
from .options import DataOptions

TABLE = "clips.csv"  # in a folder with a table
NOISE = "_background_noise_"  # the prefix of labels of noise for augmentation
SILENCE = "_silence_"  # the label of audio without a sound in it
BACKGROUND = (SILENCE, "_unknown_")  # labels without events
AUDIO_SUFFIXES = frozenset(".wav .flac .ogg .oga .opus .mp3 .aif .aiff .aifc .au .caf .w64 .rf64".split())


@dataclass(frozen=True)
class Clip:
    """One labelled recording."""

    file: str  # relative to the data set's folder, with forward slashes
    label: str
    group: str  # clips of a group are all held out or all trained on
    held_out: bool
    span: tuple[float, float] | None = None  # its part of the file in seconds; None: all

    @property
    def name(self) -> str:
        """A name that is unique in the data set."""
        return self.file if self.span is None else f"{self.file} {self.span[0]:g}-{self.span[1]:g} s"


@dataclass(frozen=True)
class Dataset:
    """Clips and noise below one folder, in a fixed order."""

    folder: Path
    labels: tuple[str, ...]
    clips: tuple[Clip, ...]
    noise: tuple[str, ...]

    def of(self, held_out: bool) -> list[Clip]:
        """The clips of one side of the split."""
        return [clip for clip in self.clips if clip.held_out == held_out]


def is_held_out(seed: int, group: str, fraction: float) -> bool:
    """Whether a group is held out: a hash of seed and group, as a number in [0, 1), is below the fraction."""
    return int(hashlib.sha256(f"{seed}:{group}".encode()).hexdigest()[:8], 16) / 2**32 < fraction


def group_of(file: str, options: DataOptions) -> str:
    """The speaker in a file's name; a file without one is a group of its own."""
    found = re.search(options.speaker_pattern, file)
    return found.group(1) if found else file


FOLDS_RULE = (
    "The figures are those of other models with the same recipe, one for each fold of the data, which were trained on "
    "the other folds and measured on theirs; the model here was trained on all folds."
)


def split_rule(options: DataOptions) -> str:
    """The rule of the split as text, for the model card."""
    if options.split == "none":
        return "No clip was held out."
    if options.split == "column":
        return "Held out: the rows whose `split` is not `train`."
    if options.split == "fold":
        return f"Held out: fold {', '.join(options.held_out_folds)}."
    group = {
        "speaker": "speaker (their clips stay together; a clip without one is its own group)",
        "random": "file",
    }[options.split]
    return (
        f'Held out by {group}: those with int(sha256("{options.split_seed}:GROUP")[:8], 16) / 2^32 '
        f"< {options.held_out_fraction}, GROUP being the speaker or, without one, LABEL/FILE."
    )


def read_dataset(path: Path, options: DataOptions) -> Dataset:
    """Reads a folder with one sub-folder per label, or a CSV file with one row per clip."""
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
    clips = tuple(_clip(row, options, path) for row in rows if not row["label"].startswith(NOISE))
    dataset = Dataset(folder, tuple(sorted({clip.label for clip in clips})), clips, noise)
    _check(dataset, path, options)
    return dataset


def folds(path: Path, options: DataOptions) -> list[str]:
    """The values of a CSV file's column `fold`, in order."""
    if (path / TABLE).is_file():
        path = path / TABLE
    if not path.is_file():
        raise TrainingError(f"{path} is no CSV file, which cross-validation needs for its column `fold`", 66)
    return sorted({row["fold"] for row in _csv_rows(path, replace(options, split="fold"))})


def _csv_rows(path: Path, options: DataOptions) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
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
            if not row[column]:
                raise TrainingError(f"{path}, line {row['line']}: no {name}; give every row one, or remove the row")
    if not rows:
        raise TrainingError(f"{path} has no rows" + (f" where {options.where}" if options.where else ""), 66)
    return rows


def _clip(row: dict[str, str], options: DataOptions, path: Path) -> Clip:
    file, label = row["file"], row["label"]
    group = file
    if options.split == "speaker":
        group = row.get("speaker") or group_of(file, options)
    if options.split == "column":
        held_out = row["split"] != "train"
    elif options.split == "none":
        held_out = False
    elif options.split == "fold":
        held_out = row["fold"] in options.held_out_folds
    else:
        held_out = is_held_out(options.split_seed, group, options.held_out_fraction)
    return Clip(file, label, group, held_out, _span(row, path))


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


def _check(dataset: Dataset, path: Path, options: DataOptions) -> None:
    if len(dataset.labels) < 2:
        raise TrainingError(f"{path} has one label only; a classifier needs two")
    total = Counter(clip.label for clip in dataset.clips)
    trained = Counter(clip.label for clip in dataset.clips if not clip.held_out)
    single = [label for label in dataset.labels if total[label] < 2]
    if single:
        raise TrainingError(f"label `{single[0]}` has one clip only; it needs one to train on and one to keep")
    for label in dataset.labels if options.split != "none" else ():
        if not 0 < trained[label] < total[label]:
            side = "trained on" if trained[label] == 0 else "held out"
            raise TrainingError(
                f"label `{label}`: none of its {total[label]} clips is {side}; use another "
                "--split-seed, --held-out-fraction or --split"
            )
