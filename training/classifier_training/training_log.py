"""The figures of every epoch: a CSV file and, if the package is installed, a log for TensorBoard."""

from __future__ import annotations

import csv
import importlib.util
from pathlib import Path
from typing import Any

_COLUMNS = ("phase", "epoch", "loss", "held_out_loss", "cold", "mid_stream")


class TrainingLog:
    """Writes WORK/NAME.csv, and the folder WORK/NAME.tensorboard."""

    def __init__(self, place: Path) -> None:
        """`place` is the path without a suffix."""
        self._file = place.with_name(place.name + ".csv")
        self._folder = place.with_name(place.name + ".tensorboard")
        self._board: Any = None
        self._steps = 0

    def begin(self, is_new: bool) -> None:
        """Starts a new file, or goes on with that of an interrupted training."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        if is_new or not self._file.exists():
            self._file.write_text(",".join(_COLUMNS) + "\n", encoding="utf-8")
        self._steps = len(self._file.read_text(encoding="utf-8").splitlines()) - 1
        if importlib.util.find_spec("tensorboard"):
            from torch.utils.tensorboard import SummaryWriter

            self._board = SummaryWriter(str(self._folder))

    def add(self, phase: str, epoch: int, figures: dict[str, float]) -> None:
        """Adds the figures of an epoch; those that there are not stay empty."""
        row = {"phase": phase, "epoch": epoch, **{key: f"{value:.6g}" for key, value in figures.items()}}
        with self._file.open("a", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, _COLUMNS, restval="").writerow(row)
        self._steps += 1
        if self._board:
            for key, value in figures.items():
                self._board.add_scalar(f"{phase}/{key}", value, self._steps)
            self._board.flush()
