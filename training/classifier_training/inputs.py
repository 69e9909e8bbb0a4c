"""The inputs of the training, chunk by chunk: features, or the output of frozen layers."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from .augment import mask_features
from .compose import Composer
from .dataset import Dataset
from .feed import Chunk
from .files import atomic_directory
from .label_sets import overlaid
from .model import Classifier
from .options import TrainingOptions
from .pieces import Sequences
from .program import Program
from .stem_cache import StemCache

FrozenStem = Callable[[Tensor], Tensor]  # (batch, frames, bands) to (batch, channels, tokens, bands)
CHUNK = 256  # sequences that are composed, and turned into features, at a time
_STATISTICS, _LANDMARKS = 10, 11  # stages of the random numbers besides the phases 0 and 1


class SequenceSource(Protocol):
    """A source of features and their targets."""

    count: int  # sequences of an epoch
    has_held_out: bool

    def chunk(self, numbers: np.ndarray, rng: np.random.Generator) -> Chunk:
        """The sequences with these numbers, with everything random drawn from `rng`."""

    def shares(self, balance: float) -> np.ndarray | None:
        """(count,) the share of the draws of each sequence, by its label's count; `None` if it has no one label."""

    def stem_cache(self, stem: FrozenStem, fill: Tensor, folder: Path) -> StemCache | None:
        """A cache of the features of a frozen stem; `None` if sequences cannot be composed of them."""

    def held_out(self, mid_stream: bool) -> Iterator[Chunk]:
        """The held-out sequences, by which the model is measured."""


class Clips:
    """Labelled clips in running audio."""

    def __init__(
        self,
        dataset: Dataset,
        composer: Composer,
        program: Program,
        options: TrainingOptions,
    ) -> None:
        self._dataset, self._options = dataset, options
        self._clips, self._held_out = dataset.of(held_out=False), dataset.of(held_out=True)
        self._composer, self._program = composer, program
        self.count, self.has_held_out = len(self._clips), bool(self._held_out)

    def shares(self, balance: float) -> np.ndarray:
        named = [clip.labels or (clip.label,) for clip in self._clips]
        counts = Counter(label for labels in named for label in labels)
        shares = np.array([min(counts[label] for label in labels) ** -balance for labels in named])
        return shares / shares.sum()

    def stem_cache(self, stem: FrozenStem, fill: Tensor, folder: Path) -> StemCache:
        return StemCache(self._dataset.clips, self._composer, self._program, self._options, stem, fill, folder)

    def chunk(self, numbers: np.ndarray, rng: np.random.Generator) -> Chunk:
        sequences = self._with_targets(self._composer.training([self._clips[number] for number in numbers], rng))
        if not self._composer.has_one_label:
            sequences = overlaid(sequences, self._options.overlay, rng)
        return Chunk.of(sequences, self._program.features)

    def held_out(self, mid_stream: bool) -> Iterator[Chunk]:
        for sequences in self._composer.held_out(self._held_out, mid_stream, CHUNK):
            yield Chunk.of(self._with_targets(sequences), self._program.features)

    def _with_targets(self, sequences: Sequences) -> Sequences:
        return replace(sequences, labels=self._composer.targets(sequences.labels))


