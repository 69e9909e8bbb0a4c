"""Checkpoints, from which an interrupted training continues."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import torch

from .errors import TrainingError
from .files import atomic_file

# Options that may differ from those of a checkpoint.
_FREE = tuple(f"training.{name}" for name in ("epochs", "landmark_epochs", "patience", "keep_epoch"))


def save_checkpoint(path: Path, identity: dict[str, Any], state: dict[str, Any]) -> None:
    """Writes `state` with the configuration that it belongs to; an interruption leaves the old file.

    `state` consists of tensors, integers and strings, because the safe loader of torch 1.13 reads no other numbers.
    """
    with atomic_file(path) as temporary:
        torch.save({"identity": json.dumps(identity, sort_keys=True), **state}, temporary)


def load_checkpoint(path: Path, identity: dict[str, Any]) -> dict[str, Any] | None:
    """The state saved under `path`, if any, with its `identity`; refuses that of another configuration.

    Options that only one of the two has are those of another version of this package, and are not compared. Neither is
    the number of epochs: a training may go on for longer, or for less, than it was begun for.
    """
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        found = json.loads(state.pop("identity"))
    except (OSError, RuntimeError, ValueError, KeyError, EOFError, pickle.UnpicklingError) as error:
        raise TrainingError(f"{path} is not a checkpoint of this program: {error}; remove it to start anew") from error
    if differences := _differences(found, json.loads(json.dumps(identity)), ""):
        raise TrainingError(
            f"{path} belongs to another configuration: {'; '.join(differences[:5])}. Use another "
            "--work, or --restart to start anew",
            78,
        )
    return {**state, "identity": found}


def _differences(found: Any, wanted: Any, key_path: str) -> list[str]:
    if isinstance(found, dict) and isinstance(wanted, dict):
        return [
            difference
            for key in sorted(found.keys() | wanted.keys())
            if key_path not in ("data", "training") or key in found.keys() & wanted.keys()
            for difference in _differences(found.get(key), wanted.get(key), f"{key_path}.{key}" if key_path else key)
        ]
    if found == wanted or key_path in _FREE:
        return []
    if key_path == "clips" and isinstance(found, list) and isinstance(wanted, list):
        return [_changes({json.dumps(clip) for clip in found}, {json.dumps(clip) for clip in wanted})]
    return [f"{key_path} is {_short(found)} there and {_short(wanted)} here"]


def _changes(found: set[str], wanted: set[str]) -> str:
    """The clips that only one of two trainings has, or that have another label, content or side of the split."""
    came, went = ({_clip_name(clip) for clip in clips} for clips in (wanted - found, found - wanted))
    parts = []
    for clips, change in ((came & went, "changed"), (came - went, "came"), (went - came, "went")):
        names = sorted(clips)
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        if names:
            parts.append(f"{', '.join(names[:3])}{more} {change}")
    return f"the clips are others ({'; '.join(parts)})" if parts else "the clips are in another order"


def _clip_name(clip: str) -> str:
    value = json.loads(clip)
    return str(value[0] if isinstance(value, list) else value)


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."
