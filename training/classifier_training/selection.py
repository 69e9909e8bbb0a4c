"""Selects the files of a source: which ones, in which order, and where they go."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .errors import TrainingError
from .options import DataOptions
from .source import Source
from .split import group_of, is_held_out


@dataclass(frozen=True)
class Chosen:
    """A file of a source, and its place in the part."""

    file: Path
    target: str
    label: str
    side: str


@dataclass(frozen=True)
class _Found:
    path: str  # in the source
    label: str
    side: str = ""
    fields: dict[str, str] = field(default_factory=dict)


def chosen_of_data(source: Source, data: Path, options: DataOptions) -> Iterator[Chosen]:
    """The files of a folder or table below `data`, in order."""
    base = data / source.folder if source.folder else (data / source.table).parent / source.audio_folder
    found = list(_in_table(source, data) if source.table else _in_folder(source, base, options))
    return _chosen(source, base, found, _each(found, source, by_label=not source.table))


def chosen_of_package(source: Source, package: str, folder: Path) -> Iterator[Chosen]:
    """The files of a package in `folder`, in order."""
    paths = sorted(file.relative_to(folder) for file in folder.rglob("*") if file.is_file())
    found = [_Found(path.as_posix(), package) for path in paths if _matches(source, path.as_posix()) is not None]
    return _chosen(source, folder, found, _each(found, source, by_label=True))


def _chosen(source: Source, base: Path, found: list[_Found], each: list[_Found]) -> Iterator[Chosen]:
    labels = sorted({one.label for one in found})
    for one in each:
        if source.keep and one.side != source.keep:
            continue
        fields = {"path": one.path, "name": Path(one.path).name, "label": one.label, "package": one.label}
        group = labels.index(one.label) // source.labels_in_a_group
        fields |= {"group": str(group), **(_matches(source, one.path) or {})}
        try:
            target = source.into.format(**fields)
        except (KeyError, IndexError, ValueError) as error:
            raise TrainingError(f"the source's `into`, {source.into!r}, has an unknown field: {error}", 78) from error
        yield Chosen(base / one.path, target, one.label, one.side)


def _each(found: list[_Found], source: Source, by_label: bool) -> list[_Found]:
    groups: dict[str, list[_Found]] = defaultdict(list)
    for one in found:
        groups[one.label if by_label else ""].append(one)
    return [one for group in groups.values() for one in group[source.first :: source.every]]


def _matches(source: Source, path: str) -> dict[str, str] | None:
    """The named groups of `files`; `None` if the path does not match."""
    match = re.search(source.files, path)
    return match and {name: value or "" for name, value in match.groupdict().items()}


def _is_labelled(source: Source, label: str) -> bool:
    return (not source.labels or label in source.labels) and label not in source.without_labels


def _in_folder(source: Source, base: Path, options: DataOptions) -> Iterator[_Found]:
    if not base.is_dir():
        raise TrainingError(f"{base} is not a folder; --data must be the folder of the recordings (docs/data.md)", 66)
    for folder in sorted(path for path in base.iterdir() if path.is_dir() and _is_labelled(source, path.name)):
        for file in sorted(path for path in folder.iterdir() if path.is_file()):
            path, side = f"{folder.name}/{file.name}", "train"
            if source.split == "speaker" and is_held_out(
                options.split_seed, group_of(path, options), options.held_out_fraction
            ):
                side = "val"
            if _matches(source, path) is not None:
                yield _Found(path, folder.name, side)


def _in_table(source: Source, data: Path) -> Iterator[_Found]:
    try:
        with (data / source.table).open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                label, side = row[source.label_column], row["split"] if source.split == "column" else "train"
                wanted = all(row[column] == value for column, value in source.where.items())
                if wanted and _is_labelled(source, label) and _matches(source, row["filename"]) is not None:
                    yield _Found(row["filename"], label, side)
    except OSError as error:
        raise TrainingError(
            f"cannot read {data / source.table}: {error.strerror}; --data must be the folder of the recordings "
            "(docs/data.md)",
            66,
        ) from error
    except KeyError as error:
        raise TrainingError(f"{data / source.table} has no column {error}") from error
