"""Small files that appear whole or not at all, and are there after a power cut."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import NamedTemporaryFile

import orjson


def write_whole(path: Path, document: object, *, durable: bool = True) -> None:
    """Put a JSON document where `path` is. Not `durable`: it may be an older one after a power cut. Raises OSError."""
    with NamedTemporaryFile(dir=path.parent, prefix=".", suffix=".tmp", delete=False) as file:
        try:
            file.write(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
            file.flush()
            if durable:
                os.fsync(file.fileno())
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
    if durable:
        sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """What was renamed into it, or out of it, stays so. Raises OSError."""
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
