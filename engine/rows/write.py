"""Writes manifests that read back as the same rows."""

from __future__ import annotations

import csv
import gzip
import io
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

import orjson

from engine.errors import InputError
from engine.rows.csv_rows import RECORD_BYTES
from engine.rows.formats import CSV, JSON_LINES, suffix_of
from engine.rows.schema import R, RowError, Schema, printable


def write_manifest(path: str | Path, rows: Iterable[R], row_type: type[R] | None = None) -> int:
    """Write rows of one type as CSV or JSON lines, by the name of the file; `.gz` compresses. Returns their number.

    Without rows a CSV has the header of `row_type`, if that is given.
    The file appears whole or not at all. An empty optional value reads back as the default of its column. Raises
    InputError if the name tells neither format, if no manifest can carry a row, or if the file cannot be written.
    """
    path = Path(path)
    suffix = suffix_of(path.name)
    if suffix not in CSV | JSON_LINES:
        raise InputError(f"{path}: the name of a manifest to write ends in .csv, .jsonl, .csv.gz or .jsonl.gz")
    lines = _csv_lines(rows) if suffix in CSV else _json_lines(rows)
    count = 0
    try:
        with _replaced(path) as file:
            for line in lines:
                file.write(line)
                count += 1
            if row_type and not count and suffix in CSV:
                file.write(",".join(Schema(row_type).columns).encode() + b"\r\n")
    except RowError as error:
        raise InputError(f"{path} was not written: {error}") from error
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from error
    return count


def _csv_lines(rows: Iterable[R]) -> Iterator[bytes]:
    """Rows after RFC 4180, the header together with the first."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    header: tuple[str, ...] = ()
    for row, columns in _checked(rows):
        if not header:
            header = columns
            writer.writerow(header)
        writer.writerow(row)
        yield _line(buffer.getvalue().encode())
        buffer.seek(0)
        buffer.truncate()


def _json_lines(rows: Iterable[R]) -> Iterator[bytes]:
    for row, columns in _checked(rows):
        yield _line(orjson.dumps(dict(zip(columns, row, strict=True)), option=orjson.OPT_APPEND_NEWLINE))


def _checked(rows: Iterable[R]) -> Iterator[tuple[R, tuple[str, ...]]]:
    """Rows that a manifest can carry, with their columns."""
    schema: Schema[R] | None = None
    row_type: type[R] | None = None
    for row in rows:
        if schema is None:
            row_type, schema = type(row), Schema(type(row))
        if type(row) is not row_type:
            raise RowError("the rows are of more than one kind")
        schema.row(dict(zip(schema.columns, row, strict=True)))
        try:
            "".join(row).encode()
        except UnicodeEncodeError as error:
            raise RowError(f"not a Unicode text: {printable(','.join(row))}") from error
        yield row, schema.columns


def _line(line: bytes) -> bytes:
    if len(line) > RECORD_BYTES:
        raise RowError(f"a row takes up {len(line):,} bytes, and a manifest holds {RECORD_BYTES:,} in one")
    return line


@contextmanager
def _replaced(path: Path) -> Iterator[IO[bytes] | gzip.GzipFile]:
    """A new file that takes the place of `path` when all went well."""
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        try:
            if path.name.lower().endswith(".gz"):
                with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as compressed:
                    yield compressed
            else:
                yield file
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
