"""The figures of a model with several labels on held-out clips, as the program runs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .decide import label_thresholds
from .metrics import MeanOverLabels, mean_average_precision


@dataclass(frozen=True)
class TagReport:
    """The truth and the probabilities of each clip, each (clips, labels)."""

    labels: tuple[str, ...]
    has: np.ndarray  # bool
    cold: np.ndarray  # at the last token of the clip, which is the first sound of the stream
    decided: np.ndarray  # at the token at which the clip is decided, mid-stream
    peaks: np.ndarray  # the highest ones inside the clip, cold: mid-stream the sound before the clip has some there
    thresholds: tuple[float, ...] = ()

    key = "tags"  # in the card

    def __add__(self, other: TagReport) -> TagReport:
        return TagReport(
            self.labels,
            np.concatenate([self.has, other.has]),
            np.concatenate([self.cold, other.cold]),
            np.concatenate([self.decided, other.decided]),
            np.concatenate([self.peaks, other.peaks]),
        )

    def at(self, decision: dict[str, Any]) -> TagReport:
        """The report at the thresholds of a model's `decision`."""
        return replace(self, thresholds=tuple(label_thresholds(decision, self.labels)))

    @property
    def confidence(self) -> tuple[np.ndarray, np.ndarray]:
        """The probability of each label of each clip, and whether the clip has it."""
        return self.decided.ravel(), self.has.ravel()

    @property
    def precisions(self) -> dict[str, MeanOverLabels]:
        """The average precisions of the labels."""
        scores = {"cold": self.cold, "mid_stream": self.decided}
        return {name: mean_average_precision(each, self.has) for name, each in scores.items()}

    def short(self) -> str:
        cold, mid = (each.mean for each in self.precisions.values())
        return f"mean average precision cold {cold:.3f}, mid-stream {mid:.3f}"

    def json(self) -> dict[str, Any]:
        """A clip counts as reported with a label if one of its tokens reaches the label's threshold, cold."""
        above = self.peaks >= np.array(self.thresholds)
        precisions = self.precisions
        labels = {}
        for index, label in enumerate(self.labels):
            has, found = self.has[:, index], above[:, index]
            right = int((has & found).sum())
            labels[label] = {
                "clips": int(has.sum()),
                "average_precision": {name: _rounded(each.values[index]) for name, each in precisions.items()},
                "threshold": self.thresholds[index],
                "precision": _share(right, int(found.sum())),
                "recall": _share(right, int(has.sum())),
                "f1": _share(2 * right, int(has.sum() + found.sum())),
            }
        return {
            "clips": len(self.has),
            "without_labels": int((~self.has.any(1)).sum()),
            "mean_average_precision": {name: _rounded(each.mean) for name, each in precisions.items()},
            "labels": labels,
        }

    def text(self) -> str:
        measured = self.json()
        cold, mid = (shown(value) for value in measured["mean_average_precision"].values())
        return (
            f"{measured['clips']} clips, {measured['without_labels']} of them without a label: mean average precision "
            f"cold {cold}, mid-stream {mid}\n\n{tag_table(measured)}"
        )


def tag_table(measured: dict[str, Any]) -> str:
    """Markdown: a row per label."""
    head = "label, clips, AP cold, AP mid-stream, threshold, precision, recall, F1".split(", ")
    rows = [
        [
            label,
            str(each["clips"]),
            *(shown(each["average_precision"][name]) for name in ("cold", "mid_stream")),
            f"{each['threshold']:g}",
            *(shown(each[name]) for name in ("precision", "recall", "f1")),
        ]
        for label, each in measured["labels"].items()
    ]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, ["---"] * len(head), *rows])


def tag_card(measured: dict[str, Any], kept_epoch: str | None, plots: Sequence[str]) -> list[str]:
    """The figures as paragraphs of a model card."""
    cold, mid = (shown(value) for value in measured["mean_average_precision"].values())
    best = (
        " The weights are those of the epoch that was best on these clips, so that the figures are a little too high."
    )
    return [
        f"On {measured['clips']} held-out clips, of which {measured['without_labels']} have no label, measured with "
        f"audio-classifierd: mean average precision over the labels {cold} if the clip is the first sound of the "
        f"stream (cold), {mid} after other sound (mid-stream).",
        "By label, with the average precisions (AP). A clip counts as reported with a label if a token inside it "
        "reaches the label's threshold, cold. Thresholds chosen on these clips make F1 a little too high."
        + (best if kept_epoch == "best" else ""),
        tag_table(measured),
        "\n".join(f"![{name.removesuffix('.svg')}]({name})" for name in plots),
    ]


def shown(value: float | None) -> str:
    """A figure with three digits; `-` if it is undefined."""
    return "-" if value is None else f"{value:.3f}"


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _rounded(value: float) -> float | None:
    return None if np.isnan(value) else round(value, 4)
