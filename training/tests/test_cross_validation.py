"""The predictions of cross-validation that are in the repository: the cards' figures are made of them."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PREDICTIONS = sorted((ROOT / "training" / "cross-validation").glob("*.csv"))


def test_each_model_of_folds_has_its_predictions() -> None:
    recipes = (ROOT / "training" / "recipes").glob("*.json")
    names = {path.stem for path in recipes if json.loads(path.read_text()).get("command") == "cross-validate"}
    assert {path.stem for path in PREDICTIONS} == names


@pytest.mark.parametrize("file", PREDICTIONS, ids=lambda file: file.stem)
def test_the_card_has_the_confusions_of_the_predictions(file: Path) -> None:
    config = json.loads((ROOT / "models" / file.stem / "config.json").read_text(encoding="utf-8"))
    with file.open(newline="", encoding="utf-8") as text:
        rows = list(csv.DictReader(text))
    assert len({row["sha256"] for row in rows}) == len(rows) and {row["side"] for row in rows} == {"held out"}
    found = Counter((row["label"], row["predicted"]) for row in rows)
    counts = [[found[right, predicted] for predicted in config["labels"]] for right in config["labels"]]
    measured = config["card"]["accuracy"]["mid_stream"]
    assert counts == measured["confusion"] and measured["clips"] == len(rows)
