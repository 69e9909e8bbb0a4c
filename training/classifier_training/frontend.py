"""The geometry of a front-end: the number of frames, and the samples that they cover.

audio-classifierd computes the features, and prints the recipes of its front-ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .errors import TrainingError


@dataclass(frozen=True)
class Frontend:
    """The values of a front-end that determine which samples a frame covers."""

    sample_rate: int
    bands: int
    hop: int
    window_length: int
    fft_length: int
    center: bool

    @staticmethod
    def of(description: dict[str, Any], recipes: dict[str, dict[str, Any]]) -> Frontend:
        """Reads the model format's `frontend` object: a recipe's values, overridden by the other keys.

        `recipes` are those of the program (`features --print-recipes`).
        """
        recipe = description.get("recipe")
        if recipe != "custom" and recipe not in recipes:
            known = ", ".join(["custom", *sorted(recipes)])
            raise TrainingError(f"unknown front-end recipe `{recipe}`; it is one of {known}", 78)
        values = {**recipes.get(recipe, {}), **description}
        try:
            return Frontend(**{key: values[key] for key in Frontend.__dataclass_fields__})
        except KeyError as error:
            raise TrainingError(f"the front-end `custom` lacks the key {error}", 78) from error

    @property
    def margin(self) -> int:
        """Samples of silence, in whole hops, before and after a sequence; none unless `center`."""
        return -(-self.fft_length // 2 // self.hop) * self.hop if self.center else 0

    @property
    def span(self) -> int:
        """Samples from hop * i to the end of frame i."""
        return self.fft_length // 2 if self.center else self.window_length

    def frames(self, samples: int) -> int:
        """The number of frames of a sequence of `samples` samples."""
        if self.center:
            return 1 + samples // self.hop
        return max(0, 1 + (samples - self.window_length) // self.hop)
