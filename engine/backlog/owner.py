"""One process owns a backlog: a lock beside it that names the owner and falls with it."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from engine.backlog.place import still_at
from engine.errors import BacklogError


class Owner:
    """Holds ``<backlog>.lock`` until released, or until the process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        """
        Raises:
            BacklogError: another process holds it.
            OSError: it cannot be made or opened.
        """
        self._path = path.with_name(path.name + ".lock")
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(self._fd, 64).decode("ascii", "replace").strip() or "unknown"
            os.close(self._fd)
            raise BacklogError(f"{path} is in use by process {owner}; one process at a time") from None
        except OSError:  # a file system that knows no locks
            os.close(self._fd)
            raise
        os.ftruncate(self._fd, 0)
        with suppress(OSError):  # the disk is full: the lock holds without a name
            os.write(self._fd, f"{os.getpid()}\n".encode())

    @property
    def holds(self) -> bool:
        """Whether others would find this very lock: not if somebody has deleted it, or the directory that it is in."""
        return still_at(self._path, os.fstat(self._fd))

    def release(self) -> None:
        os.close(self._fd)
