"""The model card: config.json in words."""

from __future__ import annotations

from typing import Any

import numpy as np

from .evaluate import Confusion


def model_card(config: dict[str, Any]) -> str:
    """README.md of a model directory, from its config.json alone."""
    card, encoder = config["card"], config["encoder"]
    parts = [
        f"# {config['name']}",
        config["description"],
        f"Labels: {', '.join(f'`{label}`' for label in config['labels'])}."
        + (
            f" Never reported as events: {', '.join(f'`{label}`' for label in config['background'])}."
            if config["background"]
            else ""
        ),
        "## Use",
        card["intended_use"],
        f"Limits: {card['limits']}" if card["limits"] else "",
        "## Data and licence",
        f"Trained on {card['data']} Licence of the data: {card['data_licence']}. Licence of the weights: "
        f"{config['licence']}.",
        f"{card['clips']['trained']} clips were trained on, {card['clips']['held_out']} held out. "
        f"{card['split']} "
        "This split is the trainer's own: the figures do not compare with published ones.",
        "## Accuracy",
        *_accuracy(config),
        "## Model",
        card.get("stem", ""),
        f"{card['parameters']:,} parameters; {encoder['layers']} encoder layers of width "
        f"{encoder['width']} with {encoder['heads']} heads, {encoder['attention']['kind']} attention over "
        f"{encoder['window']} tokens of {card['token_ms']:g} ms.",
        "## Recipe",
        f"Made on {card['date']} with `classifier-training train`; everything that it depends on besides the "
        "data is in `card.recipe` of config.json.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _accuracy(config: dict[str, Any]) -> list[str]:
    measured = config["card"].get("accuracy")
    if not measured:
        return ["Not measured yet: `classifier-training evaluate` does."]
    cold, mid = (
        Confusion(tuple(config["labels"]), np.array(measured[key]["confusion"]))
        for key in ("cold", "mid_stream")
    )
    return [
        f"Share of the {measured['cold']['clips']} held-out clips whose label is the most probable one at "
        "the clip's last token, measured with audio-classifierd:",
        "| heard | accuracy |\n|---|---|\n"
        f"| cold: the clip is the first sound of the stream | {cold.accuracy:.1%} |\n"
        f"| mid-stream: after a second of another clip, noise or silence | {mid.accuracy:.1%} |",
        "Mid-stream, by label; the columns after precision count what the clips were taken for:",
        mid.table(),
        "Cold:",
        cold.table(),
    ]
