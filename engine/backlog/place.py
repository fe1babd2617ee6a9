"""Whether a backlog can be kept at a path, as far as can be seen without making it, and whether what is open is still
there."""

from __future__ import annotations

import os
from pathlib import Path

from engine.errors import PASSING, BacklogError

MAGIC = b"SQLite format 3\0"  # what every database begins with: https://sqlite.org/fileformat.html#the_database_header


def obstacle(path: Path) -> str:
    """What stands against it, until somebody changes it; "" if nothing does. Directories that are not there are made
    when it is opened. Not for a process that has it open already: closing it here would undo SQLite's locks.

    Raises:
        BacklogError: it cannot be told for now.
    """
    try:
        if path.exists():
            if not path.is_file():
                return f"{path} is no file"
            if not os.access(path, os.R_OK | os.W_OK, effective_ids=True):
                return f"{path} may not be read and written"
            if not _may_be_backlog(path):
                return f"{path} is no backlog, but some other file"
        directory = next(each for each in path.absolute().parents if os.path.lexists(each))
        if not directory.is_dir():
            return f"{directory} is no directory"
        if not os.access(directory, os.W_OK | os.X_OK, effective_ids=True):
            return f"nothing may be made in {directory}"
    except OSError as error:
        why = f"{path} cannot be used: {error.strerror}"
        if error.errno in PASSING:
            raise BacklogError(why) from None
        return why
    return ""


def _may_be_backlog(path: Path) -> bool:
    """Whether it is empty, a database, or one that SQLite makes whole again from its journal."""
    with path.open("rb") as file:
        head = file.read(len(MAGIC))
    return head in {b"", MAGIC} or path.with_name(f"{path.name}-journal").exists()


def still_at(path: Path, opened: os.stat_result) -> bool:
    """Whether a file that is open is the one that others find at its path."""
    try:
        return os.path.samestat(path.stat(), opened)
    except OSError:
        return False
