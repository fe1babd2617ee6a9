"""CSV with a header. Quoted values may contain line ends."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from engine.errors import InputError
from engine.rows.lines import LINE_BYTES, Block
from engine.rows.parsed import Format, Parsed, is_blank
from engine.rows.schema import NOT_UTF8, R, Rejected, RowError, Schema, excerpt, printable

RECORD_BYTES = 1 << 16  # of a record on several lines: a longer one is a quote that somebody forgot to close

UNCLOSED = "unexpected end of data"  # the csv module's words


class CsvRows(Format[R]):
    def __init__(self, source: str, schema: Schema[R], header: bytes) -> None:
        """Raises InputError if the header does not fit the columns."""
        super().__init__(source, schema)
        self.header = _names(source, schema, header)

    def fast(self, block: Block) -> list[R] | None:
        try:
            text = block.data.decode()
            if "\0" in text:
                return None
            lines = text.split("\n")
            if not lines[-1]:
                del lines[-1]
            records = list(csv.reader(lines, strict=True))
        except (UnicodeDecodeError, csv.Error):
            return None
        # As many records as lines: no value went over the end of its line.
        if len(records) != len(lines) or set(map(len, records)) != {len(self.header)}:
            return None
        columns = dict(zip(self.header, zip(*records, strict=True), strict=True))
        return self.schema.rows(columns, len(records))

    def careful(self, block: Block) -> Parsed[R]:
        rows: list[R] = []
        numbers: list[int] = []
        rejected: list[Rejected] = []
        lines = [line + b"\n" for line in block.lines()]
        at = 0
        while at < len(lines):
            if is_blank(lines[at][:-1]):
                at += 1
                continue
            reader = csv.reader(_record(lines, at), strict=True)
            try:
                fields = next(reader)
            except csv.Error as error:
                rest = lines[at:]
                if UNCLOSED in str(error) and not block.final and (size := sum(map(len, rest))) <= RECORD_BYTES:
                    return Parsed(rows, numbers, rejected, held_bytes=size, held_lines=len(rest))
                # Only this line goes: what a wrong quote seemed to take in are most likely good rows.
                rejected.append(self.reject(block.line + at, _reason(error, reader.line_num), lines[at]))
                at += 1
                continue
            try:
                rows.append(self._row(fields))
                numbers.append(block.line + at)
            except RowError as error:
                text = b"".join(lines[at : at + reader.line_num])
                rejected.append(self.reject(block.line + at, str(error), text))
            at += reader.line_num
        return Parsed(rows, numbers, rejected)

    def _row(self, fields: list[str]) -> R:
        if len(fields) != len(self.header):
            hint = ": a value that contains a comma needs quotes" if len(fields) > len(self.header) else ""
            raise RowError(f"the header has {len(self.header)} columns, this row {len(fields)}{hint}")
        try:
            "".join(fields).encode()
        except UnicodeEncodeError as error:
            raise RowError(NOT_UTF8) from error
        return self.schema.row(dict(zip(self.header, fields, strict=True)))


def _names(source: str, schema: Schema[R], header: bytes) -> list[str]:
    def wrong(why: str) -> InputError:
        known = ", ".join(schema.columns)
        return InputError(f"{source}: {why}. The first line names the columns, of: {known}. It is: {excerpt(header)}")

    if len(header) >= LINE_BYTES:
        raise wrong("the header is too long")
    try:
        names = [name.strip() for name in next(csv.reader([header.decode()], strict=True))]
    except (UnicodeDecodeError, csv.Error, StopIteration) as error:
        raise wrong("the header cannot be read") from error
    for name in names:
        if name not in schema.columns:
            raise wrong(f"unknown column {printable(name)!r}")
        if names.count(name) > 1:
            raise wrong(f"column {name} is there twice")
    for column in schema.required:
        if column not in names:
            raise wrong(f"column {column} is missing")
    return names


def _record(lines: list[bytes], at: int) -> Iterator[str]:
    """The lines that one record may take up. What is not UTF-8 becomes surrogates, which no UTF-8 text has."""
    size = 0
    for number in range(at, len(lines)):
        size += len(lines[number])
        if number > at and size > RECORD_BYTES:
            return
        yield lines[number].decode(errors="surrogateescape")


def _reason(error: csv.Error, lines: int) -> str:
    if lines > 1 or UNCLOSED in str(error):
        return "a quote opens in this line and is never closed"
    return f"not valid CSV: {error}"
