"""Hours of silence as FLAC (RFC 9639), a few bytes a second: a file that is small to send and long to decode."""

import struct

BLOCK = 65535


def _crc(data: bytes, polynomial: int, bits: int) -> int:
    value, top = 0, 1 << (bits - 1)
    for byte in data:
        value ^= byte << (bits - 8)
        for _ in range(8):
            value = (value << 1 ^ (polynomial if value & top else 0)) & ((1 << bits) - 1)
    return value


def _number(value: int) -> bytes:
    """Codes a frame's number as UTF-8 codes characters, up to 16 bits."""
    if value < 0x80:
        return bytes([value])
    if value < 0x800:
        return bytes([0xC0 | value >> 6, 0x80 | value & 0x3F])
    return bytes([0xE0 | value >> 12, 0x80 | value >> 6 & 0x3F, 0x80 | value & 0x3F])


def silence(seconds: int) -> bytes:
    """Returns silence at 16 kHz, in constant blocks, whose header does not give its length."""
    description = struct.pack(">HH", BLOCK, BLOCK) + bytes(6)
    description += (16000 << 44 | 15 << 36).to_bytes(8, "big") + bytes(16)
    stream = b"fLaC\x80" + len(description).to_bytes(3, "big") + description
    for index in range(seconds * 16000 // BLOCK):
        head = b"\xff\xf8\x75\x08" + _number(index) + struct.pack(">H", BLOCK - 1)
        head += bytes([_crc(head, 0x07, 8)])
        one = head + bytes(3)
        stream += one + struct.pack(">H", _crc(one, 0x8005, 16))
    return stream
