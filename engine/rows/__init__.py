"""Manifests: files of rows that say what to do. Pure parsing of untrusted input, streamed, in flat memory.

A row is a NamedTuple of strings; its fields are the columns of the manifest. The formats:

- CSV with a header, RFC 4180 quoting, the columns in any order;
- JSON lines, one object of strings a line;
- plain keys, one a line, verbatim: for rows with one required column.

Each may be gzip'ed. Text is UTF-8. A line ends with LF or CR LF; a CR elsewhere belongs to the value (in CSV, only
between quotes). Empty lines are skipped. An empty or absent value stands for the column's default.
"""

from engine.rows.manifest import Chunk, Manifest
from engine.rows.position import Cursor
from engine.rows.schema import Rejected
from engine.rows.write import write_manifest

__all__ = ["Chunk", "Cursor", "Manifest", "Rejected", "write_manifest"]
