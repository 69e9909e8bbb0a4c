"""Chunks of clips, as what the model learns from: features, or what a stem that does not learn makes of them."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .augment import mask_features
from .compose import Composer
from .dataset import Clip
from .feed import Chunk
from .model import Classifier
from .program import Program
from .recipe import TrainingOptions

CHUNK = 512  # sequences that are composed, and turned into features, at a time
_STATISTICS, _LANDMARKS = 10, 11  # stages of the random numbers besides the phases 0 and 1


class Inputs:
    """Composes the training clips anew for every epoch.

    With a stem that does not learn, its columns (tokens before the projection) are computed once, for
    `frozen_copies` differently composed copies of the clips, which the epochs take in turn.
    """

    def __init__(
        self, options: TrainingOptions, clips: list[Clip], composer: Composer, program: Program, work: Path
    ) -> None:
        self._options, self._clips, self._composer, self._program = options, clips, composer, program
        self._fill = torch.zeros(0)  # what masked features become
        self._frozen: Classifier | None = None
        self._columns = tempfile.TemporaryDirectory(prefix="columns-", dir=work)

    @property
    def parts(self) -> int:
        """Chunks of an epoch."""
        return -(-len(self._clips) // CHUNK)

    def statistics(self) -> Tensor:
        """(sequences, frames, bands) features of some of the training clips."""
        return self._features(_STATISTICS, 0, 0).inputs

    def begin(self, model: Classifier) -> None:
        """To be called when `model` has the weights that it starts from."""
        self._fill = self.statistics().mean((0, 1))
        if self._options.stem_rate == 0:
            self._frozen = model.folded()

    def training(self, phase: int, epoch: int, part: int) -> Chunk:
        """A chunk that depends on the arguments only."""
        if self._frozen is None:
            return self._masked(phase, epoch, part)
        copy = epoch % self._options.frozen_copies
        order = np.random.default_rng((self._options.seed, phase, epoch, part))
        return self._stored(copy, part).shuffled(order)

    def landmarks(self) -> Chunk:
        """Some of the training clips, composed but not masked."""
        return self._of_stem(self._features(_LANDMARKS, 0, 0))

    def held_out(self, clips: list[Clip], mid_stream: bool) -> list[Chunk]:
        """Each clip as it is."""
        return [
            self._of_stem(Chunk.of(sequences, self._program.features))
            for sequences in self._composer.held_out(clips, mid_stream, CHUNK)
        ]

    def logits(self, model: Classifier, inputs: Tensor) -> Tensor:
        """(batch, tokens, labels) of a batch's inputs."""
        return model(inputs) if self._frozen is None else model.of_columns(inputs.float())

    def _features(self, stage: int, epoch: int, part: int) -> Chunk:
        seed = (self._options.seed, stage, epoch)
        order = np.random.default_rng(seed).permutation(len(self._clips))[part * CHUNK : (part + 1) * CHUNK]
        sequences = self._composer.training(
            [self._clips[index] for index in order], np.random.default_rng((*seed, part))
        )
        return Chunk.of(sequences, self._program.features)

    def _masked(self, stage: int, epoch: int, part: int) -> Chunk:
        chunk = self._features(stage, epoch, part)
        seed = int(np.random.default_rng((self._options.seed, stage, epoch, part, 1)).integers(2**31))
        return chunk.with_inputs(
            mask_features(
                chunk.inputs,
                self._fill,
                self._options.time_mask_frames,
                self._options.band_mask_bands,
                torch.Generator().manual_seed(seed),
            )
        )

    def _stored(self, copy: int, part: int) -> Chunk:
        place = Path(self._columns.name) / f"{copy}-{part}"
        if not place.exists():
            chunk = self._of_stem(self._masked(0, copy, part))
            place.mkdir()
            chunk.save(place)
        return Chunk.load(place)

    @torch.no_grad()
    def _of_stem(self, chunk: Chunk) -> Chunk:
        """With the stem's columns in half precision in the place of features, if the stem does not learn."""
        if self._frozen is None:
            return chunk
        frozen = self._frozen
        return chunk.with_inputs(
            torch.cat([frozen.columns(batch.inputs).half() for batch in chunk.batches(16)])
        )
