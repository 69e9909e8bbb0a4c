"""The two data sets of the experiment: recipes of this project, with the first blocks of YAMNet as a frozen stem."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from classifier_training.recipe import Recipe, read_recipe

_RECIPES = Path(__file__).resolve().parents[1] / "recipes"


@dataclass(frozen=True)
class Material:
    """A data set, as its recipe reads it."""

    name: str
    title: str
    place: str  # of the recordings, below the folder of all data
    recipe: Recipe
    held_out: str  # which clips are, in words
    scored: int  # held-out clips that are decided in one stream
    clip_seconds: float


def material(name: str) -> Material:
    """`keywords` or `environment`."""
    if name == "keywords":
        recipe = read_recipe(_RECIPES / "keywords-en.json")
        model = replace(recipe.model, stem="yamnet", yamnet_blocks=5, yamnet_token_frames=4)
        return Material(
            name,
            "Keywords",
            "speech-commands",
            replace(recipe, model=model),
            "the speakers that the recipe keywords-en holds out",
            12,
            recipe.training.clip_seconds,
        )
    recipe = read_recipe(_RECIPES / "environment.json")
    return Material(
        name,
        "Environment",
        "esc50/esc50.csv",
        replace(recipe, data=replace(recipe.data, held_out_folds=("4",))),
        "fold 4",
        5,
        recipe.training.clip_seconds,
    )
