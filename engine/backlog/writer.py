"""One thread that owns a database, and group commit.

Work that arrives while a transaction is being committed goes into the next one together, so the price of making it
durable is shared and nobody waits longer than two commits.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

import apsw

from engine.backlog.failures import is_full, not_written
from engine.errors import BacklogError, NoSpaceError, UnusableBacklogError

Result = TypeVar("Result")
_Work = tuple[Callable[[], Any], "asyncio.Future[Any]", asyncio.AbstractEventLoop]


class Writer:
    """Runs functions in the thread that owns `connection`, each batch of them as one transaction.

    After a failure of the file underneath nothing runs any more: what is on disk may differ from what SQLite believes.
    """

    def __init__(
        self, path: str | Path, connect: Callable[[], apsw.Connection], rolled_back: Callable[[], None]
    ) -> None:
        """Both functions run in the thread. Errors of `connect`, which opens `path`, are raised by `start`;
        `rolled_back` is told when a batch came to nothing."""
        self._path = path
        self._connect = connect
        self._rolled_back = rolled_back
        self._queue: SimpleQueue[_Work | None] = SimpleQueue()
        self.no_space = ""  # what the last failure for want of space said, until somebody found some again
        self.gone = ""  # which of its files others do not find any more, when somebody looked
        self._broken: BacklogError | None = None
        self._thread = threading.Thread(target=self._run, name="syncmux-backlog", daemon=True)
        self._started: SimpleQueue[BaseException | None] = SimpleQueue()

    def start(self) -> None:
        self._thread.start()
        if error := self._started.get():
            raise error

    async def do(self, work: Callable[[], Result]) -> Result:
        """Run `work` in a transaction; returns what it returned once that is committed."""
        self._must_be_whole()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._queue.put((work, future, loop))
        return await future

    async def stop(self) -> None:
        """Finish what was given and close the database."""
        self._queue.put(None)
        await asyncio.get_running_loop().run_in_executor(None, self._thread.join)

    def _run(self) -> None:
        try:
            connection = self._connect()
        except BaseException as error:  # handed to the thread that waits in start()
            self._started.put(error)
            return
        self._started.put(None)
        stopping = False
        while not stopping:
            batch = [self._queue.get()]
            while not self._queue.empty():
                batch.append(self._queue.get())
            stopping = None in batch
            self._commit(connection, [work for work in batch if work])
        connection.close()

    def _commit(self, connection: apsw.Connection, batch: list[_Work]) -> None:
        if not batch:
            return
        results, error = self._transact(connection, [work for work, _, _ in batch])
        # One wake-up for all futures of a loop; in practice there is one loop.
        for loop in {loop for _, _, loop in batch}:
            mine = [i for i, (_, _, owner) in enumerate(batch) if owner is loop]
            futures = [batch[i][1] for i in mine]
            outcome = error or [results[i] for i in mine]
            if not loop.is_closed():
                loop.call_soon_threadsafe(_resolve, futures, outcome)

    def _transact(
        self, connection: apsw.Connection, works: list[Callable[[], Any]]
    ) -> tuple[list[Any], BacklogError | None]:
        """What they returned, or why all of them came to nothing."""
        try:
            self._must_be_whole()
            connection.execute("BEGIN IMMEDIATE" if not connection.readonly("main") else "BEGIN")
        except BacklogError as broken:
            return [], broken
        except Exception as failure:
            return [], self._take_in(failure)
        try:
            results = [work() for work in works]
            connection.execute("COMMIT")
        except Exception as failure:
            return [], self._undo(connection, failure if isinstance(failure, BacklogError) else self._take_in(failure))
        return results, None

    def _undo(self, connection: apsw.Connection, error: BacklogError) -> BacklogError:
        """Roll back; returns `error`, or what came to be worse than it."""
        try:
            if connection.in_transaction:  # SQLite has ended it itself after the worst
                connection.execute("ROLLBACK")
            self._rolled_back()
        except apsw.Error as worse:  # what is kept in memory may be of the batch that came to nothing
            damaged = isinstance(error, UnusableBacklogError)
            return self._break(error if damaged else not_written(self._path, worse))
        return error

    def _take_in(self, failure: Exception) -> BacklogError:
        if is_full(failure):
            self.no_space = f"no space is left for the backlog: {failure}"
            return NoSpaceError(self.no_space)
        return self._break(not_written(self._path, failure))

    def _break(self, error: BacklogError) -> BacklogError:
        self._broken = error
        return error

    def _must_be_whole(self) -> None:
        if self._broken:
            raise type(self._broken)(f"the backlog has failed: {self._broken}")


def _resolve(futures: list[asyncio.Future[Any]], outcome: BacklogError | list[Any]) -> None:
    for i, future in enumerate(futures):
        if future.done():
            continue  # its caller was cancelled; the work is done all the same
        if isinstance(outcome, BacklogError):
            future.set_exception(outcome)
        else:
            future.set_result(outcome[i])
