"""Two services with one folder of states behind HAProxy, one of which is killed under its streams."""

import contextlib
import json
import os
import random
import socket
import subprocess
import tempfile
import threading
import time

from client import BINARY, CLOSE, TEXT, WebSocket, request
from service import Server, Table

RATE = 16000
BLOCK = 640
SECONDS = 12
PROGRAM = "/usr/sbin/haproxy"
PATIENCE = 30.0


class Client(threading.Thread):
    """A real-time stream that comes back after a broken connection."""

    def __init__(self, port: int, name: str, audio: bytes) -> None:
        super().__init__()
        self.port = port
        self.stream = name
        self.audio = audio
        self.frames: dict[int, str] = {}
        self.interruptions: list[float] = []
        self.failure = ""

    def run(self) -> None:
        try:
            self._run()
        except (OSError, ValueError, KeyError) as error:
            self.failure = f"{type(error).__name__}: {error}"

    def _connect(self) -> tuple[WebSocket, int]:
        """Tries until there is a stream; returns it and its position."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                one = WebSocket(self.port, f"stream={self.stream}&resume=true", timeout=5)
                return one, json.loads(one.receive()[1])["sample"]
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)

    def _run(self) -> None:
        one, position = self._connect()
        began = time.monotonic()
        while position < len(self.audio) // 2:
            # What a client missed it sends at once, and then as time goes on.
            time.sleep(max(0, began + position / RATE - time.monotonic()))
            try:
                one.send(BINARY, self.audio[2 * position : 2 * (position + BLOCK)])
                if not self._take(one.receive_available()):
                    raise ConnectionResetError
                position += BLOCK
            except OSError:
                broken = time.monotonic()
                self._take_rest(one)
                one.close()
                one, position = self._connect()
                self.interruptions.append(time.monotonic() - broken)
        one.send(TEXT, b'{"type":"end"}')
        self._take_rest(one)
        one.close()

    def _take(self, messages: list[tuple[int, bytes]]) -> bool:
        """Keeps frames, by their numbers; returns whether the connection stays open."""
        for opcode, payload in messages:
            if opcode == CLOSE:
                return False
            record = json.loads(payload)
            if record.pop("type") == "frame":
                del record["stream"]
                line = json.dumps(record)
                if self.frames.setdefault(record["frame"], line) != line:
                    raise ValueError(f"frame {record['frame']} of {self.stream} came twice, with other contents")
        return True

    def _take_rest(self, one: WebSocket) -> None:
        with contextlib.suppress(OSError):
            while self._take([one.receive()]):
                pass


def _expected(program: str, audio: bytes) -> list[str]:
    """Returns the frames of an uninterrupted run, without the name of their stream."""
    command = [program, "run", "-", "--model", "keywords-en", "--input-format", "raw"]
    lines = subprocess.run(command, input=audio, capture_output=True, check=True).stdout.splitlines()
    records = [json.loads(line) for line in lines]
    return [
        json.dumps({key: value for key, value in one.items() if key not in ("type", "stream")})
        for one in records
        if one["type"] == "frame"
    ]


def _configuration(folder: str, port: int, services: list[Server]) -> str:
    """Writes the example of deploy/, without TLS and with these ports; returns its path."""
    with open(f"{os.path.dirname(__file__)}/../../deploy/haproxy.cfg") as file:
        text = file.read()
    bind = "bind :443 ssl crt /etc/haproxy/ear.example.pem alpn http/1.1"
    for old, new in (
        (bind, f"bind 127.0.0.1:{port}"),
        ("127.0.0.1:8081", f"127.0.0.1:{services[0].http}"),
        ("127.0.0.1:8082", f"127.0.0.1:{services[1].http}"),
    ):
        assert old in text, f"{old} is not in deploy/haproxy.cfg"
        text = text.replace(old, new)
    with open(f"{folder}/haproxy.cfg", "w") as file:
        file.write(text)
    return f"{folder}/haproxy.cfg"


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _wait_until_ready(port: int) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError, IndexError):
            if request(port, "GET /readyz")[0] == 200:
                return
        time.sleep(0.05)


def killed_behind_a_balancer(table: Table, program: str, count: int) -> None:
    """Kills one of two services under real-time streams: each goes on at the other, without a missing frame."""
    source = random.Random(1)
    audio = source.randbytes(2 * RATE * SECONDS)
    with tempfile.TemporaryDirectory() as folder:
        settings = [f"state.folder={folder}/states", "state.every_seconds=1"]
        services = [Server(program, *settings) for _ in range(2)]
        port = _free_port()
        balancer = subprocess.Popen([PROGRAM, "-q", "-db", "-f", _configuration(folder, port, services)])
        try:
            _wait_until_ready(port)
            clients = [Client(port, f"soak{index}", audio) for index in range(count)]
            for client in clients:
                client.start()
            time.sleep(SECONDS / 2)
            streams = [len(json.loads(request(one.http, "GET /v1/streams")[1])) for one in services]
            services[0].process.kill()
            for client in clients:
                client.join()
            expected = _expected(program, audio)
            whole = [[client.frames[key] for key in sorted(client.frames)] == expected for client in clients]
            longest = max((time for client in clients for time in client.interruptions), default=0)
            failures = [client.failure for client in clients if client.failure]
            good = all(whole) and not failures and 0 < longest < 3 and all(streams)
            note = f"{streams[0]} of {count} streams were at the killed one; the longest gap is {longest:.2f} s; "
            note += f"{sum(whole)} of {count} have all frames of an uninterrupted run{'; '.join(['', *failures[:1]])}"
            table.line(f"{'kill -9 of one of two behind HAProxy':80}", good, note)
        finally:
            balancer.kill()
            balancer.wait()
            for service in services:
                service.process.kill()
                service.process.wait()
