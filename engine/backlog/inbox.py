"""The inbox: what notifications have changed, durably, until jobs take its place.

A row waits here once however often it is asked for. The ids of the messages that asked are remembered in the same
transaction, so that a message that comes twice is done once.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import apsw

from engine.backlog import Asked
from engine.backlog.inbox_tables import Accepted, Delivery, Destination, InboxTables, Move, NoRoom, Want
from engine.backlog.reserve import Reserve
from engine.backlog.tables import Tables
from engine.backlog.writer import Writer
from engine.errors import BacklogError, BacklogGoneError, InboxFullError, NoSpaceError, TooManyRowsError

ROWS_AT_ONCE = 5_000  # in one transaction, if several deliveries share it
RATE_OVER_S = 10.0  # how far back the rate of what leaves is looked at
LONGEST_RETRY_S = 60.0
FIRST_RETRY_S = 5.0  # while nothing has left yet, so that nothing tells how long it takes


@dataclass(slots=True)
class Heap:
    """The rows that wait for one destination."""

    rows: int
    oldest_at: float  # when the first one arrived, by the backlog's clock
    since: float  # the same by the monotonic clock, as far as this process knows

    def begin(self, oldest_at: float, now: float) -> None:
        self.oldest_at = oldest_at
        self.since = time.monotonic() - max(0.0, now - oldest_at)


class Inbox:
    """For use in one event loop, while the backlog is open."""

    def __init__(self, writer: Writer, clock: Callable[[], float]) -> None:
        self.max_rows = 1_000_000
        self.heaps: dict[Destination, Heap] = {}  # those that hold something
        self.rows = 0
        self.changed = asyncio.Event()  # rows came
        self._writer = writer
        self._clock = clock
        self._tables: InboxTables
        self._reserve: Reserve | None = None
        self._gathered: list[tuple[Delivery, asyncio.Future[Accepted]]] = []
        self._wanted = 1  # rows that there was no room for of late, in one delivery
        self._writing: asyncio.Task[None] | None = None
        self._moved: tuple[float, float] = (time.monotonic(), 0.0)  # when rows left last, and how many did of late

    def connected(self, connection: apsw.Connection, tables: Tables, reserve: Reserve | None) -> None:
        """In the writer's thread."""
        self._reserve = reserve
        self._tables = InboxTables(connection, tables)

    def rolled_back(self) -> None:
        """In the writer's thread."""
        self._tables.load()

    @property
    def oldest_at(self) -> float | None:
        """When the row arrived that waits longest, by the backlog's clock."""
        return min([heap.oldest_at for heap in self.heaps.values()], default=None)

    @property
    def full(self) -> bool:
        """Whether there is no room for what came of late, or for a single new row."""
        return self.rows + self._wanted > self.max_rows

    async def open(self, remember_s: float, max_rows: int) -> None:
        """Find what earlier processes left. `remember_s` is how long ids are remembered, at least."""
        self._tables.seen.remember_s = remember_s
        self.max_rows = max_rows
        for destination, (rows, oldest_at) in (await self.waiting()).items():
            heap = self.heaps[destination] = Heap(rows, 0.0, 0.0)
            heap.begin(oldest_at, self._clock())
            self.rows += rows

    async def accept(self, delivery: Delivery) -> Accepted:
        """Returns when it is durable. Deliveries that come while another is being written share the next commit.

        Raises:
            TooManyRowsError: it could not be taken if nothing waited.
            InboxFullError: too much waits already. Nothing was taken.
            NoSpaceError: the disk is full, or would soon be too full for the work to go on. Nothing was taken.
            BacklogGoneError: it would end with the process. Nothing was taken.
            BacklogError: it could not be written. Nothing was taken.
        """
        if self._writer.gone:
            raise BacklogGoneError("the backlog's file is not in its place")
        if delivery.rows > self.max_rows and (rows := len(delivery.different)) > self.max_rows:
            raise TooManyRowsError(f"{rows:,} rows come at once, and {self.max_rows:,} may wait (max_waiting)")
        future: asyncio.Future[Accepted] = asyncio.get_running_loop().create_future()
        self._gathered.append((delivery, future))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write(), name="syncmux inbox")
        return await future

    async def due(self, wants: Sequence[Want]) -> list[list[tuple[int, str]] | None]:
        """For each want, numbers and values of rows in the order of their arrival; None if its target has enough."""
        return await self._writer.do(lambda: self._tables.due(wants))

    async def move(self, moves: Sequence[Move]) -> Asked:
        """Put jobs in the place of rows, in one transaction."""
        return await asyncio.shield(self._move(moves))  # what was moved is counted, whoever still waits for it

    async def waiting(self) -> dict[Destination, tuple[int, float]]:
        """By destination, how many rows wait in the file and since when the first one does. Needs no `open`."""
        return await self._writer.do(self._tables.waiting)

    async def forget_ids(self) -> bool:
        """Forget some ids that need not be remembered any more. Returns whether there may be more."""
        return await self._writer.do(lambda: self._tables.seen.forget(int(self._clock())))

    async def _write(self) -> None:
        while self._gathered:
            batch = self._next()
            deliveries = [delivery for delivery, _ in batch]
            # What is moved away meanwhile is room that the next ones have.
            accept = partial(self._accept, deliveries, self._clock(), self.max_rows - self.rows)
            try:
                found = await self._writer.do(accept)
                if isinstance(found, str):
                    raise NoSpaceError(found)
                accepted, added = found
            except BacklogError as error:
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
                continue
            for destination, rows in added.items():
                self._add(destination, rows)
            for (_, future), result in zip(batch, accepted, strict=True):
                if isinstance(result, NoRoom):
                    self._wanted = result.rows
                elif result.waiting:
                    self._wanted = 1
                if future.done():
                    continue
                if isinstance(result, NoRoom):
                    future.set_exception(self._no_room(result))
                else:
                    future.set_result(result)
            if added:
                self.changed.set()
        self._writing = None

    def _accept(
        self, deliveries: Sequence[Delivery], at: float, room: int
    ) -> tuple[list[Accepted | NoRoom], Counter[Destination]] | str:
        """In the writer's thread. Or why none can be taken: an error would undo what others write."""
        if self._reserve:
            self._reserve.look()
            if self._reserve.touched:
                return self._reserve.touched
        return self._tables.accept(deliveries, at, room)

    def _next(self) -> list[tuple[Delivery, asyncio.Future[Accepted]]]:
        """The deliveries of one transaction: few enough that nobody waits long for it."""
        rows = number = 0
        while number < len(self._gathered) and (number == 0 or rows < ROWS_AT_ONCE):
            rows += self._gathered[number][0].rows
            number += 1
        batch, self._gathered = self._gathered[:number], self._gathered[number:]
        return batch

    async def _move(self, moves: Sequence[Move]) -> Asked:
        asked, left = await self._writer.do(lambda: self._tables.move(moves))
        for move in moves:
            heap = self.heaps[move.destination]
            heap.rows -= move.rows
            self.rows -= move.rows
            oldest_at = left[move.destination]
            if heap.rows:
                heap.begin(heap.oldest_at if oldest_at is None else oldest_at, self._clock())
            else:
                del self.heaps[move.destination]
        if not self.full:
            self._wanted = 1
        self._count_moved(sum([move.rows for move in moves]))
        return asked

    def _add(self, destination: Destination, rows: int) -> None:
        heap = self.heaps.get(destination)
        if heap is None:
            heap = self.heaps[destination] = Heap(0, 0.0, 0.0)
            now = self._clock()
            heap.begin(now, now)
        heap.rows += rows
        self.rows += rows

    def _count_moved(self, rows: int) -> None:
        at, moved = self._moved
        now = time.monotonic()
        self._moved = now, moved * 2.0 ** ((at - now) / RATE_OVER_S) + rows

    def _no_room(self, left_out: NoRoom) -> InboxFullError:
        return InboxFullError(
            f"{self.rows:,} rows wait, {left_out.rows:,} more would, and {self.max_rows:,} may", self._retry_after_s()
        )

    def _retry_after_s(self) -> float:
        """When a tenth of the room should be free, by how fast rows left of late."""
        self._count_moved(0)
        per_s = self._moved[1] / RATE_OVER_S
        return min(LONGEST_RETRY_S, max(1.0, self.max_rows / 10 / per_s)) if per_s > 0 else FIRST_RETRY_S
