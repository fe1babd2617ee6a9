"""What creates and changes remember: in a file of its own beside the backlog, which several processes may use at once.

So a task can be stopped while another process pushes into it and owns the backlog.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial
from hashlib import sha256
from pathlib import Path

import apsw

from engine.backlog.failures import not_opened, of_another_version
from engine.backlog.writer import Writer
from engine.errors import BacklogError

SCHEMA_VERSION = 1
MEMORY = ":memory:"
BUSY_MS = 30_000  # other processes write for milliseconds
CLAIM_S = 60.0  # how long to wait for another process: longer than it waits for one answer
LOOK_S = 0.05


def beside(backlog: str | Path) -> str | Path:
    """The file that belongs to a backlog."""
    path = Path(backlog)
    return MEMORY if str(backlog) == MEMORY else path.with_name(f"{path.name}.intents.db")


class IntentStore:
    """Texts by name, durable when a method returns, and claims on names that only one process has at a time.

    Opened when it is first used; every method raises `BacklogError` if it cannot be. A process has one store on a file:
    its claims are on the process.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = path
        self._writer: Writer | None = None
        self._sql: Callable[..., apsw.Cursor]
        self._lock = -1  # of the file whose bytes are claimed: one for each name
        self._claims: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)  # among ourselves

    async def recall(self, name: str) -> str | None:
        return await self._opened().do(partial(self._recall, name))

    async def remember(self, name: str, value: str) -> None:
        await self._opened().do(partial(self._remember, name, value))

    async def update(self, name: str, make: Callable[[str | None], str | None]) -> bool:
        """Remember what `make` makes of what is remembered, which nobody changes meanwhile; False if that is None."""

        def updated() -> bool:
            made = make(self._recall(name))
            if made is not None:
                self._remember(name, made)
            return made is not None

        return await self._opened().do(updated)

    @asynccontextmanager
    async def claimed(self, name: str, told: Callable[[str], None]) -> AsyncGenerator[None, None]:
        """Nobody else has the claim meanwhile. It falls with the process. `told` hears of a wait for another one.

        Raises:
            BacklogError: another process keeps it.
        """
        self._opened()
        # Beyond any size of the file: locks need no bytes to be there.
        place = int.from_bytes(sha256(name.encode()).digest()[:6])
        async with self._claims[name]:
            await self._claim(place, told)
            try:
                yield
            finally:
                if self._lock >= 0:
                    fcntl.lockf(self._lock, fcntl.LOCK_UN, 1, place)

    async def close(self) -> None:
        if self._writer:
            await self._writer.stop()
            self._writer = None
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    async def _claim(self, place: int, told: Callable[[str], None]) -> None:
        until, waits = time.monotonic() + CLAIM_S, False
        while self._lock >= 0:
            try:
                fcntl.lockf(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
            except (BlockingIOError, PermissionError):
                if time.monotonic() > until:
                    raise BacklogError(
                        "another process is busy with the same; run it again when it has ended"
                    ) from None
                if not waits:
                    told("waiting for another process that is busy with the same")
                waits = True
                await asyncio.sleep(LOOK_S)
            else:
                return

    def _opened(self) -> Writer:
        if self._writer is None:
            writer = Writer(self._path, self._connect, lambda: None)
            try:
                if self._path != MEMORY:
                    self._make()
                writer.start()
            except (apsw.Error, OSError) as error:
                raise not_opened(self._path, error) from None
            self._writer = writer
        return self._writer

    def _make(self) -> None:
        path = Path(self._path)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600, exist_ok=True)  # SQLite would make it readable to others
        if self._lock < 0:
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            self._lock = os.open(path.with_name(f"{path.name}.lock"), flags, 0o600)

    def _connect(self) -> apsw.Connection:
        connection = apsw.Connection(str(self._path))
        connection.set_busy_timeout(BUSY_MS)
        connection.execute("PRAGMA synchronous=EXTRA")  # also the directory, once the journal is gone
        version = connection.pragma("user_version")
        if version not in {0, SCHEMA_VERSION}:
            connection.close()
            raise of_another_version(self._path, version, SCHEMA_VERSION)
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS remembered (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"
        )
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        connection.execute("COMMIT")
        self._sql = connection.execute
        return connection

    def _recall(self, name: str) -> str | None:
        row = self._sql("SELECT value FROM remembered WHERE name=?", (name,)).fetchone()
        return row[0] if row else None

    def _remember(self, name: str, value: str) -> None:
        self._sql("INSERT OR REPLACE INTO remembered VALUES (?,?)", (name, value))
