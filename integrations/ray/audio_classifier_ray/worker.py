"""The work on one block: one long-lived classifier in each worker."""

from __future__ import annotations

import io
import os
import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from audio_classifier import Classifier, FileResult, ProgramDied, Recording, RequestError
from audio_classifier.tables import Table

from .errors import ArchiveError
from .journal import Block, Journal
from .settings import Settings
from .storage import File, Store

_AHEAD = 4  # files for each thread that are read before they are classified


@dataclass(frozen=True)
class Job:
    """What a worker needs to know."""

    output: str
    settings: Settings
    options: dict[str, Any]
    threads: int = 1
    # For tests: a file whose existence stops workers after they have written results and before they note it.
    halt: str | None = None


def describe_node(model: str) -> dict[str, str]:
    """The name of this node, and the hash of its model; `error` if it cannot classify."""
    node = {"node": platform.node()}
    try:
        with Classifier(model, threads=1) as classifier:
            node["model_sha256"] = classifier.describe().sha256
    except (ProgramDied, RequestError) as error:
        node["error"] = str(error)
    return node


class Worker:
    """Classifies blocks. Ray keeps it for the whole run."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.store = Store(job.options)
        self.journal = Journal(self.store, job.output)
        self.table = Table(
            job.settings.emit, job.settings.window is not None, has_time=job.settings.start_time_from is not None
        )
        self.failure: ArchiveError | None = None
        try:
            self.classifier = self._start()
        except ArchiveError as error:
            self.failure = error

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        """Ray Data's form: a batch with the column `block`.

        An error that ends the run is a report with its message and its status, because Ray keeps of an exception little
        more than its text.
        """
        reports = [self._try(block) for block in batch["block"]]
        return {key: [report[key] for report in reports] for key in reports[0]}

    def _try(self, block: Block) -> dict[str, Any]:
        try:
            if self.failure is not None:
                raise self.failure
            return {**self.work(block), "error": "", "status": 0}
        except ArchiveError as error:
            return {**self._report(block), "error": error.message, "status": error.status}

    def work(self, block: Block) -> dict[str, Any]:
        """Writes the results of a block, then notes it in the journal."""
        began = time.monotonic()
        rows: list[dict[str, Any]] = []
        seconds, failed = 0.0, 0
        for result in self._results(list(block.files)):
            rows += self.table.rows(result)
            seconds += result.seconds or 0
            failed += result.error is not None
        self.store.write(f"{self.job.output}/{block.output}", self._parquet(rows))
        if self.job.halt is not None and os.path.exists(self.job.halt):
            _halt(self.job.halt)
        report = self._report(
            block,
            failed=failed,
            rows=len(rows),
            audio_seconds=seconds,
            work_seconds=time.monotonic() - began,
        )
        self.journal.finish(block, report)
        return report

    def _report(self, block: Block, **values: float) -> dict[str, Any]:
        nothing = {"failed": 0, "rows": 0, "audio_seconds": 0.0, "work_seconds": 0.0}
        return {"block": block.name, "files": len(block.files), **nothing, **values, "node": platform.node()}

    def _parquet(self, rows: list[dict[str, Any]]) -> bytes:
        import pyarrow.parquet as pq

        buffer = io.BytesIO()
        pq.write_table(self.table.arrow(rows), buffer)
        return buffer.getvalue()

    def _results(self, files: list[File]) -> Iterator[FileResult]:
        """A result of each file, in order, also when the program dies."""
        done = 0
        try:
            for result in self._classify(files):
                yield result
                done += 1
            return
        except ProgramDied:
            self.classifier = self._start()
        # One at a time shows which recording the program cannot survive.
        for file in files[done:]:
            try:
                yield from self._classify([file])
            except ProgramDied as error:
                self.classifier = self._start()
                yield FileResult(file.path, None, (), f"program: {str(error).splitlines()[0]}")

    def _classify(self, files: list[File]) -> Iterator[FileResult]:
        """Results of files in order; a missing one has its error. Of remote files only a few are in memory."""
        ahead = _AHEAD * self.job.threads
        for start in range(0, len(files), ahead):
            part = files[start : start + ahead]
            sources: list[str | Recording | FileResult] = [self._source(file) for file in part]
            present = [source for source in sources if not isinstance(source, FileResult)]
            results = self.classifier.results(present, **self.job.settings.request())
            for source in sources:
                yield source if isinstance(source, FileResult) else next(results)

    def _source(self, file: File) -> str | Recording | FileResult:
        if self.store.is_local(file.path):
            return file.path
        try:
            return Recording(file.path, self.store.read(file.path))
        except FileNotFoundError:
            return FileResult(file.path, None, (), f"not_found: {file.path}: is not there")

    def _start(self) -> Classifier:
        try:
            return Classifier(self.job.settings.model, threads=self.job.threads)
        except ProgramDied as error:
            raise ArchiveError(f"node {platform.node()}: {error}", 69) from error


def _halt(path: str) -> None:
    """Waits to be killed."""
    with open(f"{path}.{os.getpid()}", "w", encoding="utf-8"):
        pass
    while os.path.exists(path):
        time.sleep(0.05)
