"""The model card of a model for streams of features, made of config.json."""

from __future__ import annotations

from typing import Any

from .feature_evaluation import text


def feature_card(config: dict[str, Any]) -> str:
    """The README.md of the model directory, made of its config.json alone."""
    card, encoder, streams = config["card"], config["encoder"], config["card"]["streams"]
    labels = ", ".join(f"`{label}`" for label in config["labels"][:40]) + (
        f", and {len(config['labels']) - 40} more" if len(config["labels"]) > 40 else ""
    )
    figures = card.get("figures")
    thresholds = " Thresholds of labels are those with the best F1 on the same streams."
    parts = [
        f"# {config['name']}",
        config["description"],
        f"Labels: {labels}." + (f" Background: `{config['background'][0]}`." if config["background"] else ""),
        "## Use",
        f"The input is a stream of {streams['features']} features every {streams['step_seconds']:g} s "
        f"(`audio-classifierd encode --model {config['name']} --features -`). {card['intended_use']}".strip(),
        f"Limits: {card['limits']}" if card["limits"] else "",
        "## Data and licence",
        f"Trained on {card['data']}." if card["data"] else "The recipe does not name the data.",
        f"Licence of the data: {card['data_licence']}." if card["data_licence"] else "",
        f"Licence of the weights: {config['licence']}.",
        f"{streams['trained']} streams were trained on, {streams['held_out']} held out.",
        "## Accuracy",
        "Measured with audio-classifierd on the held-out streams; *cold*: each from an empty state; *long*: one after "
        "the other, with full windows." + (thresholds if config["decision"].get("class_thresholds") else "")
        if figures
        else "Not measured: no stream was held out.",
        "\n\n".join(f"```\n{text(each, name)}\n```" for name, each in (figures or {}).items()),
        "## Model",
        f"{card['parameters']:,} parameters; {encoder['layers']} encoder layers of width {encoder['width']} with "
        f"{encoder['heads']} heads, {encoder['attention']['kind']} attention over {encoder['window']} tokens of "
        f"{card['token_ms']:g} ms.",
        "## Recipe",
        f"Made on {card['date']} with `classifier-training train-features`; everything that it depends on besides the "
        "data is in `card.recipe` of config.json.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"
