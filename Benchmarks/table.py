"""The table of `make bench` and `make bench-peers`: what was measured, what was asked for, and what it consists of."""


def title(text: str) -> None:
    print(f"\n{text}\n\n{'':46}{'measured':>12}{'asked':>10}", flush=True)


def row(name: str, value: float, note: str = "", at_most: float | None = None, at_least: float | None = None) -> None:
    """A line of the table; `value` is in the unit that the name says, or a ratio."""
    asked = f"<= {at_most:g}" if at_most is not None else f">= {at_least:g}" if at_least is not None else ""
    missed = (at_most is not None and value > at_most) or (at_least is not None and value < at_least)
    print(f"{name:46}{value:12.2f}{asked:>10}   {note}{'  (missed)' if missed else ''}", flush=True)


def missing(name: str, why: str) -> None:
    """A line of what could not be measured."""
    print(f"{name:46}{'-':>12}{'':>10}   {why}", flush=True)
