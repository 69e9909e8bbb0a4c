"""Geometry of the front-end: how many frames there are and which samples they cover.

The features themselves are computed by audio-classifierd; only what is needed to cut them is here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .errors import TrainingError

_RECIPES: dict[str, dict[str, Any]] = {
    "yamnet": {"sample_rate": 16000, "bands": 64, "hop": 160, "window_length": 400, "fft_length": 512, "center": False},
    "vggish": {"sample_rate": 16000, "bands": 64, "hop": 160, "window_length": 400, "fft_length": 512, "center": False},
    "kaldi": {"sample_rate": 16000, "bands": 80, "hop": 160, "window_length": 400, "fft_length": 512, "center": False},
    "librosa": {
        "sample_rate": 22050,
        "bands": 128,
        "hop": 512,
        "window_length": 2048,
        "fft_length": 2048,
        "center": True,
    },
    "custom": {},
}


@dataclass(frozen=True)
class Frontend:
    """The values of a front-end that decide how samples become frames."""

    sample_rate: int
    bands: int
    hop: int
    window_length: int
    fft_length: int
    center: bool

    @staticmethod
    def of(description: dict[str, Any]) -> Frontend:
        """From the model format's `frontend` object: a recipe's values, overridden by the other keys."""
        recipe = description.get("recipe")
        if recipe not in _RECIPES:
            raise TrainingError(f"unknown front-end recipe `{recipe}`; it is one of {', '.join(_RECIPES)}", 78)
        values = {**_RECIPES[recipe], **description}
        try:
            return Frontend(**{key: values[key] for key in Frontend.__dataclass_fields__})
        except KeyError as error:
            raise TrainingError(f"the front-end `custom` lacks the key {error}", 78) from error

    @property
    def margin(self) -> int:
        """Samples of silence, whole hops, that a sequence has before and after it: none unless `center`."""
        return -(-self.fft_length // 2 // self.hop) * self.hop if self.center else 0

    @property
    def span(self) -> int:
        """Samples from hop * i to the end of what frame i covers."""
        return self.fft_length // 2 if self.center else self.window_length

    def frames(self, samples: int) -> int:
        """Frames that a sequence of so many samples has."""
        if self.center:
            return 1 + samples // self.hop
        return max(0, 1 + (samples - self.window_length) // self.hop)
