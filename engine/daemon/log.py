"""The log: one JSON object a line, on standard error."""

from __future__ import annotations

import sys
import time
from typing import IO, Any

import orjson


class Log:
    """Nothing secret may be given to it; errors of ours hold none."""

    def __init__(self, stream: IO[str] | None = None) -> None:
        self._stream = stream or sys.stderr

    def event(self, name: str, **facts: Any) -> None:
        line = {"at": round(time.time(), 3), "event": name, **facts}
        print(orjson.dumps(line, default=str).decode(), file=self._stream, flush=True)
