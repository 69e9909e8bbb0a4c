"""Files on local disks and in object stores, by fsspec."""

from __future__ import annotations

import json
import os
import re
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import fsspec

from .errors import ArchiveError

_Result = TypeVar("_Result")
_TRIES = 4
_FIRST_WAIT = 0.5  # seconds
_REFUSALS = re.compile(
    r"credential|forbidden|access ?denied|InvalidAccessKeyId|SignatureDoesNotMatch|unauthorized|\b40[13]\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class File:
    """A recording: its path or URL, and the values that differ once it has changed."""

    path: str
    size: int
    changed: str


class Store:
    """The file systems of one run. `options` are those of fsspec for all URLs that are not local."""

    def __init__(self, options: dict[str, Any] | None = None) -> None:
        self.options = options or {}

    def resolve(self, path: str) -> tuple[Any, str]:
        """The file system of a path or URL, and the path in it."""
        if "://" not in path:
            return fsspec.filesystem("file"), path
        return fsspec.core.url_to_fs(path, **self.options)

    def is_local(self, path: str) -> bool:
        return "://" not in path

    def read(self, path: str) -> bytes:
        system, inner = self.resolve(path)
        data: bytes = attempt(f"read {path}", lambda: system.cat_file(inner))
        return data

    def write(self, path: str, data: bytes) -> None:
        """Writes a file that has all of the bytes or is not there. One that is there is replaced."""
        system, inner = self.resolve(path)
        if self.is_local(path):
            folder, name = os.path.split(inner)
            partial = os.path.join(folder, f".{name}.{uuid.uuid4().hex}.partial")

            def replace() -> None:
                os.makedirs(folder, exist_ok=True)
                try:
                    with open(partial, "wb") as file:
                        file.write(data)
                        file.flush()
                        os.fsync(file.fileno())
                    os.replace(partial, inner)
                finally:
                    if os.path.exists(partial):
                        os.unlink(partial)

            attempt(f"write {path}", replace)
        else:
            # An object appears with its last byte.
            attempt(f"write {path}", lambda: system.pipe_file(inner, data))

    def read_json(self, path: str) -> Any:
        try:
            return json.loads(self.read(path))
        except ValueError as error:
            raise ArchiveError(f"{path}: is damaged: {error}", 65) from error

    def list(self, path: str, suffix: str = "") -> list[str]:
        """The files right below a folder; none if there is no such folder."""
        system, inner = self.resolve(path)
        system.invalidate_cache()
        try:
            found = attempt(f"list {path}", lambda: system.ls(inner, detail=False))
        except FileNotFoundError:
            return []
        names = sorted(name.rstrip("/").split("/")[-1] for name in found)
        return [f"{path}/{name}" for name in names if name.endswith(suffix) and not name.startswith(".")]

    def walk(self, path: str) -> Iterator[File]:
        """All files of a URL or a local path: one file, or those below a folder, sorted."""
        system, inner = self.resolve(path)
        prefix = "" if self.is_local(path) else path.split("://")[0] + "://"
        try:
            found = attempt(f"list {path}", lambda: system.find(inner, detail=True))
        except FileNotFoundError as error:
            raise ArchiveError(f"{path}: is not there", 66) from error
        for name, entry in sorted(found.items()):
            yield File(prefix + name, int(entry["size"] or 0), _changed(entry))

    def status(self, path: str) -> File:
        """The file; a missing one has the size -1, and its row will say so."""
        system, inner = self.resolve(path)
        try:
            entry = attempt(f"find {path}", lambda: system.info(inner))
        except FileNotFoundError:
            return File(path, -1, "")
        return File(path, int(entry["size"] or 0), _changed(entry))


def _changed(entry: dict[str, Any]) -> str:
    for key in ("ETag", "etag", "md5Hash", "mtime", "LastModified", "last_modified"):
        if entry.get(key):
            return str(entry[key])
    return ""


def attempt(action: str, body: Callable[[], _Result]) -> _Result:
    """Runs `body`, again after a while if the storage fails.

    Raises FileNotFoundError for a missing file, and ArchiveError for a refusal or a storage that stays away: then no
    file may be taken for a bad one.
    """
    wait = _FIRST_WAIT
    for number in range(1, _TRIES + 1):
        try:
            return body()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise
        except Exception as error:  # each storage has its own errors
            reason = f"{type(error).__name__}: {error}"
            if isinstance(error, PermissionError) or _REFUSALS.search(reason):
                message = f"cannot {action}: the storage refuses it ({reason})"
                raise ArchiveError(f"{message}; check the credentials of driver and workers", 77) from error
            if isinstance(error, (TypeError, ValueError, ImportError)):
                raise ArchiveError(f"cannot {action}: {reason}", 64) from error
            if number == _TRIES:
                raise ArchiveError(f"cannot {action}: {reason} ({_TRIES} tries)", 74) from error
            time.sleep(wait)
            wait *= 2
    raise AssertionError("unreachable")
