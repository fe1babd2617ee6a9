"""A manifest: rows from a file or standard input, in chunks, from the start or from where it was left."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Generic

from engine.errors import InputError
from engine.rows.content import pieces
from engine.rows.formats import format_of, suffix_of
from engine.rows.lines import LINE_BYTES, Lines
from engine.rows.parsed import Format, Parsed
from engine.rows.position import Cursor
from engine.rows.schema import R, Rejected, Schema, excerpt

TOO_LONG = f"the line is longer than {LINE_BYTES:,} bytes: is a line end or a closing quote missing?"


@dataclass(slots=True)
class Chunk(Generic[R]):
    """Some of the rows."""

    rows: list[R]
    lines: Sequence[int]  # the number of the line on which each row begins, counted from one
    rejected: list[Rejected]
    cursor: Cursor  # after all of these


class Manifest(Generic[R]):
    """Rows of one type from one file.

    `fixed` gives values for columns that the manifest lacks or leaves empty. `path` "-" is standard input.
    """

    def __init__(
        self,
        path: str | Path,
        row_type: type[R],
        fixed: Mapping[str, str] | None = None,
        chunk_rows: int = 5000,
    ) -> None:
        """Raises ValueError if `fixed` names a column that the rows do not have."""
        self.row_type = row_type
        self.resumed = False  # whether the cursor was honoured; known once the first chunk was asked for
        self._path = None if str(path) == "-" else Path(path)
        self._schema = Schema(row_type, fixed)
        self._fixed = {column: value for column, value in (fixed or {}).items() if value}
        self._chunk_rows = chunk_rows

    @property
    def name(self) -> str:
        """What to call it in messages."""
        return str(self._path or "standard input")

    @property
    def identity(self) -> str:
        """Tells manifests apart from run to run. The same file with other fixed values is other work."""
        place = os.fsencode(self._path.absolute()).decode(errors="backslashreplace") if self._path else "-"
        return " ".join([place, *(f"{column}={value}" for column, value in sorted(self._fixed.items()))])

    @property
    def read_once(self) -> bool:
        """Whether what was read cannot be read again: standard input, a named pipe."""
        return self._path is None or self._path.is_fifo()

    def chunks(self, resume: Cursor | None = None) -> Iterator[Chunk[R]]:
        """The rows after `resume` or, if what comes before it is no longer the same, all rows.

        What cannot be read twice (standard input, pipes) starts with its first row. Raises InputError if nothing can
        be read. A row that cannot be used is among the rejected, as is the place where a gzip stream breaks off.
        """
        suffix = suffix_of(self._path.name) if self._path else ""
        rewindable = self._path is not None and self._path.is_file()
        for cursor in (resume, None) if resume and rewindable else (None,):
            with closing(pieces(self._path)) as content:
                lines = Lines(content, self._chunk_rows, eager=rewindable)
                reader = format_of(suffix, lines, self.name, self._schema)
                self.resumed = cursor is not None and lines.skip_to(cursor)
                if self.resumed or cursor is None:
                    yield from self._read(lines, reader, cursor.rows if cursor else 0)
                    return

    def _read(self, lines: Lines, reader: Format[R], rows: int) -> Iterator[Chunk[R]]:
        held_bytes = 0
        while True:
            if block := lines.block(held_bytes):
                parsed = reader.parse(block)
                held_bytes = parsed.held_bytes
                lines.consume(len(block.data) - held_bytes, block.count - parsed.held_lines)
            elif (head := lines.skip_long_line()) is not None:
                parsed = Parsed(rejected=[Rejected(self.name, lines.line, TOO_LONG, excerpt(head))])
            else:
                break
            rows += len(parsed.rows)
            if parsed.rows or parsed.rejected:
                yield Chunk(parsed.rows, parsed.lines, parsed.rejected, lines.cursor(rows))
        if lines.damage:
            damage = str(lines.damage)
            if not rows:
                raise InputError(f"{self.name}: {damage}")
            yield Chunk([], [], [Rejected(self.name, lines.line + 1, damage, "")], lines.cursor(rows))
