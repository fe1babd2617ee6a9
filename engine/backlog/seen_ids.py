"""Ids of messages that came. Everything here runs in the writer's thread, inside its transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from typing import Any

import apsw

IDS_AT_ONCE = 500  # in one question
FORGOTTEN_AT_ONCE = 1_000  # old ids in one transaction; or twice as many as come with it, if those are more


class SeenIds:
    """They are kept for at least `remember_s`, by generations of that length: the last two."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.remember_s = 86_400.0
        self._sql: Callable[..., Any] = connection.execute
        self._sql_for_each: Callable[..., Any] = connection.executemany
        self._changes = connection.total_changes

    def load(self) -> None:
        """Take what is kept in memory from the file: at first, and after a transaction came to nothing."""
        self._began = self._newest("TRUE")  # the generation of ids that is added to, by when it began
        self._before = self._newest("generation < ?", self._began) if self._began else None

    def unknown(self, digests: Sequence[int], at: int) -> set[int]:
        """Which ids are new."""
        self.forget(at, max(FORGOTTEN_AT_ONCE, 2 * len(digests)))
        fresh = set(digests)
        for start in range(0, len(digests), IDS_AT_ONCE):
            asked = digests[start : start + IDS_AT_ONCE]
            sql = f"SELECT id FROM seen WHERE generation IN (?,?) AND id IN ({','.join('?' * len(asked))})"  # noqa: S608
            known = self._sql(sql, (self._before, self._began, *asked), can_cache=False)  # it would push others out
            fresh.difference_update([digest for (digest,) in known])
        return fresh

    def add(self, digests: Iterable[int]) -> None:
        """Those that `unknown` has just told are new."""
        self._sql_for_each("INSERT INTO seen VALUES (?,?)", [(self._began, digest) for digest in sorted(digests)])

    def forget(self, at: int, most: int = FORGOTTEN_AT_ONCE) -> bool:
        """A part of the generations before the last two. Returns whether there may be more."""
        if self._began is None or at - self._began >= self.remember_s:
            self._before, self._began = self._began, at
            # So that the next process knows, though nothing else may come by then. Of 2^64 messages one has this id.
            self._sql("INSERT INTO seen VALUES (?, 0)", (at,))
        sql = (
            "DELETE FROM seen WHERE (generation, id) IN (SELECT generation, id FROM seen WHERE generation < ? LIMIT ?)"
        )
        before = self._changes()
        self._sql(sql, (self._began if self._before is None else self._before, most))
        return self._changes() - before == most

    def _newest(self, which: str, *bindings: object) -> int | None:
        found: int | None = self._sql(f"SELECT max(generation) FROM seen WHERE {which}", bindings).fetchone()[0]  # noqa: S608
        return found


def digest_of(sender: str, event: str) -> int:
    """Two senders may give the same id. Of 64 bits, for what is remembered to be small: of a billion events, with ten
    million remembered, one is taken for another in one of two thousand such billions."""
    return int.from_bytes(blake2b(f"{sender}\0{event}".encode(), digest_size=8).digest(), signed=True)
