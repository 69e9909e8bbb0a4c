"""The model card, made of config.json."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .evaluate import Confusion
from .stream_table import stream_table
from .tag_report import tag_card


def model_card(config: dict[str, Any]) -> str:
    """The README.md of a model directory, made of its config.json alone."""
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
        " ".join(
            [
                f"Trained on {card['data']}" if card["data"] else "The recipe does not name the data.",
                *([f"Licence of the data: {card['data_licence']}."] if card["data_licence"] else []),
                f"Licence of the weights: {config['licence']}.",
            ]
        ),
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
        f"Made on {card['date']} with `classifier-training {card['recipe'].get('command', 'train')}`; everything that "
        "it depends on besides the data is in `card.recipe` of config.json.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _accuracy(config: dict[str, Any]) -> list[str]:
    card = config["card"]
    parts = [
        *_agreement(card.get("agreement")),
        *first_label_section(card.get("first_label")),
        *_calibration(card.get("calibration")),
        *(tag_card(card["tags"], card.get("kept_epoch"), card.get("plots", [])) if "tags" in card else _clips(config)),
        *_events(card.get("events")),
        *_in_streams(config),
        *_event_times(card.get("event_times")),
    ]
    return parts or ["Not measured yet: `classifier-training evaluate` does."]


def _agreement(measured: dict[str, Any] | None) -> list[str]:
    """The agreement of a student with its teacher."""
    if not measured:
        return []
    parts = [
        f"On {measured['recordings']} held-out recordings, measured with audio-classifierd. The teacher is "
        f"{measured['teacher']}; a recording's scores are the means over its tokens, the model's and the teacher's. "
        f"The labels to which the teacher gives at least {measured['tag_threshold']:g} are a recording's tags; "
        f"{measured['labels']} labels are a tag of a recording.",
        "| | |\n|---|---|\n| mean average precision against the teacher's tags | "
        f"{measured['mean_average_precision']:.3f} |\n"
        f"| recordings with the same first label as the teacher | {measured['same_first_label']:.1%} |",
    ]
    if zero_shot := measured.get("zero_shot"):
        parts.append(
            f"Of {zero_shot['recordings']} held-out clips of ESC-50, {zero_shot['accuracy']:.1%} are named right "
            f"without any training on its classes; of the teacher itself it is {zero_shot['teacher']:.1%}. What counts "
            "is the most probable of the AudioSet labels that some class goes by "
            "(`training/classifier_training/data/esc50-audioset.json`)."
        )
    return parts


def first_label_section(measured: dict[str, Any] | None) -> list[str]:
    """The first label of summaries, with the tree of labels and without."""
    if not measured:
        return []
    rows = [
        f"| {found['name']} | {found['recordings']} | {found['all']:.1%} | {found['right']:.1%} "
        f"| {found['all_calibration_error']:.2f} | {found['calibration_error']:.2f} |"
        for found in measured["sets"]
    ]
    changes = measured["changes"]
    return [
        "The first label of a recording's summary is right if it is a name of its class. A list begins with the most "
        "exact label or, with `--labels all`, with the label that has the largest probability at any time. The "
        "calibration error is the mean difference between the first label's probability and the share of right ones, "
        "in ten bins.",
        "| recordings | number | right with `--labels all` | right | calibration error with `--labels all` "
        "| calibration error |\n|---|---|---|---|---|---|\n" + "\n".join(rows),
        *_gains(measured["sets"]),
        f"In {changes['minutes']:g} minutes of {changes['sound']} the first label of frames changes "
        f"{changes['smoothed']:g} times a minute, after the first second of each recording.",
    ]


def _gains(sets: list[dict[str, Any]]) -> list[str]:
    """The share of right first labels of quieter and louder recordings, if it was measured."""
    if not all("gains_db" in found for found in sets):
        return []
    gains = list(sets[0]["gains_db"])
    rows = [f"| {found['name']} | " + " | ".join(f"{found['gains_db'][gain]:.1%}" for gain in gains) for found in sets]
    return [
        "Right first labels of the same recordings, made quieter or louder (and clipped) by so many decibels:",
        f"| recordings | {' | '.join(gains)} |\n|---|{'---|' * len(gains)}\n" + "\n".join(f"{row} |" for row in rows),
    ]


def _calibration(made: dict[str, Any] | None) -> list[str]:
    """What probabilities and thresholds were chosen by."""
    if not made:
        return []
    sounds = ", ".join(f"{name} ({count})" for name, count in made["recordings"].items())
    return [
        f"Probabilities and thresholds were chosen with `classifier-training calibrate` on recordings of known sound: "
        f"{sounds}. {made['common']:g} was added to each logit, less for a label that is too probable where it is not "
        f"heard. The threshold is {made['threshold']:g}, and higher for a label that would otherwise be reported more "
        f"than {made['target']:g} times an hour in one of these sets where it is not heard, or more than four times as "
        "often where it may be."
    ]


def _events(measured: dict[str, Any] | None) -> list[str]:
    if not measured:
        return []
    return [
        f"Events at the model's own thresholds: of {measured['clips']} held-out clips in running noise at "
        f"{measured['snr_db']:g} dB, {measured['found'] / measured['clips']:.1%} were reported; in "
        f"{measured['minutes']:g} minutes of speech and noise without any of the labels, {measured['false']} events "
        "were."
    ]


def _in_streams(config: dict[str, Any]) -> list[str]:
    if not (measured := config["card"].get("in_streams")):
        return []
    return [
        "In streams, at the model's own thresholds, as a daemon hears them; in brackets the interval in which a figure "
        "lies with a probability of 95 %, by the bootstrap over speakers or recordings, and by Poisson's distribution "
        "where there is no event or one speaker. "
        + (
            "The sounds without the labels are recordings of Debian's packages that were not trained on, noise and "
            "silence; the thresholds were chosen on the held-out clips."
            if measured.get("sounds") == "added background"
            else "The thresholds were chosen by other sounds (`training/recipes/streams.json`, "
            "[training/README.md](../../training/README.md#measure-in-streams))."
        ),
        stream_table(measured),
    ]


def _event_times(measured: dict[str, Any] | None) -> list[str]:
    """The errors of the times of events."""
    if not measured:
        return []
    rows = [
        f"| {found['name']} | {found['reported']} of {found['sounds']} "
        f"| {_seconds(found['onset_before'])} | {_seconds(found['onset'])} "
        f"| {_seconds(found['offset_before'])} | {_seconds(found['offset'])} |"
        for found in measured["sets"]
    ]
    return [
        "Times of events, by sounds in a quiet stream, 6 to 9 s apart: how many of them an event names, and how far "
        "its beginning and end are from the sound's (median, in seconds). A model hears a sound late; what is reported "
        "is earlier by its usual delay, which was measured on other recordings.",
        "| sounds | named by an event | beginning, as heard | beginning, as reported | end, as heard "
        "| end, as reported |\n"
        "|---|---|---|---|---|---|\n" + "\n".join(rows),
    ]


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _clips(config: dict[str, Any]) -> list[str]:
    measured = config["card"].get("accuracy")
    if not measured:
        return []
    labels = tuple(config["labels"])
    cold, mid = (Confusion.read(labels, measured[key]) for key in ("cold", "mid_stream"))
    how = config["card"]["recipe"]["evaluation"]
    decided = f", {how['decision_seconds']:g} s after its start" if how["decision_seconds"] else ", at its last token"
    before = f"after {how['mid_stream_seconds']:g} s of other sound"
    kept = (
        ["The weights are those of the epoch that was best on these clips, so that the figures are a little too high."]
        if config["card"].get("kept_epoch") == "best"
        else []
    )
    return [
        f"Share of the {measured['cold']['clips']} held-out clips whose label is the most probable one, and of "
        "all tokens from the clips' start to their end, measured with audio-classifierd:",
        "| heard | clips | tokens |\n|---|---|---|\n"
        "| cold: the clip is the first sound of the stream; decided at its last token "
        f"| {cold.accuracy:.1%} | {cold.right_tokens / cold.tokens:.1%} |\n"
        f"| mid-stream: {before}{decided} | {mid.accuracy:.1%} | {mid.right_tokens / mid.tokens:.1%} |",
        f"Mid-stream, by label; {mid.counts_in_words}:",
        mid.table(),
        "Cold:",
        cold.table(),
        *kept,
        "\n".join(f"![{Path(name).stem}]({name})" for name in config["card"].get("plots", [])),
    ]
