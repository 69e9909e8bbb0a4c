"""Sends a recording to the server twice, in odd pieces and at once, and checks the lines that come back."""

import json
import re
import socket
import sys
import time
from pathlib import Path
from typing import Any

log, samples = (Path(argument) for argument in sys.argv[1:])


def port() -> int:
    """Waits for the server's first line, which names its port."""
    for _ in range(600):
        found = re.search(r"port (\d+)", log.read_text())
        if found:
            return int(found[1])
        time.sleep(0.1)
    sys.exit("the server does not listen")


def events(piece: int) -> list[dict[str, Any]]:
    """Returns the server's lines for the recording, sent in pieces of so many bytes."""
    data = samples.read_bytes()
    with socket.create_connection(("127.0.0.1", port()), timeout=60) as connection:
        for start in range(0, len(data), piece):
            connection.sendall(data[start : start + piece])
        connection.shutdown(socket.SHUT_WR)
        return [json.loads(line) for line in connection.makefile()]


def comparable(lines: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Returns what must not depend on the connection."""
    return [(line["phase"], line["label"], line["t0"], line["t1"], line["p_max"]) for line in lines]


whole = events(1 << 20)
phases = [line["phase"] for line in whole if line["label"] == "left"]
assert phases == ["start", "end"], whole
assert all(line["id"].startswith(line["stream"]) for line in whole)
assert comparable(events(777)) == comparable(whole), "pieces change the events"
