"""Classifies archives of sound on a Ray cluster: `python -m audio_classifier_ray` (docs/scaling.md)."""

from __future__ import annotations

from .archive import Outcome, classify_archive
from .errors import ArchiveError
from .settings import Settings

__all__ = ["ArchiveError", "Outcome", "Settings", "classify_archive"]
