"""SpecAugment: masks over time and frequency (Park et al., arXiv 1904.08779)."""

from __future__ import annotations

import torch
from torch import Tensor

_MASKS = 2


def _masks(count: int, size: int, longest: int, random: torch.Generator) -> Tensor:
    """(count, size) boolean: in each row `_MASKS` random spans of at most `longest` are true."""
    length = torch.rand(count, _MASKS, 1, generator=random) * min(longest, size)
    start = torch.rand(count, _MASKS, 1, generator=random) * (size - length)
    position = torch.arange(size) + 0.5
    return ((position > start) & (position < start + length)).any(1)


def mask_features(features: Tensor, fill: Tensor, frames: int, bands: int, random: torch.Generator) -> Tensor:
    """Features (batch, frames, bands) in which masks over time and frequency are replaced by `fill` (bands)."""
    count, length, width = features.shape
    in_time = _masks(count, length, frames, random)[:, :, None]
    hidden = in_time | _masks(count, width, bands, random)[:, None, :]
    return torch.where(hidden, fill, features)
