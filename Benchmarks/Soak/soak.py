#!/usr/bin/env python3
"""Load and faults on a running `serve`, all on loopback: soak PROGRAM LOAD [SECONDS [STREAMS]]

Real-time streams of 16 kHz on one core, made by the program LOAD (stream-load) on the others, then as many as fit, with
their number a core beside the limit, then one fault and one attack after the other while some streams continue. Prints
a table, and fails if a stream was harmed, or if another client had to wait.
"""

import asyncio
import os
import random
import re
import socket
import sys
import tempfile
import time

import attacks
from balancer import killed_behind_a_balancer
from limit import Limit
from service import Fault, Server, Table, finished, generate, yielding

RATE = 16000
# Streams of the step "as many as fit", as a multiple of those of the first step: beyond the limit of any core here.
AS_MANY = 6


def refusal(port: int) -> tuple[int, int | None, str | None]:
    """Opens streams by WebSocket until one is refused; returns their number, the status and `Retry-After`."""
    head = "GET /v1/stream HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    head += "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    sockets: list[socket.socket] = []
    while len(sockets) < 1000:
        one = socket.create_connection(("127.0.0.1", port), timeout=20)
        sockets.append(one)
        one.sendall(head.encode())
        answer = one.recv(4096).decode("latin-1")
        if " 101 " not in answer.split("\r\n")[0]:
            retry = re.search(r"Retry-After: (\d+)", answer)
            return len(sockets) - 1, int(answer.split()[1]), retry[1] if retry else None
    return len(sockets), None, None


def named_stream(port: int, name: str) -> socket.socket:
    """Opens a stream by WebSocket and sends a second of silence; a stream with a name leaves its state."""
    head = f"GET /v1/stream?stream={name}&emit=events HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
    head += "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    one = socket.create_connection(("127.0.0.1", port), timeout=20)
    one.sendall(head.encode())
    one.recv(4096)
    one.sendall(bytes([0x82, 0xFE]) + (2 * RATE).to_bytes(2, "big") + bytes(4) + bytes(2 * RATE))
    return one


async def load(table: Table, program: str, generator: str, seconds: int, count: int) -> None:
    server = Server(program)
    process = await generate(generator, server.tcp, count, seconds)
    used = server.processor_seconds()
    await asyncio.sleep(seconds / 2)
    half = server.memory()
    await asyncio.sleep(seconds * 0.48)
    growth = server.memory() / half - 1
    used = (server.processor_seconds() - used) / (seconds * 0.98)
    outcome = await finished(process)
    good = outcome.is_harmless and outcome.report["refused"] == 0 and growth < 0.01
    note = f"{half / 1e6:.0f} MB, {100 * growth:+.2f} % in the second half, {100 * used:.0f} % of a core"
    table.row(f"{count} streams, {seconds} s", outcome, good, note)
    server.stop()

    # As many as fit: more arrive at once than a core has time for, at a service that has measured none yet. The
    # admitted streams must not suffer, and the others must get a refusal.
    limit = Limit(program, generator)
    server = Server(program, "limits.streams=100000", "limits.streams_per_client=100000")
    seconds = max(12, min(60, seconds))
    process = await generate(generator, server.tcp, AS_MANY * count, seconds)
    await asyncio.sleep(seconds / 4)
    used = server.processor_seconds()
    await asyncio.sleep(seconds / 4)
    used = (server.processor_seconds() - used) / (seconds / 4)
    more, status, retry = await asyncio.to_thread(refusal, server.http)
    outcome = await finished(process)
    good = outcome.is_harmless and outcome.report["refused"] > 0 and status == 503 and retry is not None
    admitted = outcome.report["streams"] - outcome.report["refused"]
    note = f"after {more} more by WebSocket: {status}, Retry-After: {retry}"
    if admitted > 0:
        note = f"{limit.note(1000 * used / admitted)}; {note}"
    table.row(f"as many as fit of {AS_MANY * count}", outcome, good, note)
    table.end(server)


async def disk_full(table: Table, program: str, generator: str, count: int) -> None:
    """Writes events to a file on a full disk."""
    thresholds = ["streams.decision.threshold=0.01", "streams.decision.threshold_off=0.01"]
    server = Server(program, "events.file.path=/dev/full", *thresholds)
    outcome = await finished(await generate(generator, server.tcp, count, 10))
    logged = "No space left" in server.errors() or "full" in server.errors()
    good = outcome.is_harmless and server.process.poll() is None
    table.row("disk full", outcome, good, "the log says so" if logged else "")
    server.stop()


