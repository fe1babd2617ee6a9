"""Bodies of requests as they come in, piece by piece. Pure."""

from __future__ import annotations

import re

from engine.daemon.http_head import HttpError

_SIZE_LINE_BYTES = 16
_SIZE = re.compile(rb"[0-9A-Fa-f]{1,8}").fullmatch


class Body:
    """Of one request. `limit_bytes` bounds it, however it comes."""

    def __init__(self, length: int | None, limit_bytes: int) -> None:
        """Raises HttpError: it is longer than that. `length` is None for one in chunks."""
        if length is not None and length > limit_bytes:
            raise HttpError(413, f"the body is {length:,} bytes long; {limit_bytes:,} is the most")
        self.content = bytearray()
        self._missing = length or 0  # of the whole, or of the chunk
        self._chunked = length is None
        self._in_chunk = False
        self._limit_bytes = limit_bytes
        self.complete = length == 0

    def feed(self, received: bytearray) -> None:
        """Take what belongs to the body away from what was received. Raises HttpError."""
        if not self._chunked:
            self._take(received)
            self.complete = not self._missing
            return
        while not self.complete:
            if self._in_chunk:
                self._take(received)
                if self._missing or len(received) < 2:
                    return
                if received[:2] != b"\r\n":
                    raise HttpError(400, "a chunk is longer than it says")
                del received[:2]
                self._in_chunk = False
            elif not self._begin_chunk(received):
                return

    def _begin_chunk(self, received: bytearray) -> bool:
        end = received.find(b"\r\n", 0, _SIZE_LINE_BYTES)
        if end < 0:
            if len(received) >= _SIZE_LINE_BYTES:
                raise HttpError(400, "a chunk does not begin with its size")
            return False
        if not _SIZE(received[:end]):  # extensions are refused with all else
            raise HttpError(400, "a chunk does not begin with its size")
        size = int(received[:end], 16)
        if len(self.content) + size > self._limit_bytes:
            raise HttpError(413, f"the body is longer than {self._limit_bytes:,} bytes, which is the most")
        if size == 0:
            if len(received) < end + 4:
                return False
            if received[end : end + 4] != b"\r\n\r\n":
                raise HttpError(400, "trailers are not taken")
            del received[: end + 4]
            self.complete = True
            return True
        del received[: end + 2]
        self._missing, self._in_chunk = size, True
        return True

    def _take(self, received: bytearray) -> None:
        piece = received[: self._missing]
        self.content += piece
        self._missing -= len(piece)
        del received[: len(piece)]
