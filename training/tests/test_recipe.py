"""Recipes: files, options, and what they refuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from classifier_training.cli import main
from classifier_training.configuration import architecture, complete_config
from classifier_training.errors import TrainingError
from classifier_training.recipe import Recipe, read_recipe, stored_recipe, with_values

CARDS = sorted((Path(__file__).parents[2] / "models").glob("*/config.json"))
RECIPES = sorted((Path(__file__).parents[1] / "recipes").glob("*.json"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_the_recipes_are_valid(path: Path) -> None:
    recipe = read_recipe(path)
    assert with_values(Recipe(), recipe.json(), "again") == recipe
    network = architecture(recipe.model, ["_silence_", "_unknown_", "yes"], 64)
    config = complete_config(path.stem, recipe, network)
    assert config["background"] == ["_silence_", "_unknown_"] and config["encoder"]["depth"] == "stream"


def test_a_stored_recipe_may_have_options_that_were_removed() -> None:
    values = {"data": {"split": "random", "silence": "_silence_"}, "training": {"epochs": 3, "seed": 4, "pupils": 1}}
    recipe = stored_recipe({**values, "command": "distil"}, "card")
    assert recipe.command == "distil" and stored_recipe(values, "card").command == "train"
    assert (recipe.data.split, recipe.training.epochs, recipe.training.seed) == ("random", 3, 4)


@pytest.mark.parametrize("file", CARDS, ids=lambda file: file.parent.name)
def test_the_recipes_of_shipped_models_are_read(file: Path) -> None:
    card = json.loads(file.read_text(encoding="utf-8"))["card"]
    assert stored_recipe(card["recipe"], str(file)).training.epochs == card["recipe"]["training"]["epochs"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"model": {"widht": 3}}, "unknown key `model.widht`"),
        ({"modle": {}}, "unknown section `modle`"),
        ({"model": {"width": "128"}}, "must be of type int"),
        ({"model": {"width": 130, "heads": 4}}, "no multiple of heads"),
        ({"model": {"attention": "linear"}}, "one of full, nystromformer, continual, continual-nystrom"),
        ({"model": {"stem_channels": [8]}}, "equally long"),
        ({"model": {"stem": "yamnet", "yamnet_blocks": 14}}, "yamnet_blocks is 14; it must be 0 to 13"),
        ({"model": {"stem": "yamnet", "yamnet_token_frames": 3}}, "yamnet_token_frames is 3"),
        ({"model": {"stem": "yamnet", "frontend": {"recipe": "kaldi"}}}, "needs the front-end `yamnet`"),
        ({"training": {"stem_rate": -1.0}}, "stem_rate is -1.0"),
        ({"training": {"speed": [1.0]}}, "must have 2"),
        ({"training": {"batch": 0}}, "batch is 0; it must be 1 to"),
        ({"training": {"clip_seconds": 1e9}}, "clip_seconds is 1000000000.0"),
        ({"training": {"overlay": -1.0}}, "overlay is -1.0; it must be 0 to 1"),
        ({"data": {"held_out_fraction": float("nan")}}, "held_out_fraction` is nan; it must be a finite number"),
    ],
)
def test_mistakes_are_refused_by_name(values: dict, message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        with_values(Recipe(), values, "recipe")


def test_mistakes_on_the_command_line_end_with_a_status(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    recipe = tmp_path / "recipe.json"
    recipe.write_text(json.dumps({"training": {"epoch": 1}}))
    arguments = [
        "train",
        "--data",
        str(tmp_path),
        "--out",
        str(tmp_path / "m"),
        "--work",
        str(tmp_path / "work"),
    ]
    assert main([*arguments, "--recipe-file", str(recipe)]) == 78
    assert main([*arguments, "--heads", "3"]) == 78
    assert main(arguments) == 66  # no audio files
    assert main([*arguments[:4], str(tmp_path / "No Good")]) == 64
    assert "unknown key `training.epoch`" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [("[1]", "must be a JSON object"), ("[" * 100_000, "not JSON"), ("{", "not JSON"), ('{"training": 1}', "object")],
)
def test_files_that_are_no_recipe(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "recipe.json").write_text(text)
    with pytest.raises(TrainingError, match=message) as raised:
        read_recipe(tmp_path / "recipe.json")
    assert raised.value.code == 78


@pytest.mark.parametrize("values", [5, [], {"streams": 7}, {"training": "x"}])
def test_cards_whose_recipe_is_none(values: Any) -> None:
    with pytest.raises(TrainingError, match="m: the recipe in its card is not one"):
        stored_recipe(values, "m")
