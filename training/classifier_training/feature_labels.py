"""The labels that config.json takes (docs/model-format.md), checked where they are read."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

from .errors import TrainingError

_MOST_BYTES, _MOST_LABELS = 1024, 65536


def checked_label(label: Any, at: str, code: int = 65) -> str:
    """The label, if the program takes it; `at` is its place, for errors."""
    if label is None or not str(label).strip():
        raise TrainingError(f"{at}: a label is empty; give it a name, or remove it", code)
    if not isinstance(label, str):
        raise TrainingError(f"{at}: the label {label!r} is no text", code)
    if found := [letter for letter in label if ord(letter) < 0x20 or ord(letter) == 0x7F]:
        raise TrainingError(f"{at}: the label {label!r} has the control character {found[0]!r}; remove it", code)
    try:
        size = len(label.encode())
    except UnicodeEncodeError as error:
        raise TrainingError(f"{at}: the label {label!r} is no valid Unicode; write it in UTF-8", code) from error
    if size > _MOST_BYTES:
        raise TrainingError(
            f"{at}: the label `{label[:20]}...` has {size} bytes, and {_MOST_BYTES} are the most; shorten it", code
        )
    return label


def checked_names(labels: Sequence[tuple[str, Any]], code: int = 65) -> tuple[str, ...]:
    """The labels of a model, given with their places. The program compares labels in Unicode's normal form."""
    if len(labels) > _MOST_LABELS:
        raise TrainingError(f"{labels[_MOST_LABELS][0]}: a model has at most {_MOST_LABELS} labels", code)
    first: dict[str, str] = {}
    for at, label in labels:
        normal = unicodedata.normalize("NFC", checked_label(label, at, code))
        if normal in first:
            raise TrainingError(f"{at}: the label `{label}` is there twice; the first is {first[normal]}", code)
        first[normal] = at
    return tuple(label for _, label in labels)
