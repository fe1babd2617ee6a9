"""The SQL of the inbox. Everything here runs in the writer's thread, inside its transaction."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

import apsw
import orjson

from engine.backlog import Asked, Rejected
from engine.backlog.seen_ids import SeenIds, digest_of
from engine.backlog.tables import Tables
from engine.model import Job, Target


class Destination(NamedTuple):
    """Rows that differ in nothing but what has changed: they can share jobs."""

    kind: str
    fixed: tuple[str, ...]


class Delivery(NamedTuple):
    """Events of one sender, each with its id ("" if it has none) and what is to be done about it."""

    sender: str
    events: Sequence[tuple[str, Sequence[tuple[Destination, str]]]]

    @property
    def rows(self) -> int:
        return sum([len(rows) for _, rows in self.events])

    @property
    def different(self) -> set[tuple[Destination, str]]:
        return {row for _, rows in self.events for row in rows}


class Accepted(NamedTuple):
    """What became of a delivery."""

    repeated: int  # events that this sender had sent before: nothing was done about them
    rows: int  # of the others
    waiting: int  # of these, new; the others waited already


class NoRoom(NamedTuple):
    """A delivery that was left out: nothing about it is remembered."""

    rows: int  # of it that do not wait yet


class Want(NamedTuple):
    """Up to `limit` of the rows that wait for a destination, unless `ahead` jobs may start at `target` now."""

    destination: Destination
    limit: int
    target: Target | None
    ahead: int


class Move(NamedTuple):
    """Jobs that take the place of a destination's rows, up to and including a number."""

    destination: Destination
    last: int
    rows: int
    jobs: Sequence[Job]
    rejected: Sequence[Rejected]


