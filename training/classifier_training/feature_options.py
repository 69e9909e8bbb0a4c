"""The options of streams of features: the section `streams` of a recipe."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .errors import TrainingError
from .options import option


@dataclass(frozen=True)
class StreamOptions:
    """How streams of features are labelled, and put one after the other."""

    activation: str = option(
        "softmax",
        "whether one label applies at a time (softmax) or any number (sigmoid)",
        ("softmax", "sigmoid"),
    )
    labels: tuple[str, ...] = option((), "the labels in their order (default: those of the data)")
    label_table: str = option("", "CSV file with a label a row, in their order, in place of --labels")
    label_column: str = option("label", "its column")
    background: str = option("", "label of the steps that have no other, with softmax; of it there are no events")
    step_seconds: float = option(1.0, "time from step to step")
    least_overlap: float = option(0.1, "share of a step that a span of a label must cover for the step to have it")
    transform: str = option(
        "none",
        "applied to features as they are read; `logit` is log(x / (1 - x)) of probabilities. What the program "
        "reads must be transformed too",
        ("none", "logit"),
    )
    noise: float = option(0.0, "normal noise on training features, in deviations of each feature")
    length: int = option(
        0, "steps of a training stream, which is made of streams of the data in random order; 0: each is by itself"
    )
    settle: int = option(0, "steps after the beginning of each stream, or of a boundary, that are not learned")
    validation: float = option(
        0.0,
        "share of the training streams that is held out in place of the others, to choose options by: the streams of "
        "the data that are held out then take no part",
    )

    def check(self) -> None:
        """Refuses values with which nothing can be labelled, learned or measured."""
        wrong = ""
        if not 1e-6 <= self.step_seconds <= 1e9:
            wrong = f"--step-seconds is {self.step_seconds:g}; it must be 1e-6 to 1e9"
        elif not 0 <= self.least_overlap <= 1:
            wrong = f"--least-overlap is {self.least_overlap:g}; it must be 0 to 1"
        elif not 0 <= self.noise < math.inf:
            wrong = f"--noise is {self.noise:g}; it must be 0 or more"
        elif self.length < 0 or self.settle < 0:
            wrong = f"--length is {self.length} and --settle {self.settle}; both must be 0 or more"
        if wrong:
            raise TrainingError(wrong, 64)
