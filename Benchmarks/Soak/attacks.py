"""Clients that try to hold the service from others: floods, uploads, slow bodies, takeovers.

Each attack runs in a process of its own until its time is over and returns a note. A fault of the service that the
attack itself sees is an `AssertionError`.
"""

import contextlib
import itertools
import json
import multiprocessing
import os
import queue
import socket
import threading
import time
import wave
from collections.abc import Callable
from io import BytesIO

from client import BINARY, CLOSE, TEXT, WebSocket, frame, request
from flac import silence
from service import CORES

Attack = Callable[[int, float], str]
REFUSALS = (BrokenPipeError, ConnectionError, TimeoutError)


def _repeat(until: float, body: Callable[[], None]) -> int:
    """Runs `body` until the time is over; a refusal begins it anew. Returns the number of runs."""
    for count in itertools.count():
        if time.monotonic() >= until:
            return count
        with contextlib.suppress(*REFUSALS):
            body()
    raise AssertionError


def _flood(port: int, until: float, query: str, message: bytes) -> str:
    """Sends a message on one connection as fast as the service takes it, and discards the answers."""
    sent = 0

    def connection() -> None:
        nonlocal sent
        with WebSocket(port, query, timeout=1) as one:
            while time.monotonic() < until:
                one.socket.sendall(message)
                sent += len(message)
                one.receive_available()

    connections = _repeat(until, connection)
    return f"{sent / 1e6:.0f} MB on {connections} connections"


def control_messages(port: int, until: float) -> str:
    """Pings and gaps of a few bytes, and messages as large as a WebSocket's may be."""
    small = frame(TEXT, b'{"type":"ping","id":1}') + frame(TEXT, b'{"type":"gap","lost_samples":1}')
    nested = frame(TEXT, b'{"type":"ping","x":[' + b"[]," * 300_000 + b"0]}")
    large = threading.Thread(target=_flood, args=(port, until, "emit=events", nested))
    large.start()
    note = _flood(port, until, "emit=events", small * 500)
    large.join()
    return note


def one_sample_messages(port: int, until: float) -> str:
    return _flood(port, until, "live=true&emit=events", frame(BINARY, bytes(2)) * 2000)


def fast_senders(port: int, until: float) -> str:
    """Messages of a MiB at 1 kHz: 17 minutes of audio in each."""
    return _flood(port, until, "sample_format=u8&rate=1000&live=true&emit=events", frame(BINARY, b"\x80" * (1 << 20)))


def upload_bombs(port: int, until: float) -> str:
    """Ten hours of silence in 130 kB, an hour of samples, and clients that leave before the answer."""
    sound = BytesIO()
    with wave.open(sound, "wb") as writer:
        writer.setparams((1, 1, 8000, 0, "NONE", ""))
        writer.writeframes(b"\x80" * 8000 * 3600)
    answers: dict[int, int] = {}

    def upload(body: bytes) -> None:
        status, _ = request(port, "POST /v1/classify?emit=frames", body, timeout=3)
        answers[status] = answers.get(status, 0) + 1

    files = [silence(36_000), sound.getvalue()]
    threads = [threading.Thread(target=_repeat, args=(until, lambda file=file: upload(file))) for file in files * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return f"answers by status: {dict(sorted(answers.items()))}, and clients that left"


def slow_bodies(port: int, until: float) -> str:
    """Bodies of files and of states that arrive a byte at a time; the service ends them."""
    ended = 0

    def body(head: str) -> None:
        nonlocal ended
        with socket.create_connection(("127.0.0.1", port), timeout=5) as one:
            one.sendall(f"{head} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n".encode())
            with contextlib.suppress(*REFUSALS):
                while time.monotonic() < until:
                    one.sendall(b"R")
                    time.sleep(0.2)
                return
            ended += 1

    heads = ["POST /v1/classify"] * 20 + [f"PUT /v1/streams/slow{index}/state" for index in range(20)]
    threads = [threading.Thread(target=_repeat, args=(until, lambda head=head: body(head))) for head in heads]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ended >= len(heads), f"only {ended} of {len(heads)} slow bodies were ended"
    return f"{ended} bodies were ended"


def takeovers(port: int, until: float) -> str:
    """Clients that resume the stream of the one before, which still sends: the old one gets the reason."""
    taken = 0
    old: WebSocket | None = None
    while time.monotonic() < until:
        new = WebSocket(port, "stream=soak-takeover&resume=true&emit=events")
        start = json.loads(new.receive()[1])
        assert start["stream"] == "soak-takeover", start
        if old is not None:
            messages: list[tuple[int, bytes]] = []
            with contextlib.suppress(*REFUSALS):
                old.send(BINARY, bytes(1280))
                while not messages or messages[-1][0] != CLOSE:
                    messages.append(old.receive())
            codes = {json.loads(text).get("code") for opcode, text in messages if opcode == TEXT}
            assert "taken_over" in codes, messages
            assert messages[-1] == (CLOSE, b"\x03\xf0taken_over"), messages
            old.close()
            taken += 1
        for _ in range(5):
            new.send(BINARY, bytes(1280))
        # The new stream is that of the new client: it goes on from the old one's position.
        new.send(TEXT, b'{"type":"ping","id":7}')
        while json.loads(pong := new.receive()[1])["type"] != "pong":
            pass
        assert json.loads(pong)["sample"] + json.loads(pong)["queued_samples"] == start["sample"] + 5 * 640, pong
        old = new
    return f"{taken} takeovers"


ALL: dict[str, Attack] = {
    "control messages": control_messages,
    "messages of one sample": one_sample_messages,
    "fast senders": fast_senders,
    "upload bombs": upload_bombs,
    "slow bodies": slow_bodies,
    "takeovers": takeovers,
}


class Running:
    """An attack in a process of low priority, because what it disturbs is measured beside it."""

    def __init__(self, name: str, port: int, seconds: float) -> None:
        self._notes: multiprocessing.Queue[tuple[bool, str]] = multiprocessing.Queue()
        self._process = multiprocessing.Process(target=self._run, args=(ALL[name], port, seconds))
        self._process.start()

    def _run(self, attack: Attack, port: int, seconds: float) -> None:
        os.nice(10)
        os.sched_setaffinity(0, range(max(1, CORES - 1)))
        try:
            self._notes.put((True, attack(port, time.monotonic() + seconds)))
        except (AssertionError, *REFUSALS) as error:
            self._notes.put((False, f"{type(error).__name__}: {error}"))

    def result(self) -> tuple[bool, str]:
        """Waits for the end; returns whether the service behaved, and a note."""
        try:
            return self._notes.get(timeout=60)
        except queue.Empty:
            self._process.kill()
            return False, "the attack does not end"
        finally:
            self._process.join(5)


def health_times(port: int, until: float) -> list[float]:
    """Asks for `/healthz` on new connections, 20 times a second; returns the milliseconds to the answers."""
    times: list[float] = []
    while time.monotonic() < until:
        began = time.monotonic()
        try:
            status, _ = request(port, "GET /healthz")
        except OSError:
            status = 0
        times.append(1000 * (time.monotonic() - began) if status == 200 else float("inf"))
        time.sleep(max(0, 0.05 - (time.monotonic() - began)))
    return sorted(times)
