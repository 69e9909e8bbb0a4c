"""The background thread: order, errors, and an early end."""

from __future__ import annotations

import threading

import pytest
import torch

from classifier_training.errors import TrainingError
from classifier_training.feed import Chunk, Feed


def chunk(epoch: int, part: int, size: int = 5) -> Chunk:
    values = torch.full((size, 3, 2), 10.0 * epoch + part)
    return Chunk(values, torch.zeros(size, 3), torch.ones(size, 3), torch.arange(size))


def test_chunks_come_epoch_by_epoch() -> None:
    with Feed(chunk, parts=3, epochs=range(2, 4)) as feed:
        seen = [[float(item.inputs[0, 0, 0]) for item in feed.epoch()] for _ in range(2)]
    assert seen == [[20, 21, 22], [30, 31, 32]]


def test_an_error_in_the_thread_reaches_the_trainer() -> None:
    def fail(epoch: int, part: int) -> Chunk:
        raise TrainingError("the program failed")

    with Feed(fail, 1, range(1)) as feed, pytest.raises(TrainingError, match="the program failed"):
        list(feed.epoch())


def test_leaving_early_ends_the_thread() -> None:
    before = threading.active_count()
    with Feed(chunk, parts=100, epochs=range(100)) as feed:
        next(feed.epoch())
    assert threading.active_count() == before


def test_batches_cover_a_chunk_once() -> None:
    batches = list(chunk(0, 0).batches(2))
    assert [len(batch) for batch in batches] == [2, 2, 1]
    assert torch.cat([batch.last for batch in batches]).tolist() == list(range(5))
