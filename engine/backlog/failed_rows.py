"""Which rows stand as failed, and in which job.

A row may come again in a job of other rows than the one in which it failed. The failed job gives it up then: every row
fails in one job at most, and a failed job holds just the rows that nobody has taken in again.

Nothing is looked up when a job succeeds: of a row that waited in two jobs at once, the failure is what stands.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import apsw

from engine.backlog import Divider
from engine.backlog.tally import TallyTable
from engine.model import Job, State, Target


class FailedRows:
    """The table of failed rows, by the keys that jobs of one row would have."""

    def __init__(self, connection: apsw.Connection, tally: TallyTable, dividers: Mapping[str, Divider]) -> None:
        self._sql: Callable[..., Any] = connection.execute
        self._sql_for_each: Callable[..., Any] = connection.executemany
        self._tally = tally
        self._dividers = dividers

    def add(self, target: int, job: Job) -> None:
        """A job has failed. What failed of it before, in another job, fails in this one now."""
        self.take(target, job)
        self._sql_for_each("INSERT INTO failed_row VALUES (?,?)", [(key, job.id) for key in self.keys(job)])

    def take(self, target: int, job: Job) -> list[int]:
        """Have failed jobs give up the rows that a job has; returns which of its rows had failed."""
        keys = self.keys(job)
        places = ",".join("?" * len(keys))
        sql = f"DELETE FROM failed_row WHERE key IN ({places}) RETURNING key, job"  # noqa: S608
        found: dict[bytes, int] = dict(self._sql(sql, keys).fetchall())
        for failed in set(found.values()):
            self._lessen(target, job.target, failed, found)
        return [index for index, key in enumerate(keys) if key in found]

    def forget(self, job: Job) -> None:
        """A failed job is no longer known."""
        self._sql_for_each("DELETE FROM failed_row WHERE key=? AND job=?", [(key, job.id) for key in self.keys(job)])

    def divide(self, job: Job, some: Sequence[int]) -> tuple[Job, Job | None]:
        """A job as two: that of some rows, such as those that failed, and that of the others if there are any."""
        others = sorted({*range(len(self.keys(job)))}.difference(some))
        if not others:
            return job, None
        divider = self._dividers[job.target.cloud]
        return divider.part(job, some), divider.part(job, others)

    def forget_retried(self) -> None:
        """Rows of jobs that have not failed any more."""
        self._sql("DELETE FROM failed_row WHERE job NOT IN (SELECT id FROM job WHERE state=4)")

    def _lessen(self, target_id: int, target: Target, failed: int, gone: Collection[bytes]) -> None:
        key, payload, rows = self._sql("SELECT key, payload, rows FROM job WHERE id=?", (failed,)).fetchone()
        job = Job(key, target, payload, rows)
        left = [index for index, row_key in enumerate(self.keys(job)) if row_key not in gone]
        if left:
            less = self._dividers[target.cloud].part(job, left)
            self._sql("UPDATE job SET payload=?, rows=? WHERE id=?", (less.payload, less.rows, failed))
            self._tally.add(target_id, State.FAILED, 0, less.rows - rows)
        else:
            self._sql("UPDATE job SET state=5, payload=NULL WHERE id=?", (failed,))
            self._tally.move(target_id, State.FAILED, State.DIVIDED, 1, rows)

    def keys(self, job: Job) -> Sequence[bytes]:
        """Of its rows."""
        divider = self._dividers.get(job.target.cloud)
        return divider.row_keys(job) if divider else (job.key,)
