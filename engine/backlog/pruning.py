"""Forgets jobs that ended long ago, a slice at a time, so that the file does not grow without end.

Jobs are looked at in the order in which they came. No index helps: it would cost every job more than this does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import apsw

from engine.backlog import Divider
from engine.backlog.failed_rows import FailedRows
from engine.backlog.tally import TallyTable
from engine.model import Job, State, Target

SLICE = 500  # jobs in one transaction: whoever waits for the next one is not to wait long
PAGES = 200  # that are given back in one transaction
SPARE_PAGES = 1024  # that are kept, to be used again, however small the file is
ENDED = (State.SUCCEEDED, State.ACCEPTED, State.DIVIDED)


class Keep(NamedTuple):
    """What is to stay. Times are seconds since the epoch."""

    ended_after: float
    ended_jobs: int  # of them, the last so many
    failed_after: float
    rejected: int  # rejected rows of each source, the last so many


class Pruned(NamedTuple):
    """What one slice came to. `after` is where the next one begins; None: all jobs were looked at."""

    jobs: int
    after: int | None


class Pruning:
    """The SQL of it. Everything here runs in the writer's thread, inside its transaction."""

    def __init__(self, connection: apsw.Connection, dividers: Mapping[str, Divider]) -> None:
        self._sql: Callable[..., Any] = connection.execute
        self._sql_for_each: Callable[..., Any] = connection.executemany
        self._tally = TallyTable(self._sql)
        self._failed = FailedRows(connection, self._tally, dividers)

    def prune(self, keep: Keep, after: int) -> Pruned:
        """Forget those of the next jobs that need not stay."""
        self._tally.drop()  # what a transaction that came to nothing has left
        rows = self._sql(
            # The very last job stays: its number would be given again, and claims go by numbers.
            "SELECT id, target, state, rows, due FROM job WHERE id > ? AND id < (SELECT max(id) FROM job) "
            "ORDER BY id LIMIT ?",
            (after, SLICE),
        ).fetchall()
        many = self._sql("SELECT coalesce(sum(jobs), 0) FROM tally WHERE state IN (2, 3, 5)").fetchone()[0]
        excess = many - keep.ended_jobs
        forgotten: list[tuple[int]] = []
        for job, target, state, number, due in rows:
            if state in ENDED and (due < keep.ended_after or excess > 0):
                excess -= 1
            elif state == State.FAILED and due < keep.failed_after:
                self._forget_failed(job)
            else:
                continue
            forgotten.append((job,))
            self._tally.add(target, State(state), -1, -number)
        self._sql_for_each("DELETE FROM job WHERE id=?", forgotten)
        self._tally.write()
        if rows:
            return Pruned(len(forgotten), rows[-1][0])
        self._forget_rejected(keep.rejected)
        return Pruned(0, None)

    def give_back(self, least: int | None = None) -> bool:
        """Give unused pages back, from the end of the file, while there are more than `least`, or than a quarter of it.

        Returns whether there may be more.
        """
        unused, pages = (self._sql(f"PRAGMA {name}").fetchone()[0] for name in ("freelist_count", "page_count"))
        if unused <= (max(SPARE_PAGES, pages // 4) if least is None else least):
            return False
        self._sql(f"PRAGMA incremental_vacuum({PAGES})").fetchall()
        return bool(self._sql("PRAGMA freelist_count").fetchone()[0] < unused)  # else the file was not made for it

    def _forget_failed(self, job: int) -> None:
        sql = (
            "SELECT key, payload, rows, cloud, account, name FROM job JOIN target ON target.id = target WHERE job.id=?"
        )
        key, payload, rows, *target = self._sql(sql, (job,)).fetchone()
        self._failed.forget(Job(key, Target(*target), payload or b"", rows, job))

    def _forget_rejected(self, most: int) -> None:
        for (source,) in self._sql("SELECT DISTINCT source FROM rejected").fetchall():
            nth = "SELECT line FROM rejected WHERE source=?1 ORDER BY line DESC LIMIT 1 OFFSET ?2"
            self._sql(f"DELETE FROM rejected WHERE source=?1 AND line <= ({nth})", (source, most))  # noqa: S608
