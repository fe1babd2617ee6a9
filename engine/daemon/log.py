"""The log: one JSON object a line, on standard error."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import IO, Any

import orjson

STANDARD_ERROR = 2


class Log:
    """Nothing secret may be given to it; errors of ours hold none.

    A line that cannot be written, because the disk is full or its reader has gone, is lost, and the work goes on.
    """

    def __init__(self, stream: IO[str] | None = None) -> None:
        self._stream = stream
        self._torn = False  # only the beginning of the last line could be written
        try:
            os.fstat(STANDARD_ERROR)
        except OSError:
            os.open(os.devnull, os.O_WRONLY)  # or the next file to be opened would have that number

    def event(self, name: str, **facts: Any) -> None:
        line = {"at": round(time.time(), 3), "event": name, **facts}
        data = orjson.dumps(line, default=str, option=orjson.OPT_APPEND_NEWLINE)
        if self._stream:
            self._stream.write(data.decode())
            return
        if self._torn:
            data = b"\n" + data
        with suppress(OSError):  # and unbuffered: what a buffer keeps would fail again at the end of the process
            self._torn = os.write(STANDARD_ERROR, data) < len(data)