class InboxTables:
    def __init__(self, connection: apsw.Connection, tables: Tables) -> None:
        self.seen = SeenIds(connection)
        self._sql: Callable[..., Any] = connection.execute
        self._sql_for_each: Callable[..., Any] = connection.executemany
        self._changes = connection.total_changes
        self._tables = tables
        self._number = 0
        self.load()

    def load(self) -> None:
        """Take what is kept in memory from the file: at first, and after a transaction came to nothing."""
        listed = self._sql("SELECT id, kind, fixed FROM destination")
        self._ids = {Destination(kind, tuple(orjson.loads(fixed))): i for i, kind, fixed in listed}
        sql = "SELECT coalesce(max(number), 0) FROM pending WHERE destination=?"
        last = [self._sql(sql, (i,)).fetchone()[0] for i in self._ids.values()]
        # Rejected rows are known by their numbers, too: the next one must not take the place of an earlier one.
        rejected = self._sql("SELECT coalesce(max(line), 0) FROM rejected").fetchone()[0]
        self._number = max(self._number, rejected, *last)
        self.seen.load()

    def waiting(self) -> dict[Destination, tuple[int, float]]:
        """By destination, how many rows wait and since when the first one does. Reads all of them."""
        listed = dict.fromkeys(self._ids, (0, 0.0))
        names = {i: destination for destination, i in self._ids.items()}
        for i, rows, oldest in self._sql("SELECT destination, count(*), min(arrived) FROM pending GROUP BY 1"):
            listed[names[i]] = rows, oldest
        return {destination: counted for destination, counted in listed.items() if counted[0]}

    def accept(
        self, deliveries: Sequence[Delivery], at: float, room: int
    ) -> tuple[list[Accepted | NoRoom], Counter[Destination]]:
        """Remember ids and add rows, as far as there is room for them: each delivery as a whole, or not at all.

        Returns what became of each delivery, and how many rows each destination got.
        """
        ids = [[digest_of(sender, event) if event else None for event, _ in events] for sender, events in deliveries]
        fresh = self.seen.unknown([digest for each in ids for digest in each if digest is not None], int(at))
        tight = sum([delivery.rows for delivery in deliveries]) > room
        coming: set[tuple[Destination, str]] = set()
        counted: list[NoRoom | tuple[int, int, int]] = []
        remembered: list[int] = []
        bindings: list[tuple[int, int, float, str]] = []
        for delivery, digests in zip(deliveries, ids, strict=True):
            own, rows, repeated = _news(delivery, digests, fresh)
            if tight:
                new = {row for row in rows if row not in coming and not self._waits(*row)}
                if len(new) > room:
                    counted.append(NoRoom(len(new)))
                    continue
                room -= len(new)
                coming |= new
            fresh -= own
            remembered += own
            before = self._number
            for destination, value in rows:
                self._number += 1
                bindings.append((self._id(destination), self._number, at, value))
            counted.append((repeated, before, self._number))
        self.seen.add(remembered)
        numbers, added = self._add(bindings)
        accepted = [
            each
            if isinstance(each, NoRoom)
            else Accepted(each[0], each[2] - each[1], bisect_right(numbers, each[2]) - bisect_right(numbers, each[1]))
            for each in counted
        ]
        names = {i: destination for destination, i in self._ids.items()}
        return accepted, Counter({names[i]: rows for i, rows in Counter(added).items()})

    def due(self, wants: Sequence[Want]) -> list[list[tuple[int, str]] | None]:
        """For each want, numbers and values of rows in the order of their arrival; None if its target has enough."""
        sql = "SELECT number, value FROM pending WHERE destination=? ORDER BY number LIMIT ?"
        return [
            None
            if target and self._tables.may_start(target, ahead)
            else self._sql(sql, (self._id(destination), limit)).fetchall()
            for destination, limit, target, ahead in wants
        ]

    def move(self, moves: Sequence[Move]) -> tuple[Asked, dict[Destination, float | None]]:
        """Put jobs in the place of rows. Returns since when the first of those left waits, by destination."""
        waiting: list[Job] = []
        covered = again = 0
        left: dict[Destination, float | None] = {}
        for destination, last, _, jobs, rejected in moves:
            asked = self._tables.ask(jobs)
            waiting += asked.waiting
            covered, again = covered + asked.covered, again + asked.again
            self._tables.sources.reject(rejected)
            i = self._id(destination)
            self._sql("DELETE FROM pending WHERE destination=? AND number<=?", (i, last))
            first = self._sql(
                "SELECT arrived FROM pending WHERE destination=? ORDER BY number LIMIT 1", (i,)
            ).fetchone()
            left[destination] = first[0] if first else None
        return Asked(waiting, covered, again), left

    def _add(self, bindings: Sequence[tuple[int, int, float, str]]) -> tuple[list[int], list[int]]:
        """Have rows wait that do not yet. Returns their numbers, ascending, and the destination of each."""
        if not bindings:
            return [], []
        before = self._changes()
        self._sql_for_each("INSERT INTO pending VALUES (?,?,?,?) ON CONFLICT (destination, value) DO NOTHING", bindings)
        if self._changes() - before == len(bindings):  # asking which they are takes longer than adding them
            return [number for _, number, _, _ in bindings], [i for i, _, _, _ in bindings]
        first = bindings[0][1]
        sql = "SELECT number, destination FROM pending WHERE destination=? AND number >= ?"
        added = sorted(self._sql_for_each(sql, [(i, first) for i in {i for i, _, _, _ in bindings}]))
        return [number for number, _ in added], [i for _, i in added]

    def _waits(self, destination: Destination, value: str) -> bool:
        sql = "SELECT 1 FROM pending WHERE destination=? AND value=?"
        return destination in self._ids and bool(self._sql(sql, (self._ids[destination], value)).fetchone())

    def _id(self, destination: Destination) -> int:
        known = self._ids.get(destination)
        if known is None:
            sql = "INSERT INTO destination (kind, fixed) VALUES (?,?) RETURNING id"
            row = self._sql(sql, (destination.kind, orjson.dumps(destination.fixed).decode())).fetchone()
            known = self._ids[destination] = int(row[0])
        return known


def _news(
    delivery: Delivery, digests: Sequence[int | None], fresh: Collection[int]
) -> tuple[set[int], list[tuple[Destination, str]], int]:
    """The new ids of a delivery, the rows of its events that are new, and how many are not."""
    ids: set[int] = set()
    rows: list[tuple[Destination, str]] = []
    repeated = 0
    for (_, made), digest in zip(delivery.events, digests, strict=True):
        if digest is None:
            rows += made
        elif digest in fresh and digest not in ids:
            ids.add(digest)
            rows += made
        else:
            repeated += 1
    return ids, rows, repeated
