"""The errors of an archive's classification."""

from __future__ import annotations


class ArchiveError(Exception):
    """An error that ends the run. What was written stays, and the same command goes on there.

    `status` is the exit status.
    """

    def __init__(self, message: str, status: int = 70) -> None:
        super().__init__(message)
        self.message = message
        self.status = status

    def __reduce__(self) -> tuple[type[ArchiveError], tuple[str, int]]:
        return ArchiveError, (self.message, self.status)
