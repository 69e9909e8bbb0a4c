"""Clients of the service on plain sockets: requests, and WebSockets that may misbehave (RFC 6455)."""

import contextlib
import socket
import struct
import time
from typing import Any

TEXT, BINARY, CLOSE = 1, 2, 8


def frame(opcode: int, payload: bytes) -> bytes:
    """Returns a whole frame of a client, whose mask is zero."""
    size = len(payload)
    if size < 126:
        length = bytes([0x80 | size])
    elif size < 1 << 16:
        length = b"\xfe" + struct.pack(">H", size)
    else:
        length = b"\xff" + struct.pack(">Q", size)
    return bytes([0x80 | opcode]) + length + bytes(4) + payload


def request(port: int, head: str, body: bytes = b"", timeout: float = 20) -> tuple[int, bytes]:
    """Sends a request, such as `GET /healthz`, on a connection of its own; returns its status and its answer.

    `timeout` is in seconds, to the end of the answer.
    """
    deadline = time.monotonic() + timeout
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as one:
        length = f"Content-Length: {len(body)}\r\n" if body else ""
        one.sendall(f"{head} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{length}\r\n".encode() + body)
        pieces = []
        while piece := one.recv(1 << 16):
            pieces.append(piece)
            if time.monotonic() > deadline:
                raise TimeoutError("the answer does not end")
    answer = b"".join(pieces)
    return int(answer.split()[1]) if answer else 0, answer.partition(b"\r\n\r\n")[2]


class WebSocket:
    """A connection of `/v1/stream`; messages are pairs of opcode and payload."""

    def __init__(self, port: int, query: str = "", timeout: float = 20) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        head = f"GET /v1/stream?{query} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        head += "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        self.socket.sendall(head.encode())
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            self._fill()
        answer, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        if b" 101 " not in answer.split(b"\r\n")[0]:
            raise ConnectionRefusedError(answer.decode("latin-1"))

    def _fill(self) -> None:
        piece = self.socket.recv(1 << 18)
        if not piece:
            raise ConnectionResetError("the service closed the connection")
        self.buffer += piece

    def send(self, opcode: int, payload: bytes) -> None:
        self.socket.sendall(frame(opcode, payload))

    def receive(self) -> tuple[int, bytes]:
        while (message := self._take()) is None:
            self._fill()
        return message

    def receive_available(self) -> list[tuple[int, bytes]]:
        """Returns the messages that have arrived, without waiting. After them a closed connection is an error of
        `send` and `receive`.
        """
        timeout = self.socket.gettimeout()
        self.socket.setblocking(False)
        with contextlib.suppress(OSError):
            while True:
                self._fill()
        self.socket.settimeout(timeout)
        messages: list[tuple[int, bytes]] = []
        while (message := self._take()) is not None:
            messages.append(message)
        return messages

    def _take(self) -> tuple[int, bytes] | None:
        if len(self.buffer) < 2:
            return None
        size, start = self.buffer[1] & 0x7F, 2
        if size >= 126:
            start = 4 if size == 126 else 10
            if len(self.buffer) < start:
                return None
            size = int.from_bytes(self.buffer[2:start], "big")
        if len(self.buffer) < start + size:
            return None
        opcode, payload = self.buffer[0] & 0x0F, self.buffer[start : start + size]
        self.buffer = self.buffer[start + size :]
        return opcode, payload

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> "WebSocket":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()
