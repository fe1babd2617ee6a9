"""The log: one JSON object a line, on standard error."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from select import PIPE_BUF, select
from typing import IO, Any

import orjson

STANDARD_ERROR = 2


class Log:
    """Nothing secret may be given to it; errors of ours hold none.

    A line that cannot be written at once, because the disk is full or its reader has gone or sleeps, is lost, and the
    work goes on. The next line that can be written comes after one that says how many were lost.
    """

    def __init__(self, stream: IO[str] | None = None) -> None:
        self._stream = stream
        self._torn = False  # only the beginning of the last line could be written
        self._lost = 0  # lines, since one was written
        try:
            os.fstat(STANDARD_ERROR)
        except OSError:
            os.open(os.devnull, os.O_WRONLY)  # or the next file to be opened would have that number

    def event(self, name: str, **facts: Any) -> None:
        data = _line(name, facts)
        if self._stream:
            self._stream.write(data.decode())
            return
        first = b"\n" if self._torn else b""
        if self._lost:
            first += _line("lines_lost", {"lines": self._lost})
        told = first + data
        written = _write(told)  # at once: a pipe that has room for one write may have none for a second one
        if written >= len(first):
            self._lost = 0
        if written < len(told):
            self._lost += 1
        if written:
            self._torn = not told[:written].endswith(b"\n")


def _line(name: str, facts: dict[str, Any]) -> bytes:
    line = {"at": round(time.time(), 3), "event": name, **facts}
    return orjson.dumps(line, default=str, option=orjson.OPT_APPEND_NEWLINE)


def _write(data: bytes) -> int:
    """How much of it could be written without waiting, and unbuffered: what a buffer keeps would fail at the end of the
    process again."""
    written = 0
    with suppress(OSError):
        while written < len(data) and select((), (STANDARD_ERROR,), (), 0)[1]:
            piece = data[written : written + PIPE_BUF]  # of which what is ready takes all, or fails
            taken = os.write(STANDARD_ERROR, piece)
            written += taken
            if taken < len(piece):
                break
    return written
