"""Copies what SQLite's log (WAL) holds into the database beside the work, so that no commit waits for that.

Left to itself, SQLite does it within whichever commit finds the log long enough, which then takes ten times as long.
https://www.sqlite.org/wal.html#ckpt
"""

from __future__ import annotations

import threading
from contextlib import suppress

import apsw

COPY_PAGES = 16_000  # in the log, from which on they are copied
MOST_PAGES = 64_000  # then the commit does what is left after all: only so the log begins anew under steady load


class Checkpointer:
    """A thread with a connection of its own, beside the one that writes."""

    def __init__(self, writing: apsw.Connection, path: str) -> None:
        self._connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READWRITE)
        self._connection.execute("PRAGMA synchronous=FULL")
        self._due = threading.Event()
        self._over = False
        self._thread = threading.Thread(target=self._run, name="syncmux-checkpoint", daemon=True)
        self._thread.start()
        writing.set_wal_hook(self._committed)

    def stop(self) -> None:
        """To be called before the connection that writes is closed."""
        self._over = True
        self._due.set()
        self._thread.join()
        self._connection.close()

    def _committed(self, writing: apsw.Connection, database: str, pages: int) -> int:
        """In the thread that writes, after each commit: how long the log is."""
        if pages >= MOST_PAGES:
            _copy(writing)
        elif pages >= COPY_PAGES:
            self._due.set()
        return apsw.SQLITE_OK

    def _run(self) -> None:
        while not self._over:
            self._due.wait()
            self._due.clear()
            if not self._over:
                _copy(self._connection)


def _copy(connection: apsw.Connection) -> None:
    # What cannot be copied now stays in the log, where it is as durable: somebody reads, or the disk is full.
    with suppress(apsw.Error):
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
