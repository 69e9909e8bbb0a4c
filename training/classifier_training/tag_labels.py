"""What config.json says of AudioSet's labels: which are above which, and how a recording's score of each is made."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# AudioSet's ontology (Gemmeke et al., "Audio Set: An ontology and human-labeled dataset for audio events", ICASSP 2017;
# github.com/audioset/ontology, CC BY-SA 4.0), without the classes that are no label.
_PARENTS = Path(__file__).parent / "data" / "audioset-parents.json"
_SILENCE = "Silence"
_SUMMARY_FROM_MS = 1000  # before, a tagger has its guesses of nothing: some speech, some music
_SMOOTHING_MS = 500


def tag_labels(labels: Sequence[str]) -> dict[str, Any]:
    """The keys of config.json about these labels, of docs/model-format.md."""
    parents = json.loads(_PARENTS.read_text(encoding="utf-8"))
    silence = [label for label in labels if label == _SILENCE]
    found = {label: [one for one in parents.get(label, []) if one in labels] for label in labels}
    return {
        "background": silence,
        "summary": dict.fromkeys(silence, "least"),
        "summary_from_ms": _SUMMARY_FROM_MS,
        "parents": {label: above for label, above in found.items() if above},
        "smoothing_ms": _SMOOTHING_MS,
    }
