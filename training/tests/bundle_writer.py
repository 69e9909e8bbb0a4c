"""Writes TensorFlow checkpoints, as far as the reader's tests need them, by the formats' own descriptions."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def varint(value: int) -> bytes:
    parts = []
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def message(field: int, content: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(content)) + content


def block(entries: list[tuple[bytes, bytes]], interval: int = 3) -> bytes:
    """A block of a LevelDB table: keys without what they share with the one before, but for some."""
    data, restarts, last = b"", [], b""
    for index, (key, value) in enumerate(entries):
        shared = 0
        if index % interval == 0:
            restarts.append(len(data))
        else:
            while shared < min(len(key), len(last)) and key[shared] == last[shared]:
                shared += 1
        data += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        last = key
    return data + b"".join(at.to_bytes(4, "little") for at in [*restarts, len(restarts)])


def table(entries: list[tuple[bytes, bytes]], per_block: int = 7) -> bytes:
    file, index = b"", []

    def add(data: bytes) -> bytes:
        nonlocal file
        handle = varint(len(file)) + varint(len(data))
        file += data + bytes(5)  # not compressed, and a checksum
        return handle

    for first in range(0, len(entries), per_block):
        part = entries[first : first + per_block]
        index.append((part[-1][0], add(block(part))))
    footer = add(block([])) + add(block(index))
    return file + footer.ljust(40, b"\0") + 0xDB4775248B80FB57.to_bytes(8, "little")


def bundle(tensors: dict[str, np.ndarray]) -> tuple[bytes, bytes]:
    """The index and the data of a checkpoint with these float32 tensors."""
    data, entries = b"", [(b"", number(1, 1) + message(3, number(1, 1)))]
    for name, tensor in sorted(tensors.items()):
        values = tensor.astype("<f4").tobytes()
        shape = b"".join(message(2, number(1, size)) for size in tensor.shape)
        entry = number(1, 1) + message(2, shape) + number(4, len(data)) + number(5, len(values))
        entries.append((name.encode(), entry + varint(6 << 3 | 5) + bytes(4)))
        data += values
    return table(entries), data


CHANNELS = (32, 64, 128, 128, 256, 256, *[512] * 6, 1024, 1024)


def yamnet_tensors(blocks: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Random variables of YAMNet's first layers, under their names in the checkpoint."""
    tensors: dict[str, np.ndarray] = {}

    def add(layer: int, name: str, *shape: int) -> None:
        spread = min(0.3, float(np.prod(shape[:-1])) ** -0.5)
        values = rng.uniform(0.5, 2, shape) if name == "moving_variance" else rng.normal(0, spread, shape)
        at = f"layer-1/layer/_func/_yamnet/layer_with_weights-{layer}/{name}/.ATTRIBUTES/VARIABLE_VALUE"
        tensors[at] = values.astype(np.float32)

    def add_norm(layer: int, channels: int) -> None:
        for name in ("beta", "moving_mean", "moving_variance"):
            add(layer, name, channels)

    add(0, "kernel", 3, 3, 1, 32)
    add_norm(1, 32)
    for block_index in range(1, blocks + 1):
        inputs, outputs = CHANNELS[block_index - 1 : block_index + 1]
        add(4 * block_index - 2, "depthwise_kernel", 3, 3, inputs, 1)
        add_norm(4 * block_index - 1, inputs)
        add(4 * block_index, "kernel", 1, 1, inputs, outputs)
        add_norm(4 * block_index + 1, outputs)
    if blocks == len(CHANNELS) - 1:
        add(4 * blocks + 2, "kernel", CHANNELS[-1], 521)
        add(4 * blocks + 2, "bias", 521)
    return tensors


def write_yamnet(folder: Path, tensors: dict[str, np.ndarray]) -> Path:
    (folder / "variables").mkdir(parents=True)
    index, data = bundle(tensors)
    (folder / "variables" / "variables.index").write_bytes(index)
    (folder / "variables" / "variables.data-00000-of-00001").write_bytes(data)
    (folder / "assets").mkdir()
    rows = [f'{index},/m/{index:05},"Sound {index}, of a kind"' for index in range(521)]
    (folder / "assets" / "yamnet_class_map.csv").write_text("\n".join(["index,mid,display_name", *rows]) + "\n")
    return folder
