"""One process of `audio-classifierd requests`, and the answers of its requests.

The frames are described in docs/requests.md. Any thread may send requests; a thread of this module reads answers.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from typing import IO, Any, NamedTuple

from .errors import ProgramDied, RequestError
from .program import environment, find_program

_LOG = logging.getLogger("audio_classifier")
_KEPT_LINES = 20  # of standard error, for the message when the program dies


class Answer(NamedTuple):
    """A line of an answer, and the bytes behind it."""

    record: dict[str, Any]
    data: bytes


class Answers:
    """The answers of one request, in order. The last one is `done` or `error`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._changed = threading.Condition()
        self._waiting: deque[Answer | BaseException] = deque()
        self._ended = False

    @property
    def ended(self) -> bool:
        """Whether the last answer has come; it may still wait to be taken."""
        return self._ended

    def put(self, answer: Answer | BaseException) -> None:
        with self._changed:
            self._waiting.append(answer)
            if isinstance(answer, BaseException) or answer.record["type"] in ("done", "error"):
                self._ended = True
            self._changed.notify_all()

    def get(self) -> Answer:
        """The next answer; waits for it."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting)
            answer = self._waiting.popleft()
            self._changed.notify_all()
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def wait_until_fewer(self, count: int) -> None:
        """Waits until fewer answers wait to be taken, or the last one has come."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._waiting) < count or self._ended)

    def complete(self) -> Iterator[Answer]:
        """All answers up to `done`, which is the last one.

        Raises RequestError in place of an `error`.
        """
        while True:
            answer = self.get()
            if answer.record["type"] == "error":
                raise RequestError(answer.record["code"], answer.record["message"])
            yield answer
            if answer.record["type"] == "done":
                return


class RequestProcess:
    """The process. It ends with `close`, or with this Python process."""

    def __init__(self, options: Sequence[str] = (), program: str | None = None) -> None:
        self.folder = os.getcwd()
        path = program or find_program()
        try:
            # The messages of the program are read, so that an error can contain the last of them.
            self._process = subprocess.Popen(
                [path, "requests", *options],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment(),
                start_new_session=True,
            )
        except OSError as error:
            raise ProgramDied(f"{path}: cannot be started: {error.strerror}") from error
        self._writing = threading.Lock()
        self._requests_lock = threading.Lock()
        self._requests: dict[str, Answers] = {}
        self._names = (str(number) for number in itertools.count())
        self._messages: deque[str] = deque(maxlen=_KEPT_LINES)
        self._death: ProgramDied | None = None
        self._threads = [
            threading.Thread(target=target, daemon=True) for target in (self._read_answers, self._read_messages)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, header: dict[str, Any], data: bytes | None = None) -> Answers:
        """Sends a request; its answers come while this process does other things."""
        with self._requests_lock:
            if self._death is not None:
                raise self._death
            answers = Answers(next(self._names))
            self._requests[answers.name] = answers
        self.write(answers.name, header, data)
        return answers

    def write(self, name: str, header: dict[str, Any], data: bytes | None = None) -> None:
        """Writes a header of the request of this name, and its bytes."""
        header = {**header, "request": name}
        if data is not None:
            header["bytes"] = len(data)
        line = json.dumps(header).encode() + b"\n"
        stdin = self._process.stdin
        assert stdin is not None
        try:
            with self._writing:
                stdin.write(line)
                if data:
                    stdin.write(data)
                stdin.flush()
        except (OSError, ValueError) as error:
            self._threads[0].join(timeout=10)
            raise self._death or ProgramDied(f"the program is closed: {error}") from error

    def close_input(self) -> None:
        """Makes the process end after what is under way."""
        stdin = self._process.stdin
        assert stdin is not None
        # A process that is gone has answered what was under way.
        with self._writing, contextlib.suppress(OSError):
            stdin.close()

    def close(self) -> None:
        """Ends the process after what is under way."""
        self.close_input()
        self._process.wait()
        for thread in self._threads:
            thread.join()

    def kill(self) -> None:
        """Ends the process at once."""
        self._process.kill()
        self._process.wait()

    def _read_answers(self) -> None:
        stdout = self._process.stdout
        assert stdout is not None
        try:
            while (answer := _read_answer(stdout)) is not None:
                self._deliver(answer)
        except (ValueError, KeyError, TypeError) as error:
            _LOG.error("the program's answer cannot be read: %s", error)
            self._process.kill()
        finally:
            self._fail()

    def _deliver(self, answer: Answer) -> None:
        name = answer.record.pop("request", None)
        is_last = answer.record["type"] in ("done", "error")
        with self._requests_lock:
            answers = self._requests.pop(name, None) if is_last else self._requests.get(name)
        if answers is not None:
            answers.put(answer)
        elif answer.record["type"] == "error":
            _LOG.error("%s", answer.record["message"])

    def _read_messages(self) -> None:
        stderr = self._process.stderr
        assert stderr is not None
        for line in stderr:
            text = line.decode(errors="replace").rstrip()
            self._messages.append(text)
            _LOG.warning("%s", text)

    def _fail(self) -> None:
        """Ends all requests that have no end, after the end of the answers."""
        status = self._process.wait()
        self._threads[1].join(timeout=5)
        words = "\n".join(self._messages)
        death = ProgramDied(
            f"audio-classifierd {_ending(status)}" + (f"; its last messages were:\n{words}" if words else "")
        )
        with self._requests_lock:
            self._death = death
            requests, self._requests = list(self._requests.values()), {}
        for answers in requests:
            answers.put(death)


def _read_answer(stdout: IO[bytes]) -> Answer | None:
    line = stdout.readline()
    if not line.endswith(b"\n"):
        return None
    record = json.loads(line)
    count = record.get("bytes", 0)
    data = stdout.read(count) if count else b""
    return Answer(record, data) if len(data) == count else None


def _ending(status: int) -> str:
    if status >= 0:
        return f"has ended with status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    hint = " (the system may have been out of memory)" if -status == signal.SIGKILL else ""
    return f"was ended by {name}{hint}"
