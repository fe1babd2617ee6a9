"""Small files that appear whole or not at all, and are there after a power cut."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

import orjson


def write_whole(path: Path, document: object, *, durable: bool = True, like: os.stat_result | None = None) -> None:
    """Put a JSON document where `path` is, for us alone, or for those who may read what it is `like`.

    Not `durable`: it may be an older one after a power cut. Raises OSError.
    """
    with NamedTemporaryFile(dir=path.parent, prefix=".", suffix=".tmp", delete=False) as file:
        try:
            file.write(orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
            file.flush()
            if like:
                share(file.fileno(), like, 0o666)
            if durable:
                os.fsync(file.fileno())
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
    if durable:
        sync_directory(path.parent)


def share(file: int, like: os.stat_result, most: int) -> None:
    """Give a new file or directory of ours the group of another one, and of its mode what is in `most`.

    Where the group cannot be given, ours gets what everybody gets; where the mode cannot, it stays ours alone.
    """
    mode = stat.S_IMODE(like.st_mode) & most
    try:
        if os.fstat(file).st_gid != like.st_gid:  # systemd may forbid that call
            os.fchown(file, -1, like.st_gid)
    except OSError:
        mode = mode & ~0o070 | (mode & 0o007) << 3
    with suppress(OSError):
        os.fchmod(file, mode)


def sync_directory(path: Path) -> None:
    """What was renamed into it, or out of it, stays so. Raises OSError."""
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
