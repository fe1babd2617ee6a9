"""Brings input into the backlog: rows are read in chunks, planned, and accepted together with how far was read."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any, TypeAlias

from anyio.streams.memory import MemoryObjectSendStream

from engine.backlog import Backlog, Put, Rejected, Source
from engine.chunks import chunked, gathered
from engine.clouds import Cloud, Planned, cloud_for
from engine.errors import ConfigError, InputError
from engine.model import Job, Outcome
from engine.rows import Cursor, Manifest
from engine.settler import Ending
from engine.starter import Starter
from engine.threads import in_thread
from engine.window import Window

Rows: TypeAlias = Iterable[Any] | AsyncIterable[Any] | Manifest[Any]


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
        *,
        follows: bool,
    ) -> None:
        """`accounts` names those of each cloud, its default one first. `follows`: tasks that run are waited for."""
        self.intake = Intake()
        self._backlog = backlog
        self._starters = starters
        self._accounts = accounts
        self._batch = batch
        self._window = window
        self._endings = endings
        self._follows = follows

    async def run(self, rows: Rows) -> None:
        """Raises what the rows raise, once all that they gave was taken in."""
        if isinstance(rows, Manifest):
            await self._read(rows)
        elif isinstance(rows, AsyncIterable):
            async with aclosing(gathered(rows)) as chunks:
                async for chunk in chunks:
                    await self._take_rows(chunk)
        else:
            for chunk in chunked(rows):
                await self._take_rows(chunk)
                await asyncio.sleep(0)

    async def _read(self, manifest: Manifest[Any]) -> None:
        cloud = cloud_for(manifest.row_type)
        if not self._accounts.get(cloud.name):  # no matter of its rows: they can be used another time
            raise ConfigError(self._no_account(cloud))
        name = source_of(manifest)
        progress = await self._backlog.progress(name) or Source("", 0, 0, 0)
        chunks = manifest.chunks(Cursor.from_json(progress.cursor) if progress.cursor else None)
        chunk = await in_thread(partial(next, chunks, None))
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
            chunk = await in_thread(partial(next, chunks, None))

    async def _take_rows(self, rows: Sequence[Any]) -> None:
        """Rows as a caller gives them, which may be anything."""
        for row_type, same in groupby(rows, type):
            await self._window.room()
            chunk = list(same)
            try:
                cloud = cloud_for(row_type)
            except InputError as error:
                await self._reject(chunk, str(error))
                continue
            if not self._accounts.get(cloud.name):
                await self._reject(chunk, self._no_account(cloud))
                continue
            try:
                planned = self._plan(cloud, chunk)
            except (TypeError, AttributeError):  # as of fields that are no texts, for which nobody has looked so far
                wrong = [(row, why) for row in chunk if (why := _ill_typed(row))]
                if not wrong:
                    raise
                for row, why in wrong:
                    await self._reject([row], why)
                chunk = [row for row in chunk if not _ill_typed(row)]
                planned = self._plan(cloud, chunk)
            await self._accepted(cloud, chunk, planned, await self._backlog.put(planned.jobs))

    async def _reject(self, rows: Sequence[Any], why: str) -> None:
        self.intake.read += len(rows)
        self.intake.rejected += len(rows)
        await self._endings.send([Outcome(row, "rejected", why) for row in rows])

    def _no_account(self, cloud: Cloud) -> str:
        there = ", ".join(f"{name} at {other}" for other, names in self._accounts.items() for name in names)
        return f"a {cloud.row.__name__} needs an account at {cloud.name}; there is {there or 'none'}"

    def _plan(self, cloud: Cloud, rows: Sequence[Any]) -> Planned:
        return cloud.plan(rows, self._accounts.get(cloud.name, ()), self._batch)

    def wake(self, jobs: Iterable[Job]) -> None:
        """Have jobs worked on that wait in the backlog since now."""
        for target, number in Counter([job.target for job in jobs]).items():
            self._window.change(target.account, number)
            starter = self._starters[target.account]
            starter.wake(starter.queue(target))

    async def _accepted(self, cloud: Cloud, rows: Sequence[Any], planned: Planned, put: Put) -> None:
        """The plan is in the backlog: have it worked on, and tell of rows that are at their end already.

        Of what is known and has not ended nothing is told now: its one outcome comes when it ends.
        """
        self.wake(put.waiting)
        ended: list[Ending] = [Outcome(rows[index], "rejected", str(error)) for index, error in planned.rejected]
        ended += [
            Outcome(row, "duplicate", "the same work was done earlier") for job in put.done for row in cloud.rows(job)
        ]
        if not self._follows:
            taken = [job for job in put.live if job.task]
            ended += [
                Outcome(row, "accepted", "the cloud took it earlier", task=job.task)
                for job in taken
                for row in cloud.rows(job)
            ]
        self.intake.read += len(rows)
        self.intake.rejected += len(planned.rejected)
        self.intake.repeated += len(planned.repeated) + sum(job.rows for job in (*put.live, *put.done))
        if ended:
            await self._endings.send(ended)


def source_of(manifest: Manifest[Any]) -> str:
    """The name under which the backlog remembers how far a manifest was read, and which of its rows it rejected."""
    return f"{cloud_for(manifest.row_type).verb} {manifest.identity}"


def _ill_typed(row: Any) -> str:
    """What is wrong with the types of a row's fields."""
    fields = zip(row._fields, row, strict=True)
    return next((f"{name} {value!r:.60} must be a text" for name, value in fields if not isinstance(value, str)), "")
