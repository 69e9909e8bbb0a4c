"""The figures of a model in streams as tables in Markdown, and their comparison with those of a card."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .errors import TrainingError

_SAME_SHARE = 0.005
_SAME_RATE = 1.0  # false events an hour
_SAME_SECONDS = 0.02


def stream_table(measured: dict[str, Any]) -> str:
    """The figures of `StreamReport.json`, each with its interval."""
    parts = [
        "| without any of the labels' sounds | hours | false events an hour | most often |\n|---|---|---|---|\n"
        + "\n".join(
            f"| {kind} | {found['hours']:.2f} | {found['value']:.1f} ({found['low']:.1f} to {found['high']:.1f}) | "
            f"{', '.join(f'{label} {count}' for label, count in found['labels'].items())} |"
            for kind, found in measured["false_events_an_hour"].items()
        )
    ]
    if measured["reported"]:
        parts.append(
            "| clips of the labels | reported | reported as another label |\n|---|---|---|\n"
            + "\n".join(
                f"| {name} | {_share(found['right'])} | {_share(found['wrong'])} |"
                for name, found in measured["reported"].items()
            )
        )
    if refused := measured.get("refused"):
        parts.append(f"`classify` takes {_share(refused)} of the clips of other sounds for the background.")
    return "\n\n".join(parts)


def compare(card: dict[str, Any] | None, measured: dict[str, Any]) -> int:
    """Prints the measured figures beside those that the card has; returns 1 if some differ."""
    stored = {name: value for name, value, _ in _figures(card or {})}
    if not stored:
        raise TrainingError("the model's card has no figures in streams: --update-card writes them")
    status = 0
    for name, now, same in _figures(measured):
        if name not in stored:
            continue
        differs = abs(stored[name] - now) > same
        print(f"{name}: {now:.3f}, in the card {stored[name]:.3f}{': not the same' if differs else ''}")
        status |= differs
    return status


def compare_times(card: dict[str, Any] | None, measured: dict[str, Any] | None) -> int:
    """The same for the card's `event_times`."""
    status = 0
    for stored, found in zip((card or {}).get("sets", []), (measured or {}).get("sets", [])):
        for name in ("onset", "offset"):
            if stored["name"] != found["name"] or None in (stored[name], found[name]):
                continue
            differs = abs(stored[name] - found[name]) > _SAME_SECONDS
            says = f"error of the {name}, s: {found[name]:.2f}, in the card {stored[name]:.2f}"
            print(f"{says}{': not the same' if differs else ''}")
            status |= differs
    return status


def _figures(measured: dict[str, Any]) -> Iterator[tuple[str, float, float]]:
    """The figures by name, with the largest difference of two measurements that are the same."""
    for kind, found in measured.get("false_events_an_hour", {}).items():
        yield f"false events an hour, {kind}", found["value"], _SAME_RATE
    for name, found in measured.get("reported", {}).items():
        yield f"reported, {name}", found["right"]["value"], _SAME_SHARE
    if refused := measured.get("refused"):
        yield "other sounds refused", refused["value"], _SAME_SHARE


def _share(figure: dict[str, Any]) -> str:
    return f"{figure['value']:.1%} ({figure['low']:.1%} to {figure['high']:.1%})"
