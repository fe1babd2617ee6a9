"""Brings input into the backlog: rows are read in chunks, planned, and accepted together with how far was read."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any, TypeAlias

from anyio.streams.memory import MemoryObjectSendStream

from engine.backlog import Backlog, Put, Rejected, Source
from engine.clouds import Cloud, Planned, cloud_for
from engine.model import Outcome
from engine.rows import Cursor, Manifest
from engine.settler import Ending
from engine.starter import Starter
from engine.window import Window

Rows: TypeAlias = Iterable[Any] | AsyncIterable[Any] | Manifest[Any]
CHUNK_ROWS = 1_000
MOMENT_S = 0.005  # how long the caller's loop is kept by rows from a plain iterator
LINGER_S = 0.05  # how long rows of a slow source wait for others to share a call with


@dataclass(slots=True)
class Intake:
    """What was read of the input, in rows."""

    earlier: int = 0  # by runs before this one
    read: int = 0  # by this one; the rest of these counts are among them
    rejected: int = 0
    repeated: int = 0  # already in the backlog, or twice in the input


class Feed:
    """Reads one input to its end, no further ahead of the calls than the window allows."""

    def __init__(
        self,
        backlog: Backlog,
        starters: Mapping[str, Starter],
        accounts: Mapping[str, Sequence[str]],
        batch: int,
        window: Window,
        endings: MemoryObjectSendStream[list[Ending]],
    ) -> None:
        """`accounts` names those of each cloud, its default one first."""
        self.intake = Intake()
        self._backlog = backlog
        self._starters = starters
        self._accounts = accounts
        self._batch = batch
        self._window = window
        self._endings = endings

    async def run(self, rows: Rows) -> None:
        if isinstance(rows, Manifest):
            await self._read(rows)
        elif isinstance(rows, AsyncIterable):
            async with aclosing(_gather(rows)) as chunks:
                async for chunk in chunks:
                    await self._take_rows(chunk)
        else:
            source = iter(rows)
            while chunk := _some(source):
                await self._take_rows(chunk)
                await asyncio.sleep(0)

    async def _read(self, manifest: Manifest[Any]) -> None:
        cloud = cloud_for(manifest.row_type)
        name = source_of(manifest)
        progress = await self._backlog.progress(name) or Source("", 0, 0, 0)
        chunks = manifest.chunks(Cursor.from_json(progress.cursor) if progress.cursor else None)
        chunk = await _in_thread(partial(next, chunks, None))
        if manifest.resumed:
            self.intake.earlier = progress.rows
        else:  # new, or changed above where we were: a job of exactly the same rows is known again, by its key
            await self._backlog.forget(name, ())
            progress = Source("", 0, 0, 0)
        while chunk:
            await self._window.room()
            planned = self._plan(cloud, chunk.rows)
            rejected = [Rejected(name, row.line, row.reason, row.text) for row in chunk.rejected]
            rejected += [
                Rejected(name, chunk.lines[index], str(error), ",".join(chunk.rows[index])[:200])
                for index, error in planned.rejected
            ]
            read = len(chunk.rows) + len(chunk.rejected)
            progress = Source(
                chunk.cursor.to_json(),
                progress.rows + read,
                progress.rejected + len(rejected),
                progress.repeated + len(planned.repeated),
            )
            put = await self._backlog.put(planned.jobs, source=name, progress=progress, rejected=rejected)
            self.intake.rejected += len(chunk.rejected)
            self.intake.read += len(chunk.rejected)
            if chunk.rejected:
                lines = [
                    Outcome((row.text,), "rejected", f"{row.source}:{row.line}: {row.reason}") for row in chunk.rejected
                ]
                await self._endings.send(list(lines))
            await self._accepted(cloud, chunk.rows, planned, put)
            chunk = await _in_thread(partial(next, chunks, None))

    async def _take_rows(self, rows: Sequence[Any]) -> None:
        for row_type, same in groupby(rows, type):
            await self._window.room()
            cloud = cloud_for(row_type)
            chunk = list(same)
            planned = self._plan(cloud, chunk)
            await self._accepted(cloud, chunk, planned, await self._backlog.put(planned.jobs))

    def _plan(self, cloud: Cloud, rows: Sequence[Any]) -> Planned:
        return cloud.plan(rows, self._accounts.get(cloud.name, ()), self._batch)

    async def _accepted(self, cloud: Cloud, rows: Sequence[Any], planned: Planned, put: Put) -> None:
        """The plan is in the backlog: have it worked on, and tell of the rows that made no job."""
        for target, number in Counter(job.target for job in put.waiting).items():
            self._window.change(target.account, number)
            starter = self._starters[target.account]
            starter.wake(starter.queue(target))
        repeated = [rows[index] for index in planned.repeated]
        repeated += [row for job in put.known for row in cloud.rows(job)]
        ended: list[Ending] = [Outcome(rows[index], "rejected", str(error)) for index, error in planned.rejected]
        ended += [Outcome(row, "duplicate", "the same work is in the backlog already") for row in repeated]
        self.intake.read += len(rows)
        self.intake.rejected += len(planned.rejected)
        self.intake.repeated += len(repeated)
        if ended:
            await self._endings.send(ended)


def source_of(manifest: Manifest[Any]) -> str:
    """The name under which the backlog remembers how far a manifest was read, and which of its rows it rejected."""
    return f"{cloud_for(manifest.row_type).verb} {manifest.identity}"


def _some(rows: Iterator[Any]) -> list[Any]:
    """The next rows, as many as come within a moment. They come in the caller's loop, as the caller's own code would
    fetch them: an iterator need not bear another thread."""
    chunk: list[Any] = []
    until = time.perf_counter() + MOMENT_S
    for row in rows:
        chunk.append(row)
        if len(chunk) == CHUNK_ROWS or time.perf_counter() > until:
            break
    return chunk


async def _in_thread(read: Callable[[], Any]) -> Any:
    """Run what may wait for a disk or a pipe, in a thread that nobody waits for when it is not wanted any more."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()

    def tell(result: Any, error: BaseException | None) -> None:
        if future.cancelled():
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)

    def work() -> None:
        result, error = None, None
        try:
            result = read()
        except Exception as failure:
            error = failure
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(tell, result, error)

    threading.Thread(target=work, name="syncmux-manifest", daemon=True).start()
    return await future


async def _gather(rows: AsyncIterable[Any]) -> AsyncGenerator[list[Any], None]:
    """Chunks of what an async source gives: full ones if it is fast, what has come after a moment if it is not."""
    source = aiter(rows)
    chunk: list[Any] = []
    pending: asyncio.Future[Any] | None = None
    try:
        while True:
            pending = pending or asyncio.ensure_future(anext(source))
            done, _ = await asyncio.wait((pending,), timeout=LINGER_S if chunk else None)
            if not done:
                yield chunk
                chunk = []
                continue
            try:
                chunk.append(pending.result())
            except StopAsyncIteration:
                break
            finally:
                pending = None
            if len(chunk) == CHUNK_ROWS:
                yield chunk
                chunk = []
    finally:
        if pending is not None:
            pending.cancel()
            await asyncio.wait((pending,))
    if chunk:
        yield chunk
