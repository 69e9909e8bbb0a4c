"""The plan and the progress of an archive, kept beside its results.

OUTPUT/_journal/settings.json         the settings and the model, which must not change
OUTPUT/_journal/plans/HASH.json       blocks: their files and the one file of results that each will have
OUTPUT/_journal/done/BLOCK.json       written after the results of a block

A block is planned once, with all of its files and the name of its results, and keeps them: a block that is worked on
again, by a retried task or after a restart of the driver, writes the same name again. Nothing else is needed for each
file to have its results exactly once.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import urllib.parse
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from .errors import ArchiveError
from .settings import Settings
from .storage import File, Store

_VERSION = 1
_DATE = re.compile(r"(?<!\d)((?:19|20)\d\d)[-_.]?([01]\d)[-_.]?([0-3]\d)(?:\D|\d{6}|$)")


@dataclass(frozen=True)
class Block:
    """Files whose results are one file, `output`, below the folder of the results."""

    name: str
    output: str
    files: tuple[File, ...]


class Journal:
    """The journal of the results in `folder`."""

    def __init__(self, store: Store, folder: str) -> None:
        self.store = store
        self.folder = f"{folder.rstrip('/')}/_journal"

    def open(self, settings: Settings, model_hash: str) -> None:
        """Notes the settings of a first run; a later one must have the same."""
        values = {"version": _VERSION, "model_sha256": model_hash, **dataclasses.asdict(settings)}
        path = f"{self.folder}/settings.json"
        try:
            kept = self.store.read_json(path)
        except FileNotFoundError:
            self.store.write(path, _json(values))
            return
        different = sorted(key for key in {*values, *kept} if values.get(key) != kept.get(key))
        if different:
            changes = ", ".join(f"{key}: {kept.get(key)} before, {values.get(key)} now" for key in different)
            raise ArchiveError(f"{path}: the results are of other settings ({changes}); choose another output", 64)

    def blocks(self) -> list[Block]:
        """All blocks that were ever planned."""
        blocks = []
        for path in self.store.list(f"{self.folder}/plans", ".json"):
            for block in self.store.read_json(path):
                blocks.append(Block(block["name"], block["output"], tuple(File(*file) for file in block["files"])))
        return blocks

    def done(self) -> set[str]:
        """The names of finished blocks."""
        paths = self.store.list(f"{self.folder}/done", ".json")
        return {path.rpartition("/")[2].removesuffix(".json") for path in paths}

    def plan(self, files: Iterable[File], size: int, settings: Settings) -> tuple[list[Block], int]:
        """Plans blocks of at most `size` files that no earlier plan has, and returns all blocks.

        The second value is the number of files that have changed since they were planned.
        """
        blocks = self.blocks()
        known = {file.path: file for block in blocks for file in block.files}
        groups: dict[str, list[File]] = {}
        changed = 0
        for file in files:
            if file.path in known:
                changed += known[file.path] != file
            else:
                groups.setdefault(partition(file, settings), []).append(file)
        new = [
            _block(group, tuple(members[start : start + size]))
            for group, members in sorted(groups.items())
            for start in range(0, len(members), size)
        ]
        if new:
            content = _json([_plain(block) for block in new])
            self.store.write(f"{self.folder}/plans/{hashlib.sha256(content).hexdigest()[:20]}.json", content)
        return blocks + new, changed

    def finish(self, block: Block, report: dict[str, Any]) -> None:
        self.store.write(f"{self.folder}/done/{block.name}.json", _json(report))

    def report(self, name: str) -> dict[str, Any]:
        report: dict[str, Any] = self.store.read_json(f"{self.folder}/done/{name}.json")
        return report


def partition(file: File, settings: Settings) -> str:
    """The folder of a file's results: `source=` the folder that it is in, or `date=` the day in its name."""
    folder, _, name = file.path.rpartition("/")
    if settings.partition_by == "source":
        # The name of the folder may contain what a path or a reader of partitions would take for its own.
        return "source=" + (urllib.parse.quote(folder.rpartition("/")[2], safe="") or "_")
    found = _DATE.search(name)
    return f"date={'-'.join(found.groups())}" if found else "date=unknown"


def _block(group: str, files: tuple[File, ...]) -> Block:
    content = _json([group, [dataclasses.astuple(file) for file in files]])
    name = hashlib.sha256(content).hexdigest()[:20]
    return Block(name, f"{group}/{name}.parquet", files)


def _plain(block: Block) -> dict[str, Any]:
    return {"name": block.name, "output": block.output, "files": [dataclasses.astuple(file) for file in block.files]}


def _json(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
