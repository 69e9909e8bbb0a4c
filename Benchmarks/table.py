"""Prints the table of `make bench` and `make bench-peers` from the figures in build/bench.

A line says what was measured, beside what, what is asked and what the limit is.

A benchmark writes a JSON object a line: a `title`, or a row in the form of `row`.
"""

import json
import time
from pathlib import Path
from typing import Any

FOLDER = Path("build/bench")
PARTS = {"baseline": "bench", "program": "bench", "peers": "bench-peers"}
HEADER = ["", "here", "beside", "that takes", "ratio", "asked", "met", "limit", "reached"]


def title(text: str) -> None:
    print(json.dumps({"title": text}), flush=True)


def row(name: str, here: float, unit: str, **more: Any) -> None:
    """Prints a row, in which `here` is this program's figure.

    It may have `beside`, the name of a peer, with `theirs`, the peer's figure, or `error`, the reason why it has none;
    the `ratio` of both; `at_most` or `at_least`, the threshold for the ratio or, without one, for `here`; `limit`, the
    least that `here` can be, or the `multiply_adds` that it takes.
    """
    print(json.dumps({"name": name, "here": here, "unit": unit, **more}), flush=True)


def cells(row: dict[str, Any], multiply_adds: float | None) -> list[str]:
    """Returns the cells of a row; `multiply_adds` is this machine's limit a nanosecond, if it was measured."""
    here, unit, ratio = row["here"], row["unit"], row.get("ratio")
    judged = here if ratio is None else ratio
    if (threshold := row.get("at_most")) is not None:
        asked, met = f"<= {threshold:g}", judged <= threshold
    elif (threshold := row.get("at_least")) is not None:
        asked, met = f">= {threshold:g}", judged >= threshold
    else:
        asked, met = "", None
    limit = row.get("limit")
    if limit is None and multiply_adds and "multiply_adds" in row:
        limit = row["multiply_adds"] / multiply_adds / 1e6  # milliseconds
    return [
        row["name"],
        number(here, unit),
        row.get("beside", ""),
        row.get("error") or number(row.get("theirs"), unit),
        number(ratio),
        asked,
        "" if met is None or "error" in row else "yes" if met else "no",
        number(limit, unit),
        f"{100 * limit / here:.0f} %" if limit else "",
    ]


def number(value: float | None, unit: str = "") -> str:
    return "" if value is None else f"{value:.{2 if abs(value) < 100 else 0}f} {unit}".rstrip()


def main() -> None:
    figures = {part: FOLDER / f"{part}.jsonl" for part in PARTS}
    read = {part: [json.loads(line) for line in file.open()] for part, file in figures.items() if file.exists()}
    peak = next((row["here"] for row in read.get("baseline", []) if row.get("unit") == "/ns"), None)
    table: list[str | list[str]] = []
    for part, target in PARTS.items():
        if part not in read:
            table += ["", f"{part}: not measured; `make {target}` measures it"]
            continue
        measured = time.strftime("%Y-%m-%d %H:%M", time.localtime(figures[part].stat().st_mtime))
        for line in read[part]:
            table += ["", f"{line['title']} ({measured})"] if "title" in line else [cells(line, peak)]
    # A long error of a peer widens no column.
    rows = [HEADER, *(line for line in table if isinstance(line, list))]
    widths = [max(len(cells[column]) for cells in rows if len(cells[column]) < 48) for column in range(len(HEADER))]
    for line in [HEADER, *table]:
        if isinstance(line, str):
            print(line)
        else:
            sides = ["<" if column in (0, 2) else ">" for column in range(len(line))]
            aligned = (f"{cell:{side}{width}}" for cell, side, width in zip(line, sides, widths))
            print("  ".join(aligned).rstrip())


if __name__ == "__main__":
    main()
