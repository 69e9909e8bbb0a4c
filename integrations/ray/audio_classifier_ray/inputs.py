"""The recordings of a run: paths, folders and URLs, manifests, tables in Parquet."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator

from .errors import ArchiveError
from .storage import File, Store

# Those that `audio-classifierd classify` takes from a folder (FileSearch).
ENDINGS = frozenset("wav wave flac ogg oga opus mp3 aif aiff aifc au snd caf w64 rf64 voc".split())


def find_recordings(
    store: Store, paths: Iterable[str] = (), manifests: Iterable[str] = (), tables: Iterable[str] = ()
) -> list[File]:
    """The recordings, sorted by path, each once.

    From a folder come files with known endings, without hidden ones. A manifest is a text with a path a line; a table
    is a Parquet file with a column `path` (or `file`). Their relative paths are those of the driver.
    """
    found: dict[str, File] = {}
    for path in paths:
        for file in _below(store, path):
            found[file.path] = file
    for name in (*_lines(store, manifests), *_rows(store, tables)):
        path = os.path.abspath(name) if store.is_local(name) else name
        if path not in found:
            found[path] = store.status(path)
    return [found[path] for path in sorted(found)]


def _below(store: Store, path: str) -> Iterator[File]:
    # Workers have other working directories.
    base = os.path.abspath(path) if store.is_local(path) else path.rstrip("/")
    files = list(store.walk(base))
    if not files:
        raise ArchiveError(f"{path}: is not there, or an empty folder", 66)
    for file in files:
        if file.path == base:
            yield file
            continue
        parts = file.path[len(base) + 1 :].split("/")
        if not any(part.startswith(".") for part in parts) and parts[-1].rpartition(".")[2].lower() in ENDINGS:
            yield file


def _lines(store: Store, manifests: Iterable[str]) -> Iterator[str]:
    for manifest in manifests:
        try:
            text = store.read(manifest).decode()
        except (FileNotFoundError, UnicodeDecodeError) as error:
            raise ArchiveError(f"{manifest}: is no manifest: {error}", 66) from error
        yield from (line for line in text.splitlines() if line and not line.startswith("#"))


def _rows(store: Store, tables: Iterable[str]) -> Iterator[str]:
    import pyarrow.parquet as pq

    for table in tables:
        try:
            file = pq.ParquetFile(io.BytesIO(store.read(table)))
        except (FileNotFoundError, ValueError) as error:
            raise ArchiveError(f"{table}: is no Parquet file: {error}", 66) from error
        names = [name for name in ("path", "file") if name in file.schema_arrow.names]
        if not names:
            raise ArchiveError(f"{table}: has no column `path`; its columns are {file.schema_arrow.names}", 65)
        yield from file.read([names[0]]).column(0).to_pylist()
