"""Lines of a stream of bytes, in blocks, with an exact account of what was consumed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b

from engine.rows.content import DamagedError
from engine.rows.position import Cursor

LINE_BYTES = 1 << 20  # the longest line, without its LF
BLOCK_BYTES = LINE_BYTES + 1  # of a block, beyond what was held back


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines, at least one. Only the last line of all may lack its LF."""

    data: bytes
    line: int  # the number of the first one
    count: int
    final: bool  # nothing follows that could continue what its last line began

    def lines(self) -> list[bytes]:
        """The lines without their LF."""
        lines = self.data.split(b"\n")
        if not lines[-1]:
            del lines[-1]
        return lines


class Lines:
    """Reads ahead by one block, and keeps the offset, the line count and a digest of what was consumed."""

    def __init__(self, pieces: Iterator[bytes], block_lines: int, *, eager: bool) -> None:
        """`eager`: fill blocks before giving them. Right for files; a pipe's lines must not wait for more to come."""
        self._pieces = pieces
        self._block_lines = block_lines
        # Possessive, so that it runs once over the lines: faster than a loop of find() by far.
        self._whole_lines = re.compile(rb"(?:.*+\n){0,%d}+" % block_lines)
        self._eager = eager
        self._buffer = b""
        self._start = 0  # of what is not consumed, in the buffer
        self._ended = False
        self._hash = blake2b(digest_size=16)
        self._within_line = False  # the last byte consumed was no LF
        self.offset_bytes = 0
        self.line = 0
        self.damage: DamagedError | None = None

    def cursor(self, rows: int) -> Cursor:
        return Cursor(self.offset_bytes, self.line, rows, self._hash.hexdigest())

    def peek(self, size_bytes: int = LINE_BYTES) -> bytes:
        """The next line with its LF, cut to `size_bytes`, without consuming it. Empty at the end."""
        while not self._next_lf(self._start) and self._buffered < size_bytes and self._read():
            pass
        end = self._next_lf(self._start) or len(self._buffer)
        return self._buffer[self._start : min(end, self._start + size_bytes)]

    def block(self, held_bytes: int = 0) -> Block | None:
        """The next lines, not yet consumed. None at the end, and before a line that is too long.

        `held_bytes` were given before and left: the block goes on beyond them, or is final.
        """
        while self._eager and self._buffered < BLOCK_BYTES and self._read():
            pass
        while (
            not self._next_lf(self._start + held_bytes) and self._buffered - held_bytes <= LINE_BYTES and self._read()
        ):
            pass
        start, held = self._start, self._start + held_bytes
        match = self._whole_lines.match(self._buffer, held, held + BLOCK_BYTES)
        end = match.end() if match else held
        at_end = self._ended and not self._next_lf(end) and not self._too_long(end)
        if at_end and not self.damage and self._buffer.count(b"\n", held, end) < self._block_lines:
            end = len(self._buffer)
        if end == start:
            return None
        data = self._buffer[start:end]
        final = self._too_long(end) or (at_end and (end == len(self._buffer) or self.damage is not None))
        return Block(data, self.line + 1, data.count(b"\n") + (not data.endswith(b"\n")), final)

    def consume(self, size_bytes: int, lines: int) -> None:
        """Go past bytes that :meth:`block` or :meth:`peek` has given."""
        if size_bytes:
            end = self._start + size_bytes
            with memoryview(self._buffer) as view:
                self._hash.update(view[self._start : end])
                self._within_line = view[end - 1] != 0x0A
            self._start = end
            self.offset_bytes += size_bytes
        self.line += lines

    def skip_long_line(self) -> bytes | None:
        """Consume the next line if it is too long, and give its beginning. It is never in memory as a whole."""
        if not self._too_long(self._start):
            return None
        head = self.peek(1024)
        while True:
            after = self._buffer.find(b"\n", self._start) + 1
            self.consume((after or len(self._buffer)) - self._start, 1 if after else 0)
            if after:
                return head
            if not self._read():
                self.line += 1
                return head

    def skip_to(self, cursor: Cursor) -> bool:
        """Consume what was read before `cursor` was taken. False if the content is no longer the same there."""
        while self.offset_bytes < cursor.offset_bytes:
            if not self._buffered and not self._read():
                return False
            self.consume(min(self._buffered, cursor.offset_bytes - self.offset_bytes), 0)
        if self.cursor(cursor.rows).digest != cursor.digest or self.offset_bytes != cursor.offset_bytes:
            return False
        self.line = cursor.line
        if not self._within_line:
            return True
        # The file ended without an LF. What was appended since must not continue the row that was read there.
        appended = self.peek(2)
        if appended not in {b"", b"\n", b"\r\n"}:
            return False
        self.consume(len(appended), 0)
        return True

    @property
    def _buffered(self) -> int:
        return len(self._buffer) - self._start

    def _next_lf(self, position: int) -> int:
        """Where the line at `position` ends; 0 if its end is not in the buffer, or too far away."""
        return self._buffer.find(b"\n", position, position + LINE_BYTES + 1) + 1

    def _too_long(self, position: int) -> bool:
        return len(self._buffer) - position > LINE_BYTES and not self._next_lf(position)

    def _read(self) -> bool:
        """Add a piece to the buffer. False at the end."""
        if self._ended:
            return False
        try:
            piece = next(self._pieces, b"")
        except DamagedError as error:
            self.damage, piece = error, b""
        self._ended = not piece
        self._buffer = self._buffer[self._start :] + piece
        self._start = 0
        return not self._ended
