"""The command `classifier-training`: `few` starts without PyTorch, which it does not need."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from .errors import TrainingError
from .few_command import EXAMPLES, add_few_options, few_command

_PURPOSE = "make a detector of sounds of your own from 5 to 20 recordings of each, in some seconds"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["few"]:
        return _few(given[1:])
    try:
        from .cli import main as others  # loads PyTorch, for a second or more
    except ModuleNotFoundError as error:
        if (error.name or "").startswith(__package__):
            raise
        print(
            f"error: the Python package {error.name} is missing, without which `few` is the only command: "
            "pip install -e training gets all of them (training/README.md)",
            file=sys.stderr,
        )
        return 69
    except KeyboardInterrupt:
        return 130
    return others(given)


def _few(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        "classifier-training few",
        description=f"{_PURPOSE[0].upper()}{_PURPOSE[1:]}.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_few_options(parser)
    try:
        return few_command(parser.parse_args(arguments))
    except TrainingError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.code
    except OSError as error:
        print(f"error: {error}", file=sys.stderr)
        return 74
    except KeyboardInterrupt:
        return 130
