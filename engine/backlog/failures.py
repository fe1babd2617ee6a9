"""What a failure of SQLite, or of the system below it, means for a backlog."""

from __future__ import annotations

from errno import ENOSPC
from pathlib import Path

import apsw

from engine.errors import BacklogError, NoSpaceError, UnusableBacklogError


def is_full(failure: Exception) -> bool:
    """Whether the disk is full. SQLite has a word of its own for there being no room for the index of its log."""
    if isinstance(failure, OSError):
        return failure.errno == ENOSPC
    found: object = getattr(failure, "extendedresult", None)
    return isinstance(failure, apsw.FullError) or found == apsw.SQLITE_IOERR_SHMSIZE


def not_opened(path: str | Path, failure: apsw.Error | OSError) -> BacklogError:
    if is_full(failure):
        return NoSpaceError(f"no space is left on the disk of the backlog {path}")
    if isinstance(failure, apsw.SQLError):  # a statement that always worked: a table of ours is missing
        return damaged(path, failure)
    return _permanent(path, failure) or BacklogError(f"cannot open the backlog {path}: {failure}")


def not_written(path: str | Path, failure: Exception) -> BacklogError:
    return _permanent(path, failure) or BacklogError(f"the backlog cannot be written: {failure}")


def of_another_version(path: str | Path, version: int, ours: int) -> UnusableBacklogError:
    age = "a newer" if version > ours else "an older"
    return UnusableBacklogError(
        f"the backlog {path} was written by {age} syncmux (schema {version}, and not {ours}): "
        "use that one, or another file"
    )


def damaged(path: str | Path, failure: Exception) -> UnusableBacklogError:
    return UnusableBacklogError(
        f"the backlog {path} is damaged, or something else ({failure}): "
        "put a copy that is whole in its place, or use another file"
    )


def _permanent(path: str | Path, failure: Exception) -> BacklogError | None:
    return damaged(path, failure) if isinstance(failure, apsw.CorruptError | apsw.NotADBError) else None
