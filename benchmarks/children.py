"""Child processes, of which none outlives its parent, however that ends."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Self

import orjson

GRACE_S = 2.0


class ChildError(Exception):
    """A child failed, or said nothing in time."""


class Children:
    """Starts ``python -m`` modules, each in a process group of its own, and ends what is left when the ``with`` ends.

    They hold the reading end of a pipe as their standard input; if this process is killed, it closes, and they leave
    by themselves (`follow_parent`).
    """

    def __init__(self) -> None:
        self._running: dict[int, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        self._lifeline, self._ours = os.pipe()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in list(self._running.values()):
            self.end(process)
        os.close(self._ours)
        os.close(self._lifeline)

    def start(
        self, module: str, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=self._lifeline,
            stdout=subprocess.PIPE,
            env={**os.environ, **(environment or {})},
            start_new_session=True,  # Ctrl-C is ours to handle, and ending it ends what it started
        )
        self._running[process.pid] = process
        return process

    def end(self, process: subprocess.Popen[bytes]) -> None:
        """Ask it to end, and then make it."""
        for sign in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, sign)
            with suppress(subprocess.TimeoutExpired):
                process.wait(GRACE_S)
                break
        if process.stdout:
            process.stdout.close()
        self._running.pop(process.pid, None)

    def ask(
        self, module: str, *arguments: str, timeout_s: float, environment: Mapping[str, str] | None = None
    ) -> dict[str, float]:
        """Run a child to its end; returns the JSON object that it printed last.

        Raises:
            ChildError: it failed, or took longer than `timeout_s`.
        """
        process = self.start(module, *arguments, environment=environment)
        what = f"python -m {module} {' '.join(arguments[:2])}"
        try:
            told, _ = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            raise ChildError(f"{what} took longer than {timeout_s:g} s") from None
        finally:
            self.end(process)
        if process.returncode:
            raise ChildError(f"{what} ended with status {process.returncode}")
        answer: dict[str, float] = orjson.loads(told.splitlines()[-1])
        return answer


def follow_parent() -> None:
    """End this process as soon as its parent has, if that holds the other end of its standard input."""
    if not stat.S_ISFIFO(os.fstat(0).st_mode):  # started by hand
        return

    def wait() -> None:
        while os.read(0, 1):
            pass
        os.killpg(os.getpid(), signal.SIGKILL)  # of which this process is the leader

    threading.Thread(target=wait, name="parent", daemon=True).start()
