"""The errors of this package."""

from __future__ import annotations


class AudioClassifierError(Exception):
    """An error of this package."""


class RequestError(AudioClassifierError):
    """The program refused a request, or could not complete it. `code` is the program's own."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message

    def __reduce__(self) -> tuple[type[RequestError], tuple[str, str]]:
        return RequestError, (self.code, self.message)


class ProgramDied(AudioClassifierError):
    """The program ended, or could not be started, while requests were under way."""
