"""Copies what SQLite's log (WAL) holds into the database beside the work, so that no commit waits for that.

Left to itself, SQLite does it within whichever commit finds the log long enough, which then takes ten times as long.
https://www.sqlite.org/wal.html#ckpt

The log begins anew once all of it is copied and nobody reads from it. Under steady load there is always more by the
time the thread is done: commits slow down until that is little, and one of them copies it. While somebody reads, what
came since they began cannot be copied, and the log grows until they end.
"""

from __future__ import annotations

import threading
from contextlib import suppress

import apsw

# A page that changes with every commit is copied once in so many, so many at once cost less; but they are disk space.
COPY_PAGES = 8_000  # that are copied at once
MOST_PAGES = 32_000  # in the log, from which on it should begin anew
LEFT_PAGES = 1_000  # that a commit copies for that, at most
WAIT_S = 0.03  # that a commit waits instead, at most, so that the thread comes to there


class Checkpointer:
    """A thread with a connection of its own, beside the one that writes."""

    def __init__(self, writing: apsw.Connection, path: str, log_pages: int) -> None:
        """`log_pages` is how long the log may become where there is little space."""
        share = min(1.0, log_pages / MOST_PAGES)
        self._most, self._at_once, self._left = (round(each * share) for each in (MOST_PAGES, COPY_PAGES, LEFT_PAGES))
        self._connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READWRITE)
        self._connection.execute("PRAGMA synchronous=FULL")
        self._copied = 0  # pages of the log, at least, unless it has begun anew
        self._due = threading.Event()
        self._idle = threading.Event()  # nothing is being copied
        self._over = False
        self._thread = threading.Thread(target=self._run, name="syncmux-checkpoint", daemon=True)
        self._thread.start()
        writing.set_wal_hook(self._committed)

    def copy(self) -> None:
        """Soon, however little there is."""
        self._due.set()

    def stop(self) -> None:
        """To be called before the connection that writes is closed."""
        self._over = True
        self._due.set()
        self._thread.join()
        self._connection.close()

    def _committed(self, writing: apsw.Connection, database: str, pages: int) -> int:
        """In the thread that writes, after each commit: how long the log is."""
        if pages < self._copied:
            self._copied = 0
        left, full = pages - self._copied, pages >= self._most
        if full and left <= self._left:
            self._copy(writing)
        elif full or left >= self._at_once:
            self._idle.clear()
            self._due.set()
            if full:
                self._idle.wait(WAIT_S)
        return apsw.SQLITE_OK

    def _run(self) -> None:
        while not self._over:
            self._due.wait()
            if not self._over:
                self._copy(self._connection)
            self._due.clear()  # commits that came meanwhile said what they found before
            self._idle.set()

    def _copy(self, connection: apsw.Connection) -> None:
        # What cannot be copied now stays in the log, where it is as durable: somebody reads, or the disk is full.
        with suppress(apsw.Error):
            pages, copied = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
            self._copied = copied if copied < pages else 0
