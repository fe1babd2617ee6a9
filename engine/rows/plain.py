"""Plain keys: every line is the value of the one required column, verbatim, spaces and all.

What the format cannot carry: LF, a CR at the end of a key, the empty key.
"""

from __future__ import annotations

from engine.rows.lines import Block
from engine.rows.parsed import Format, Parsed, is_blank
from engine.rows.schema import NOT_UTF8, R, RowError


class PlainKeys(Format[R]):
    def fast(self, block: Block) -> list[R] | None:
        try:
            text = block.data.decode()
        except UnicodeDecodeError:
            return None
        if "\0" in text:
            return None
        if "\r" in text:
            text = text.replace("\r\n", "\n").removesuffix("\r")
        keys = text.split("\n")
        if not keys[-1]:
            del keys[-1]
        (column,) = self.schema.required
        rows = self.schema.rows({column: keys}, len(keys))
        return rows if len(keys) == block.count else None

    def careful(self, block: Block) -> Parsed[R]:
        (column,) = self.schema.required
        rows: list[R] = []
        lines: list[int] = []
        rejected = []
        for number, line in enumerate(block.lines(), block.line):
            if is_blank(line):
                continue
            try:
                rows.append(self.schema.row({column: line.removesuffix(b"\r").decode()}))
                lines.append(number)
            except UnicodeDecodeError:
                rejected.append(self.reject(number, NOT_UTF8, line))
            except RowError as error:
                rejected.append(self.reject(number, str(error), line))
        return Parsed(rows, lines, rejected)
