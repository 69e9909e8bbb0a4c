"""The directory of a model that is to be written. It takes the place of what is there as a whole."""

from __future__ import annotations

import os
import re
from pathlib import Path

from .errors import TrainingError

_CONFIG = "config.json"
_FILES = (_CONFIG, "README.md")
_SUFFIXES = (".safetensors", ".csv", ".svg")  # weights, predictions of clips, plots


def output_name(out: Path) -> str:
    """The name of the model in `out`; refuses a directory in which something else would be lost."""
    name = out.resolve().name
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
        raise TrainingError(f"{out}: a model's name is lower-case letters, digits and `-`", 64)
    if out.is_symlink():
        raise TrainingError(f"{out} is a symbolic link; name the model's folder itself", 64)
    if not out.exists():
        return name
    if not out.is_dir():
        raise TrainingError(f"{out} is a file; --out is the folder of a model, and is made", 64)
    if Path.cwd().is_relative_to(out.resolve()):
        raise TrainingError(f"{out} is the folder in which this command runs; name another one with --out", 64)
    found = sorted(os.listdir(out))
    others = [each for each in found if each not in _FILES and Path(each).suffix not in _SUFFIXES]
    others += [each for each in found if (out / each).is_dir() and each not in others]
    if others or (found and _CONFIG not in found):
        lost = ", ".join((others or found)[:3])
        raise TrainingError(
            f"{out} is no model's folder: it has {lost}, and a model takes the place of the whole folder; name a new "
            "folder with --out, or move what is in this one",
            64,
        )
    return name
