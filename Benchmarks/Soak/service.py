"""A service on one core, the load on the others, and the table of results."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

CORES = os.cpu_count() or 1
Fault = Callable[[], Awaitable[str]]


class Server:
    """`serve` on one core, as a process of its own."""

    def __init__(self, program: str, *settings: str, ports: tuple[int, int] = (0, 0)) -> None:
        self.log = tempfile.TemporaryFile()  # noqa: SIM115 (open for as long as the service runs)
        addresses = [f"listen.http=127.0.0.1:{ports[0]}", f"listen.tcp=127.0.0.1:{ports[1]}"]
        limits = ["capacity.threads=1", "limits.connections_per_second=100000"]
        command = ["taskset", "-c", str(CORES - 1), program, "serve"]
        for setting in [*addresses, "model=keywords-en", *limits, *settings]:
            command += ["--set", setting]
        self.process = subprocess.Popen(command, stderr=self.log)
        for _ in range(600):
            found = re.search(r"http://127.0.0.1:(\d+)/, tcp://127.0.0.1:(\d+)", self.errors())
            if found:
                self.http, self.tcp = int(found[1]), int(found[2])
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        sys.exit(f"error: serve does not start: {self.errors()}")

    def errors(self) -> str:
        return os.pread(self.log.fileno(), 1 << 20, 0).decode()

    def memory(self) -> int:
        """Returns the resident bytes."""
        with open(f"/proc/{self.process.pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def processor_seconds(self) -> float:
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


class Outcome:
    """The report of the load generator: a process of its own, which the client of a fault does not slow down."""

    def __init__(self, report: bytes) -> None:
        self.report: dict[str, Any] = json.loads(report)

    @property
    def is_harmless(self) -> bool:
        """Whether every admitted stream is whole and in time."""
        one = self.report
        return one["frames"] > 0 and not one["harmed"] and not one["gaps"] and not one["dropped"] and one["p99"] < 100


class Table:
    def __init__(self) -> None:
        self.failed = False
        print(f"{'step':34}{'streams':>8}{'refused':>8}{'gaps':>6}{'p50 ms':>8}{'p99 ms':>8}{'max ms':>8}  result")

    def row(self, step: str, outcome: Outcome, good: bool, note: str = "") -> None:
        one = outcome.report
        if one["harmed"] or one["dropped"]:
            note = f"{one['harmed']} streams harmed, {one['dropped']} outputs dropped; {note}"
        times = "".join(f"{one[name]:8.1f}" if one[name] is not None else f"{'-':>8}" for name in ("p50", "p99", "max"))
        self.line(f"{step:34}{one['streams'] - one['refused']:8}{one['refused']:8}{one['gaps']:6}{times}", good, note)

    def end(self, server: Server) -> None:
        """Ends the service and prints whether it exited with 0."""
        status = server.stop()
        self.line(f"{'SIGTERM':80}", status == 0, f"exit {status}")

    def line(self, text: str, good: bool, note: str) -> None:
        self.failed |= not good
        print(f"{text}  {'ok' if good else 'FAILED'} {note}", flush=True)


async def generate(generator: str, port: int, count: int, seconds: int) -> asyncio.subprocess.Process:
    others = ",".join(str(core) for core in range(max(1, CORES - 1)))
    command = ["taskset", "-c", others, generator, str(port), str(count), str(seconds)]
    return await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)


async def finished(process: asyncio.subprocess.Process) -> Outcome:
    return Outcome((await process.communicate())[0])


def yielding(fault: Fault) -> str:
    """Runs a fault on a thread of low priority, because the load generator beside it measures."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)

    async def run() -> str:
        return await fault()

    return asyncio.run(run())
