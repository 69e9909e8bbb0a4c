"""The choice of thresholds by false events, on streams whose probabilities are given."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from classifier_training.choose import Chosen, choose_decision
from classifier_training.frontend import Frontend
from classifier_training.program import Program
from classifier_training.streams import Place, Stream

CONFIG: dict[str, Any] = {
    "labels": ["a", "b"],
    "background": [],
    "stem": {"frames": 1},
    "decision": {
        "threshold": 0.5,
        "threshold_off": 0.3,
        "min_duration_ms": 0,
        "max_gap_ms": 0,
        "refractory_ms": 0,
    },
}
# The first and the third clip are of `a`, the second is of `b`.
PLACES = tuple(Place(10 * n, 10 * n + 5, frozenset(label), str(n)) for n, label in enumerate("aba"))
CLIPS, OTHER = (Stream(np.zeros(30), 1, PLACES), Stream(np.ones(30), 1, (Place(0, 30, frozenset(), "x"),)))
A_IN_CLIPS, A_IN_OTHER = (0.9, 0.6, 0.4), 0.3


class Given:
    """A program whose model knows what it is to say: a token a second."""

    frontend = Frontend(sample_rate=1, bands=1, hop=1, window_length=1, fft_length=1, center=False)

    def probabilities(self, _: Path, __: dict[str, Any], samples: np.ndarray) -> np.ndarray:
        found = np.zeros((len(samples), 2))
        if samples[0]:
            found[::5, 0] = A_IN_OTHER
        else:
            for number, probability in enumerate(A_IN_CLIPS):
                found[10 * number + 1 : 10 * number + 4, 0] = probability
            found[11:14, 1] = 0.9
        return found


def chosen(target: float, confused: float = math.inf, parts: int = 1) -> Chosen:
    clips = [[(Path(str(number)), CLIPS) for number in range(parts)]]
    return choose_decision(Path("m"), CONFIG, clips, {"other": OTHER}, cast(Program, Given()), target, confused)


@pytest.mark.parametrize("parts", [1, 3])  # streams, each of which a model of its own hears
def test_thresholds_report_most_clips_within_the_limits(parts: int) -> None:
    free = chosen(target=math.inf, parts=parts)
    # At 0.4 or less both clips of `a` are reported, and that of `b` as `a` too: one event in 30 s, 120 an hour.
    assert (free.reported, free.confused) == (1, 120)
    strict = chosen(target=math.inf, confused=0, parts=parts)
    assert strict.reported == pytest.approx(2 / 3) and strict.confused == 0


def test_sounds_without_the_labels_raise_the_threshold() -> None:
    found = chosen(target=0)
    assert found.false == 0 and found.reported == 1
    assert A_IN_OTHER < found.decision["class_thresholds"].get("a", found.decision["threshold"]) <= A_IN_CLIPS[2]
