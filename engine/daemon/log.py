"""The log: one JSON object a line, on standard error."""

from __future__ import annotations

import io
import time
from contextlib import suppress
from typing import IO, Any

import orjson


class Log:
    """Nothing secret may be given to it; errors of ours hold none.

    A line that cannot be written, because the disk is full or nobody reads, is lost, and the work goes on.
    """

    def __init__(self, stream: IO[str] | None = None) -> None:
        # Unbuffered: what a buffer keeps would fail again at the end of the process.
        self._stream = stream or io.TextIOWrapper(io.FileIO(2, "w", closefd=False), "utf-8", write_through=True)

    def event(self, name: str, **facts: Any) -> None:
        line = {"at": round(time.time(), 3), "event": name, **facts}
        with suppress(OSError):
            self._stream.write(orjson.dumps(line, default=str, option=orjson.OPT_APPEND_NEWLINE).decode())
