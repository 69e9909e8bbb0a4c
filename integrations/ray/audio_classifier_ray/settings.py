"""The settings of a run that results depend on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Settings:
    """What is done with each recording, and how the results are divided."""

    model: str = "general"
    emit: Literal["summary", "events", "frames", "changes"] = "summary"
    window: float | None = None
    top_k: int | None = None
    start_time_from: Literal["name", "mtime", "bext"] | None = None
    partition_by: Literal["source", "date"] = "source"

    def request(self) -> dict[str, Any]:
        """The arguments of `Classifier.results`."""
        members = {
            "emit": self.emit,
            "window": self.window,
            "top_k": self.top_k,
            "start_time_from": self.start_time_from,
        }
        return {key: value for key, value in members.items() if value is not None}
