"""The program and the models that come with the package."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from .errors import ProgramDied

PACKAGE = Path(__file__).parent
VARIABLE = "AUDIO_CLASSIFIERD"


def find_program() -> str:
    """The path of audio-classifierd: of $AUDIO_CLASSIFIERD, of the package, or of $PATH."""
    chosen = os.environ.get(VARIABLE)
    own = PACKAGE / "bin" / "audio-classifierd"
    found = chosen or (str(own) if own.exists() else shutil.which("audio-classifierd"))
    if found is None:
        raise ProgramDied(
            f"audio-classifierd is not here: the package has none ({own}), and it is not on PATH; "
            f"install the wheel of this platform, or name the program in ${VARIABLE}"
        )
    if not os.access(found, os.X_OK):
        origin = f" (${VARIABLE})" if chosen else ""
        raise ProgramDied(f"{found}{origin}: there is no program that can be run; install the wheel of this platform")
    return found


def environment() -> dict[str, str]:
    """The variables of the program: those of this process, and the package's models unless others are named."""
    variables = dict(os.environ)
    models = PACKAGE / "models"
    if models.is_dir():
        variables.setdefault("AUDIO_CLASSIFIERD_MODELS", str(models))
    return variables
