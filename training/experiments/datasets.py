"""The two data sets of the experiment, read by recipes of this project, with a frozen stem of YAMNet's first blocks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from classifier_training.recipe import Recipe, read_recipe

_RECIPES = Path(__file__).resolve().parents[1] / "recipes"


@dataclass(frozen=True)
class ExperimentDataset:
    """A data set, with the recipe that reads it."""

    name: str
    title: str
    path: str  # of the recordings, below the folder of all data
    recipe: Recipe
    held_out: str  # the rule for the held-out clips, as text
    scored: int  # held-out clips that are decided in one stream
    clip_seconds: float


def experiment_dataset(name: str) -> ExperimentDataset:
    """`keywords` or `environment`."""
    if name == "keywords":
        recipe = read_recipe(_RECIPES / "keywords-en.json")
        model = replace(recipe.model, stem="yamnet", yamnet_blocks=5, yamnet_token_frames=4)
        return ExperimentDataset(
            name,
            "Keywords",
            "speech-commands",
            replace(recipe, model=model),
            "the speakers that the recipe keywords-en holds out",
            12,
            recipe.training.clip_seconds,
        )
    recipe = read_recipe(_RECIPES / "environment.json")
    return ExperimentDataset(
        name,
        "Environment",
        "esc50/esc50.csv",
        replace(recipe, data=replace(recipe.data, held_out_folds=("4",))),
        "fold 4",
        5,
        recipe.training.clip_seconds,
    )
