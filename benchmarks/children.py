"""Child processes, of which none outlives its parent, however that ends."""

from __future__ import annotations

import os
import select
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TypeAlias

import orjson

GRACE_S = 2.0
LOOK_S = 0.01  # between looks at who is left: nobody tells of the end of a process that is no child of ours

Child: TypeAlias = "subprocess.Popen[bytes]"


class ChildError(Exception):
    """A child failed, or said nothing in time."""


class Children:
    """Starts ``python -m`` modules, each in a process group of its own, and ends what is left when the ``with`` ends.

    Each has a pipe as its standard input, by which it is given its turns; if this process is killed, that closes, and
    the child leaves by itself (`follow_parent`).
    """

    def __init__(self) -> None:
        self._running: dict[int, Child] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in list(self._running.values()):
            self.end(process)

    def start(self, module: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Child:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **(environment or {})},
            start_new_session=True,  # Ctrl-C is ours to handle, and ending it ends what it started
        )
        self._running[process.pid] = process
        return process

    def end(self, process: Child) -> None:
        """Ask it to end, with what it has started, and then make them."""
        with suppress(ProcessLookupError):  # nobody of its group is left
            os.killpg(process.pid, signal.SIGTERM)
            deadline = time.monotonic() + GRACE_S
            while time.monotonic() < deadline:
                process.poll()  # or it would be left as a zombie
                os.killpg(process.pid, 0)
                time.sleep(LOOK_S)
            os.killpg(process.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_S)
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()
        self._running.pop(process.pid, None)


def begin(child: Child) -> None:
    """Give a child a turn.

    Raises:
        ChildError: it has ended.
    """
    assert child.stdin
    try:
        child.stdin.write(b"\n")
    except BrokenPipeError:
        raise ChildError(f"{_name(child)} has ended") from None


def answer(child: Child, timeout_s: float) -> dict[str, Any]:
    """The JSON object, on a line of its own, that a child prints when it is ready, and at the end of its turn.

    Raises:
        ChildError: it failed, or took longer than `timeout_s`.
    """
    assert child.stdout
    ready, _, _ = select.select([child.stdout], [], [], timeout_s)
    if not ready:
        raise ChildError(f"{_name(child)} took longer than {timeout_s:g} s")
    line = child.stdout.readline()
    if not line:
        raise ChildError(f"{_name(child)} ended with status {child.wait()}")
    told: dict[str, Any] = orjson.loads(line)
    return told


def _name(child: Child) -> str:
    arguments = child.args
    assert isinstance(arguments, list)
    return f"python {' '.join(arguments[1:5])}"


def exit_on_signals() -> None:
    """Have a signal end the ``with`` blocks, and so the children; also where whoever started this ignores signals."""
    signals = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup has it
        signals.append(signal.SIGHUP)
    for sign in signals:
        signal.signal(sign, lambda number, frame: sys.exit(128 + number))


def follow_parent() -> threading.Semaphore:
    """End this process as soon as its parent has, if that holds the other end of its standard input.

    What is returned can be acquired once for every turn that the parent gives.
    """
    turns = threading.Semaphore(0)
    if not stat.S_ISFIFO(os.fstat(0).st_mode):  # started by hand
        return turns

    def wait() -> None:
        while given := os.read(0, 64):
            turns.release(len(given))
        try:
            os.killpg(os.getpid(), signal.SIGKILL)
        except ProcessLookupError:  # it leads no group: not started by `Children`
            os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=wait, name="parent", daemon=True).start()
    return turns
