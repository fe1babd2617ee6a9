"""The backlog of one machine: one SQLite file (or memory), one process, one writing thread."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any, Self

import apsw

from engine.backlog import Backlog, Claim, Count, Divider, Failure, Put, Rejected, Source, Tally
from engine.backlog.checkpointer import Checkpointer
from engine.backlog.failures import not_opened, of_another_version
from engine.backlog.inbox import Inbox
from engine.backlog.overview import Overview, overview
from engine.backlog.owner import Owner
from engine.backlog.place import still_at
from engine.backlog.pruning import Keep, Pruned, Pruning
from engine.backlog.reserve import PAGE_BYTES, Reserve, log_pages
from engine.backlog.tables import Tables
from engine.backlog.times_ahead import bring_back
from engine.backlog.writer import Writer
from engine.errors import BacklogError, UnusableBacklogError
from engine.model import Job, Settlement, Target
from engine.steady_clock import SteadyClock

SCHEMA_VERSION = 3
PAGE = 500
LOG_BYTES = 64 << 20  # that the log is cut back to when it begins anew
SPACE_BYTES = 256 << 10  # that must fit in before the disk counts as not full any more


class SqliteBacklog(Backlog):
    """See `Backlog`. `path` is a file, or ``:memory:`` for a backlog that ends with the process.

    With ``read_only`` it can be looked at while another process owns it. `dividers`, by cloud, tell the rows of jobs
    apart; those of a cloud without one are failed, and put again, as a whole.
    """

    def __init__(
        self,
        path: str | Path,
        dividers: Mapping[str, Divider] = MappingProxyType({}),
        *,
        read_only: bool = False,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._path = path
        self._dividers = dividers
        self._read_only = read_only
        self.clock = clock or SteadyClock()
        self._owner: Owner | None = None
        self._checkpointer: Checkpointer | None = None
        self._reserve: Reserve | None = None  # None: what is in memory takes no disk space
        self._files: Mapping[Path, os.stat_result] = {}  # that hold it, as they were opened
        self._writer = Writer(path, self._connect, self._rolled_back)
        self.inbox = Inbox(self._writer, self.clock)
        self._tables: Tables
        self._overview: Callable[[], Overview]

    async def __aenter__(self) -> Self:
        self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def open(self) -> None:
        """Take ownership and open the file, making it if there is none.

        Raises:
            UnusableBacklogError: it is damaged, of another syncmux, or something else. It is left as it is.
            BacklogError: it is in use, or cannot be made.
        """
        if self._path != ":memory:" and not self._read_only:
            path = Path(self._path)
            try:
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._owner = Owner(path)
            except OSError as error:
                raise not_opened(path, error) from None
        try:
            self._writer.start()
        except (apsw.Error, OSError) as error:
            self._release()
            raise not_opened(self._path, error) from None
        except BacklogError:
            self._release()
            raise

    def _connect(self) -> apsw.Connection:
        flags = apsw.SQLITE_OPEN_READONLY if self._read_only else apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
        if self._path != ":memory:" and not self._read_only:
            Path(self._path).touch(mode=0o600, exist_ok=True)  # SQLite would make it readable to others
        connection = apsw.Connection(str(self._path), flags=flags)
        try:
            return self._connected(connection)
        except BaseException:
            connection.close()
            raise

    def _connected(self, connection: apsw.Connection) -> apsw.Connection:
        connection.set_busy_timeout(5000)
        version = _pragma(connection, "user_version")
        if version not in {0, SCHEMA_VERSION}:
            raise of_another_version(self._path, version, SCHEMA_VERSION)
        if version == 0 and connection.execute("SELECT 1 FROM sqlite_schema").fetchone():
            raise UnusableBacklogError(f"{self._path} is no backlog, but another SQLite database: use another file")
        if version == 0 and self._read_only:  # nothing was done with it yet: it looks like a new one
            connection.close()
            connection = apsw.Connection(":memory:")
        if not self._read_only:
            for pragma in (
                "auto_vacuum=INCREMENTAL",  # of a file yet to be made; before anything is written to it
                "journal_mode=WAL",
                "synchronous=FULL",
                "cache_size=-4096",
            ):
                connection.execute(f"PRAGMA {pragma}")
        if version == 0:
            with connection:
                connection.execute(Path(__file__).with_name("schema.sql").read_text())
                connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        if not self._read_only:
            bring_back(connection, self.clock())
        self._tables = Tables(connection, self.clock, self._dividers)
        self._pruning = Pruning(connection, self._dividers)
        self._overview = partial(overview, connection.execute, self._tables)
        if self._path != ":memory:" and not self._read_only:
            log = Path(f"{os.path.realpath(self._path)}-wal")
            self._files = {each: each.stat() for each in (Path(self._path), log)}
            self._reserve = Reserve(log.parent, connection.execute)
            most = log_pages(log.parent)
            connection.pragma("journal_size_limit", min(LOG_BYTES, most * PAGE_BYTES))
            self._checkpointer = Checkpointer(connection, str(self._path), most)
        self.inbox.connected(connection, self._tables, self._reserve)
        return connection

    def _rolled_back(self) -> None:
        self._tables.load()
        self.inbox.rolled_back()

    async def put(
        self,
        jobs: Sequence[Job],
        *,
        source: str | None = None,
        progress: Source | None = None,
        rejected: Sequence[Rejected] = (),
    ) -> Put:
        return await self._writer.do(partial(self._put, jobs, source, progress, rejected))

    def _put(
        self, jobs: Sequence[Job], source: str | None, progress: Source | None, rejected: Sequence[Rejected]
    ) -> Put:
        put = self._tables.insert(jobs)
        self._tables.sources.reject(rejected)
        if source is not None and progress is not None:
            self._tables.sources.advance(source, progress)
        return put

    async def claim(self, wants: Sequence[tuple[Target, int]], now: float) -> list[Claim]:
        return await self._writer.do(lambda: [self._tables.claim(target, limit, now) for target, limit in wants])

    async def release(self) -> None:
        await self._writer.do(partial(Tables.release, self._tables))

    def begin(self, job: Job) -> None:
        self._tables.begun.add(job.id)

    async def settle(self, settlements: Sequence[Settlement]) -> list[Job]:
        again = await self._writer.do(lambda: self._tables.settle(settlements))
        self._tables.begun.difference_update([settlement.job.id for settlement in settlements])
        return again

    async def started(self, target: Target) -> list[Job]:
        return await self._writer.do(lambda: self._tables.started(target))

    async def tally(self) -> Tally:
        return await self._writer.do(partial(Tables.tally, self._tables))

    async def overview(self) -> Overview:
        return await self._writer.do(self._overview)

    async def progress(self, source: str) -> Source | None:
        return await self._writer.do(lambda: self._tables.sources.progress(source))

    async def sources(self) -> dict[str, Source]:
        return await self._writer.do(self._tables.sources.all)

    async def forget(self, source: str | None, clouds: Sequence[str]) -> None:
        await self._writer.do(lambda: self._tables.forget(source, clouds))

    async def failures(self, *, newest_first: bool = False) -> AsyncIterator[Failure]:
        after: tuple[float, int] | None = None
        read = partial(Tables.failures, self._tables, limit=PAGE, newest_first=newest_first)
        while page := await self._writer.do(partial(read, after)):
            for failure in page:
                yield failure
            after = page[-1].at, page[-1].job.id

    async def rejections(self) -> AsyncIterator[Rejected]:
        after: tuple[str, int] = ("", 0)
        while page := await self._writer.do(partial(lambda last: self._tables.sources.rejections(last, PAGE), after)):
            for rejected in page:
                yield rejected
            after = page[-1].source, page[-1].line

    async def retry_failed(self, accounts: Collection[tuple[str, str]]) -> Count:
        return await self._writer.do(lambda: self._tables.retry_failed(accounts))

    async def remember(self, name: str, value: str) -> None:
        await self._writer.do(lambda: self._tables.remember(name, value))

    async def recall(self, name: str) -> str | None:
        return await self._writer.do(lambda: self._tables.recall(name))

    @property
    def no_space(self) -> str:
        """Why something could not be written of late; "" once `find_space` has found space."""
        return self._writer.no_space

    @property
    def low_space(self) -> str:
        """Why the inbox takes nothing in, though the work goes on, when somebody looked last; else ""."""
        return self._reserve.touched if self._reserve else ""

    async def find_space(self) -> None:
        """Try whether more than the smallest change can be written again. Raises NoSpaceError: it cannot."""
        await self.remember("space", "." * SPACE_BYTES)
        await self.remember("space", "")
        self._writer.no_space = ""

    @property
    def gone(self) -> str:
        """Why what is taken in would be lost when the process ends, when `find_files` looked last; else ""."""
        return self._writer.gone

    async def find_files(self) -> None:
        """Look whether the files that are open are those that the next process would find, and have room to grow."""
        await self._writer.do(self._find_files)

    def _find_files(self) -> None:
        if self._reserve:
            self._reserve.look()
        gone = next((path for path, opened in self._files.items() if not still_at(path, opened)), None)
        self._writer.gone = (
            f"{gone}, which holds the backlog, was deleted or replaced: what was taken in is worked on, and nothing "
            "more is taken in; put the same file back, or restart when nothing waits"
            if gone
            else ""
        )

    async def prune(self, keep: Keep, after: int) -> Pruned:
        """Forget those of the next jobs after one, by its id, that need not stay."""
        return await self._writer.do(lambda: self._pruning.prune(keep, after))

    async def give_back(self) -> bool:
        """Give some unused space back to the file system, unless little is unused; while little space is left, whatever
        is of no use to the work. Returns whether there may be more to give."""
        try:
            return await self._writer.do(self._give_back)
        finally:
            if self.low_space and self._checkpointer:
                self._checkpointer.copy()  # only then do they get shorter, this file and the log

    def _give_back(self) -> bool:
        if self._reserve:
            self._reserve.look()
            if self._reserve.touched:  # a log of which all is copied is cut with the next change: there may be none
                self._tables.remember("space", "")
                return self._pruning.give_back(self._reserve.useful_pages)
        return self._pruning.give_back()

    async def close(self) -> None:
        try:
            if self._checkpointer:
                await asyncio.get_running_loop().run_in_executor(None, self._checkpointer.stop)
        finally:
            await self._writer.stop()
            self._release()

    def _release(self) -> None:
        if self._owner:
            self._owner.release()
            self._owner = None


def _pragma(connection: apsw.Connection, name: str) -> Any:
    return connection.pragma(name)
