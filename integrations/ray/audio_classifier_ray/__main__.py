"""The command line: python -m audio_classifier_ray INPUT... --output OUT."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

import ray

from .archive import classify_archive
from .errors import ArchiveError
from .inputs import find_recordings
from .settings import Settings
from .storage import Store


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m audio_classifier_ray",
        description="Classifies archives on a Ray cluster. The same command goes on where a run has ended.",
    )
    parser.add_argument("paths", nargs="*", metavar="PATH", help="files and folders, local or as URLs of fsspec")
    parser.add_argument("--manifest", action="append", default=[], help="a text file with a path a line")
    parser.add_argument("--parquet", action="append", default=[], help="a Parquet file with a column path")
    parser.add_argument("--output", required=True, help="the folder of the results, local or a URL")
    parser.add_argument("--model", default="general")
    parser.add_argument("--emit", default="summary", choices=["summary", "events", "frames", "changes"])
    parser.add_argument("--window", type=float, metavar="SECONDS")
    parser.add_argument("--top-k", type=int, metavar="COUNT")
    parser.add_argument("--start-time-from", choices=["name", "mtime", "bext"])
    parser.add_argument("--partition-by", default="source", choices=["source", "date"])
    parser.add_argument("--block-files", type=int, default=64, metavar="COUNT", help="files of one file of results")
    parser.add_argument("--workers", type=int, metavar="COUNT", help="by default as many as the cluster holds")
    parser.add_argument("--threads", type=int, default=1, metavar="COUNT", help="cores of a worker")
    parser.add_argument("--storage-options", type=json.loads, default={}, metavar="JSON", help="options of fsspec")
    parser.add_argument("--address", default="auto", help="the cluster; local starts one on this machine")
    options = parser.parse_args(arguments)
    settings = Settings(
        options.model, options.emit, options.window, options.top_k, options.start_time_from, options.partition_by
    )
    try:
        store = Store(options.storage_options)
        files = find_recordings(store, options.paths, options.manifest, options.parquet)
        if not files:
            raise ArchiveError("there is no recording to classify; name paths, --manifest or --parquet", 66)
        try:
            ray.init(address=options.address, log_to_driver=False)
        except ConnectionError as error:
            raise ArchiveError(f"there is no cluster at --address {options.address}: {error}", 69) from error
        outcome = classify_archive(
            files,
            options.output,
            settings,
            options=options.storage_options,
            block_files=options.block_files,
            workers=options.workers,
            threads=options.threads,
            progress=lambda text: print(text, file=sys.stderr),
        )
    except ArchiveError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.status
    print(
        f"{outcome.files} files, {outcome.done_before} done before, {outcome.failed} with an error, "
        f"{outcome.changed} changed since they were planned; {outcome.audio_seconds / 3600:.3f} h of audio in "
        f"{outcome.elapsed:.1f} s; files by node: {outcome.nodes}",
        file=sys.stderr,
    )
    return 65 if outcome.failed else 0


if __name__ == "__main__":
    sys.exit(main())
