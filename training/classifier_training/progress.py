"""Progress on standard error: a bar on a terminal, a line per epoch elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")


def say(message: str) -> None:
    """One line on standard error, clear of a progress bar."""
    tqdm.write(message, file=sys.stderr)
    sys.stderr.flush()


def bar(items: Iterable[T], total: int | None, label: str) -> Iterator[T]:
    """`items` with a progress bar that vanishes; without one if standard error is not a terminal."""
    return iter(tqdm(items, total=total, desc=label, leave=False, disable=None, file=sys.stderr))


class Estimate:
    """An estimate of the remaining time."""

    def __init__(self, total: int) -> None:
        self._start, self._total, self._done = time.monotonic(), total, 0

    @property
    def minutes(self) -> float:
        """The time since the beginning."""
        return (time.monotonic() - self._start) / 60

    def skip(self, parts: int) -> None:
        """Leaves parts out that will not be done."""
        self._total -= parts

    def step(self) -> str:
        """Counts one of the `total` parts as done; returns the remaining time as text."""
        self._done += 1
        left = (time.monotonic() - self._start) / self._done * (self._total - self._done)
        return f"{left / 60:.0f} min left" if left >= 90 else f"{left:.0f} s left"
