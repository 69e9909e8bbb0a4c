"""Reads a TensorFlow checkpoint (a "tensor bundle") without TensorFlow.

Its index is a table of LevelDB, from names to the positions of the values in the data file:
https://github.com/google/leveldb/blob/main/doc/table_format.md and
https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/protobuf/tensor_bundle.proto
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

_MAGIC = 0xDB4775248B80FB57
_FOOTER = 48  # bytes
_FLOAT = 1  # of TensorFlow's DataType


class BundleError(ValueError):
    """A fault of a checkpoint."""


@dataclass(frozen=True)
class _Entry:
    """The position, shape and type of a tensor."""

    kind: int
    shape: tuple[int, ...]
    shard: int
    start: int
    size: int


class TensorBundle:
    """The float32 tensors of a checkpoint in one shard, by name."""

    def __init__(self, index: bytes, data: bytes) -> None:
        self._data = data
        try:
            # The header's key is empty.
            self._entries = {key.decode(): _entry(value) for key, value in _table(index) if key}
        except (IndexError, UnicodeDecodeError) as error:
            raise BundleError("the index is damaged") from error

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def read(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """The tensor of this name; refuses another shape and values that are not finite."""
        entry = self._entries.get(name)
        if entry is None:
            raise BundleError(f"there is no tensor {name}")
        if entry.kind != _FLOAT or entry.shape != shape:
            raise BundleError(f"{name} has the shape {entry.shape} and type {entry.kind}, not {shape} and {_FLOAT}")
        values = self._data[entry.start : entry.start + entry.size]
        if entry.shard or len(values) != entry.size or entry.size != 4 * int(np.prod(shape)):
            raise BundleError(f"{name} is not all in the data file")
        tensor = np.frombuffer(values, "<f4").reshape(shape)
        if not np.isfinite(tensor).all():
            raise BundleError(f"{name} has values that are not finite")
        return tensor


def _table(file: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The keys and values of a LevelDB table."""
    if len(file) < _FOOTER or int.from_bytes(file[-8:], "little") != _MAGIC:
        raise BundleError("the index is not that of a TensorFlow checkpoint")
    footer = file[-_FOOTER:]
    position = _varint(footer, _varint(footer, 0)[1])[1]  # behind the handle of the metaindex, which is not used
    for _, handle in _block(file, footer, position):
        yield from _block(file, handle, 0)


def _block(file: bytes, handle: bytes, position: int) -> Iterator[tuple[bytes, bytes]]:
    """The keys and values of the block whose offset and size are encoded in `handle`."""
    start, position = _varint(handle, position)
    size, _ = _varint(handle, position)
    if file[start + size] != 0:
        raise BundleError("the index is compressed, which checkpoints are not")
    block = file[start : start + size]
    restarts = int.from_bytes(block[-4:], "little")
    end, at, key = len(block) - 4 * (restarts + 1), 0, b""
    while at < end:
        shared, at = _varint(block, at)
        rest, at = _varint(block, at)
        length, at = _varint(block, at)
        key = key[:shared] + block[at : at + rest]
        yield key, block[at + rest : at + rest + length]
        at += rest + length


def _entry(message: bytes) -> _Entry:
    """A BundleEntryProto."""
    values: dict[int, int] = {}
    shape: tuple[int, ...] = ()
    for field, value in _fields(message):
        if field == 2 and isinstance(value, bytes):
            sizes = [dict(_fields(size)) for _, size in _fields(value) if isinstance(size, bytes)]
            shape = tuple(int(size.get(1, 0)) for size in sizes)
        elif isinstance(value, int):
            values[field] = value
    return _Entry(values.get(1, 0), shape, values.get(3, 0), values.get(4, 0), values.get(5, 0))


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a message in the wire format of Protocol Buffers, by number."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        wire = tag & 7
        if wire == 0:
            value, at = _varint(message, at)
            yield tag >> 3, value
            continue
        if wire == 2:
            size, at = _varint(message, at)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise BundleError("the index is damaged")
        yield tag >> 3, message[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """An integer of 7 bits a byte, the lowest first; and where it ends."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