async def faults(table: Table, program: str, generator: str, count: int) -> None:
    server = Server(program, "limits.idle_seconds=5", "streams.outputs=64")

    async def step(name: str, fault: Fault, seconds: int = 10) -> None:
        process = await generate(generator, server.tcp, count, seconds)
        await asyncio.sleep(1)
        note = await asyncio.to_thread(yielding, fault)
        outcome = await finished(process)
        table.row(name, outcome, outcome.is_harmless and server.process.poll() is None, note)

    async def opened_and_closed() -> str:
        for _ in range(100):
            pairs = await asyncio.gather(*(asyncio.open_connection("127.0.0.1", server.http) for _ in range(100)))
            for _, writer in pairs:
                writer.close()
        return "10000 connections"

    async def half_open() -> str:
        writers = []
        for _ in range(200):
            _, writer = await asyncio.open_connection("127.0.0.1", server.http)
            writer.write(b"GET / HTTP/1.1\r\nHost: local")
            writers.append(writer)
        await asyncio.sleep(6)
        return "200 requests that never end"

    async def malformed() -> str:
        source = random.Random(1)
        for _ in range(500):
            _, writer = await asyncio.open_connection("127.0.0.1", server.http)
            head = b"GET /v1/stream HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            head += b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            writer.write((head if source.random() < 0.5 else b"") + source.randbytes(source.randrange(1, 2000)))
            writer.close()
        return "500 connections of noise, half of them WebSockets; seed 1"

    async def slow_readers() -> str:
        writers = []
        for _ in range(10):
            _, writer = await asyncio.open_connection("127.0.0.1", server.tcp)
            assert isinstance(writer.transport, asyncio.Transport)  # a socket is read from, too
            writer.transport.pause_reading()
            writer.write(bytes(2 * RATE * 60))
            writers.append(writer)
        await asyncio.sleep(6)
        return "10 clients that send a minute and read nothing"

    async def vanishing() -> str:
        for _ in range(100):
            _, writer = await asyncio.open_connection("127.0.0.1", server.tcp)
            writer.write(bytes(1001))
            writer.transport.abort()
        return "100 resets in the middle of a sample"

    await step("connections opened and closed", opened_and_closed, 20)
    await step("half-open connections", half_open)
    await step("malformed frames and requests", malformed)
    await step("slow readers", slow_readers)
    await step("clients that vanish", vanishing)
    table.end(server)


async def killed(table: Table, program: str, generator: str, count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        server = Server(program, f"state.folder={folder}", "state.every_seconds=1")
        process = await generate(generator, server.tcp, count, 6)
        named = [named_stream(server.http, f"soak{index}") for index in range(count)]
        await asyncio.sleep(3)
        server.process.kill()
        server.process.wait()
        await process.communicate()
        for one in named:
            one.close()
        states = len(os.listdir(folder))
        ports = (server.http, server.tcp)
        server = Server(program, f"state.folder={folder}", ports=ports)
        outcome = await finished(await generate(generator, server.tcp, count, 10))
        good = outcome.is_harmless and states >= count
        table.row("kill -9 under load, started again", outcome, good, f"{states} states were saved")
        server.stop()


async def attacked(table: Table, program: str, generator: str, count: int) -> None:
    """Runs each attack beside live streams, and beside a client that asks for `/healthz` again and again."""
    server = Server(program, "limits.idle_seconds=3", "limits.file_seconds=36000", "capacity.latency_ms=1000")
    seconds = 10
    for name in attacks.ALL:
        process = await generate(generator, server.tcp, count, seconds)
        await asyncio.sleep(1)
        attack = attacks.Running(name, server.http, seconds - 2)
        times = await asyncio.to_thread(attacks.health_times, server.http, time.monotonic() + seconds - 2)
        behaved, note = await asyncio.to_thread(attack.result)
        outcome = await finished(process)
        health = times[int(len(times) * 0.99)]
        good = behaved and outcome.is_harmless and outcome.report["refused"] == 0 and health <= 100
        table.row(name, outcome, good, f"/healthz p99 {health:.0f} ms; {note}")
    table.end(server)


async def main() -> None:
    program, generator = sys.argv[1:3]
    seconds = int(sys.argv[3]) if len(sys.argv) > 3 else 300
    count = int(sys.argv[4]) if len(sys.argv) > 4 else 200
    table = Table()
    await load(table, program, generator, seconds, count)
    some = max(1, count // 10)
    await faults(table, program, generator, some)
    await disk_full(table, program, generator, some)
    await killed(table, program, generator, some)
    await attacked(table, program, generator, max(1, count // 2))
    await asyncio.to_thread(killed_behind_a_balancer, table, program, some)
    sys.exit(1 if table.failed else 0)


asyncio.run(main())
