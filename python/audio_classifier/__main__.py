"""The command line: recordings and folders into a Parquet file.

python -m audio_classifier classify FOLDER --parquet OUT
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .classifier import Classifier
from .errors import AudioClassifierError
from .records import FileResult
from .tables import Table

_ROWS = 50_000  # of a row group


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns the exit status, which is that of the program's `classify`."""
    parser = argparse.ArgumentParser(prog="python -m audio_classifier", description="Classifies recordings.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    command = commands.add_parser("classify", help="write the results of recordings to a Parquet file")
    command.add_argument("paths", nargs="+", metavar="PATH", help="an audio file, or a folder of them")
    command.add_argument("--parquet", required=True, type=Path, metavar="OUT", help="the file to write")
    command.add_argument("--emit", default="summary", choices=["summary", "events", "frames", "changes"])
    command.add_argument("--window", type=float, metavar="SECONDS", help="divide a summary into windows")
    command.add_argument("--model", help="a model's name, or its folder with a slash")
    command.add_argument("--top-k", type=int, metavar="COUNT", help="labels of a summary or a frame")
    command.add_argument("--threads", type=int, metavar="COUNT", help="recordings at the same time")
    command.add_argument("--start-time-from", choices=["name", "mtime", "bext"], help="add absolute times")
    options = parser.parse_args(arguments)
    try:
        return _classify(options)
    except ImportError as error:
        print(f"--parquet needs pyarrow ({error}): pip install 'audio-classifier[parquet]'", file=sys.stderr)
        return 69
    except OSError as error:
        print(f"{options.parquet}: cannot be written: {error}", file=sys.stderr)
        return 74
    except AudioClassifierError as error:
        print(error, file=sys.stderr)
        return 70


def _classify(options: argparse.Namespace) -> int:
    import pyarrow.parquet as pq

    settings: dict[str, Any] = {"top_k": options.top_k, "start_time_from": options.start_time_from}
    settings = {key: value for key, value in settings.items() if value is not None}
    table = Table(options.emit, options.window is not None, has_time="start_time_from" in settings)
    # The final name never has half of the results.
    partial = options.parquet.with_name(f"{options.parquet.name}.{os.getpid()}.partial")
    total, failed = 0, 0
    rows: list[dict[str, Any]] = []
    try:
        with (
            Classifier(options.model, threads=options.threads) as classifier,
            pq.ParquetWriter(partial, table.schema()) as writer,
        ):
            for result in _results(classifier, options, settings):
                total += 1
                failed += result.error is not None
                rows += table.rows(result)
                if len(rows) >= _ROWS:
                    writer.write_table(table.arrow(rows))
                    rows.clear()
            writer.write_table(table.arrow(rows))
        partial.replace(options.parquet)
    finally:
        partial.unlink(missing_ok=True)
    print(f"{total} files, {failed} without a result, into {options.parquet}", file=sys.stderr)
    if total == 0:
        return 66
    return 65 if failed else 0


def _results(classifier: Classifier, options: argparse.Namespace, settings: dict[str, Any]) -> Iterator[FileResult]:
    """The results of all files, then those that were skipped."""
    files: list[str] = []
    skipped: list[FileResult] = []
    for path in options.paths:
        found, left = classifier.find(path) if os.path.isdir(path) else ([path], [])
        files += found
        skipped += left
    # A file that is named again is done once.
    yield from classifier.results(dict.fromkeys(files), emit=options.emit, window=options.window, **settings)
    yield from skipped


if __name__ == "__main__":
    sys.exit(main())