class Inputs:
    """Makes the training sequences anew for every epoch.

    The output of frozen layers is computed once, for `frozen_copies` differently augmented copies, which the epochs use
    in turn. If the whole stem is frozen, the copies are of the sounds, otherwise of the sequences.
    """

    def __init__(
        self, options: TrainingOptions, source: SequenceSource, depth: int, identity: dict[str, Any], work: Path
    ) -> None:
        """`depth` is the stem's; `identity` is everything on which the copies, which are kept in `work`, depend."""
        self._options, self._source, self._depth = options, source, depth
        self.frozen_layers = depth if options.stem_rate == 0 else min(options.frozen_layers, depth)
        self._fill = torch.zeros(0)  # replaces masked features
        self._frozen: Classifier | None = None
        self._cache: StemCache | None = None
        digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
        self._copies = work / f"copies-{digest[:16]}"

    @property
    def count(self) -> int:
        """Sequences of an epoch."""
        return self._cache.count if self._cache else self._source.count

    @property
    def parts(self) -> int:
        """Chunks of an epoch."""
        return -(-self.count // CHUNK)

    def statistics(self) -> Tensor:
        """(sequences, frames, bands) features of a sample of the training sequences."""
        return self._features(_STATISTICS, 0, 0).inputs

    def begin(self, model: Classifier) -> None:
        """Prepares for a training of `model`, which has its first weights."""
        self._fill = self.statistics().mean((0, 1))
        self._frozen = model.folded() if self.frozen_layers else None
        if self._frozen is not None and self.frozen_layers == self._depth:
            self._cache = self._source.stem_cache(self._frozen_features, self._fill, self._copies)

    def end(self) -> None:
        """Removes the copies, except those that other models may share."""
        if self._cache is None:
            shutil.rmtree(self._copies, ignore_errors=True)

    def training(self, phase: int, epoch: int, part: int) -> Chunk:
        """A chunk, which depends on the arguments only."""
        copy = epoch % self._options.frozen_copies
        rng = np.random.default_rng((self._options.seed, phase, epoch, part))
        if self._cache:
            return self._cache.chunk(copy, self._numbers(phase, epoch, part), rng)
        if self._frozen:
            return self._copy(copy, part).shuffled(rng)
        return self._masked(phase, epoch, part)

    def landmarks(self) -> Chunk:
        """A sample of the training sequences, not masked."""
        return self._through_frozen(self._features(_LANDMARKS, 0, 0))

    def held_out(self, mid_stream: bool) -> list[Chunk]:
        """The held-out sequences, if there are any."""
        if not self._source.has_held_out:
            return []
        return [self._through_frozen(chunk) for chunk in self._source.held_out(mid_stream)]

    def logits(self, model: Classifier, inputs: Tensor) -> Tensor:
        """(batch, tokens, labels) of a batch's inputs."""
        return model(inputs) if self._frozen is None else model.finish(inputs.float(), self.frozen_layers)

    def _numbers(self, stage: int, epoch: int, part: int) -> np.ndarray:
        """The sequences of a chunk; those of an epoch come in random order."""
        count = self._source.count if stage in (_STATISTICS, _LANDMARKS) else self.count
        rng = np.random.default_rng((self._options.seed, stage, epoch))
        shares = self._source.shares(self._options.balance) if self._options.balance else None
        if shares is not None and len(shares) < count:  # the other sequences of the cache are of recordings
            rest = np.full(count - len(shares), 1 / count)
            shares = np.concatenate([shares * (len(shares) / count), rest])
        order = rng.permutation(count) if shares is None else rng.choice(count, count, p=shares)
        return order[part * CHUNK : (part + 1) * CHUNK]

    def _features(self, stage: int, epoch: int, part: int) -> Chunk:
        rng = np.random.default_rng((self._options.seed, stage, epoch, part))
        return self._source.chunk(self._numbers(stage, epoch, part), rng)

    def _masked(self, stage: int, epoch: int, part: int) -> Chunk:
        chunk, options = self._features(stage, epoch, part), self._options
        seed = int(np.random.default_rng((options.seed, stage, epoch, part, 1)).integers(2**31))
        random = torch.Generator().manual_seed(seed)
        masked = mask_features(chunk.inputs, self._fill, options.time_mask_frames, options.band_mask_bands, random)
        return chunk.with_inputs(masked)

    def _copy(self, copy: int, part: int) -> Chunk:
        folder = self._copies / f"{copy}-{part}"
        if not folder.exists():
            chunk = self._through_frozen(self._masked(0, copy, part))
            with atomic_directory(folder) as fresh:
                chunk.save(fresh)
        return Chunk.load(folder)

    @torch.no_grad()
    def _through_frozen(self, chunk: Chunk) -> Chunk:
        """The chunk with the output of the frozen layers, in half precision, in the place of features."""
        if self._frozen is None:
            return chunk
        batches = [self._frozen_features(batch.inputs) for batch in chunk.batches(16)]
        # NumPy writes and reads contiguous arrays at once, others value by value.
        return chunk.with_inputs(torch.cat([batch.contiguous() for batch in batches]))

    @torch.no_grad()
    def _frozen_features(self, features: Tensor) -> Tensor:
        """The output of the frozen layers, in half precision and on the CPU, for (batch, frames, bands)."""
        frozen = self._frozen
        assert frozen is not None, "asked for only if layers are frozen"
        device = frozen.device
        with torch.autocast(device.type, torch.bfloat16, enabled=self._options.precision == "bfloat16"):
            return frozen.begin(features.to(device), self.frozen_layers).half().cpu()
