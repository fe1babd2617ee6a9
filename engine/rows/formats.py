"""Which format a manifest is in: its name tells, or else its first line."""

from __future__ import annotations

import csv
import re
from pathlib import PurePath

from engine.errors import InputError
from engine.rows.csv_rows import CsvRows
from engine.rows.json_lines import JsonLines
from engine.rows.lines import Lines
from engine.rows.parsed import Format, is_blank
from engine.rows.plain import PlainKeys
from engine.rows.schema import R, Schema

CSV = frozenset({".csv"})
JSON_LINES = frozenset({".jsonl", ".ndjson"})
PLAIN_KEYS = frozenset({".txt", ".keys"})

BOM = b"\xef\xbb\xbf"
FOREIGN = {  # how files begin that are often taken for manifests, and what to do about it
    b"\xff\xfe": "is UTF-16: save it as UTF-8",
    b"\xfe\xff": "is UTF-16: save it as UTF-8",
    b"\x28\xb5\x2f\xfd": "is compressed with zstd: decompress it, or use gzip",
    b"\xfd7zXZ\0": "is compressed with xz: decompress it, or use gzip",
    b"PK\x03\x04": "is a zip archive or a spreadsheet: save it as CSV",
}
OBJECT = re.compile(rb'\s*\{\s*["}]')  # not just a brace: object names may start with {GUID}


def suffix_of(name: str) -> str:
    """What the name of a file tells of its format, compressed or not."""
    return PurePath(name.lower().removesuffix(".gz")).suffix


def format_of(suffix: str, lines: Lines, source: str, schema: Schema[R]) -> Format[R]:
    """Consumes what comes before the first row. `suffix` is what the name tells.

    Raises InputError if the manifest cannot be read at all.
    """
    _refuse_foreign(lines.peek(), source)
    if lines.peek().startswith(BOM):
        lines.consume(len(BOM), 0)
    while (first := lines.peek()) and is_blank(first.removesuffix(b"\n")):
        lines.consume(len(first), 1)
    if lines.damage and not first.endswith(b"\n"):
        raise InputError(f"{source}: {lines.damage}")
    if suffix in JSON_LINES or not first:  # any format will do for an empty file
        return JsonLines(source, schema)
    if suffix in PLAIN_KEYS:
        return _plain_keys(source, schema)
    if suffix in CSV:
        return _csv(lines, first, source, schema)
    if OBJECT.match(first):
        return JsonLines(source, schema)
    if _names_columns(first, schema):
        return _csv(lines, first, source, schema)
    return _plain_keys(source, schema)


def _refuse_foreign(head: bytes, source: str) -> None:
    for magic, advice in FOREIGN.items():
        if head.startswith(magic):
            raise InputError(f"{source} {advice}")
    if len(head) >= 4 and {head[0:4:2], head[1:4:2]} & {b"\0\0"}:
        raise InputError(f"{source} seems to be UTF-16: save it as UTF-8")


def _csv(lines: Lines, header: bytes, source: str, schema: Schema[R]) -> Format[R]:
    rows = CsvRows(source, schema, header)
    lines.consume(len(header), 1)
    return rows


def _names_columns(first: bytes, schema: Schema[R]) -> bool:
    try:
        names = next(csv.reader([first.decode()]), [])
    except (UnicodeDecodeError, csv.Error):
        return False
    return any(name.strip() in schema.columns for name in names)


def _plain_keys(source: str, schema: Schema[R]) -> Format[R]:
    if len(schema.required) != 1:
        columns = ", ".join(schema.columns)
        raise InputError(
            f"{source}: the format is not clear; wanted is CSV, with a first line that names its columns "
            f"(of: {columns}), or JSON lines"
        )
    return PlainKeys(source, schema)
