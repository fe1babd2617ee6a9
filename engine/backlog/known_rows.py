"""How rows stand that are put and not taken in, because the backlog has them already."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

from engine.backlog import Put
from engine.backlog.failed_rows import FailedRows
from engine.model import Job, State, Target

_LIVE = (
    "SELECT key, payload, rows FROM job WHERE target=?1 AND state=0 UNION ALL "  # each by its own index
    "SELECT key, payload, rows FROM job WHERE target=?1 AND state=1"
)


class KnownRows:
    """Tells those of a put that have ended well from those that have yet to end. None of them stands as failed."""

    def __init__(self, sql: Callable[..., Any], failed: FailedRows, target: int, put: Put) -> None:
        self._sql = sql
        self._failed = failed
        self._target = target
        self._put = put
        self._under_way: Collection[bytes] | None = None

    def tell(self, job: Job, key: bytes) -> None:
        """Add to the put a job that has all or some of the rows of one in the backlog, whose key is given."""
        state, task = self._sql("SELECT state, coalesce(task, '') FROM job WHERE key=?", (key,)).fetchone()
        if State(state).live:
            self._put.live.append(replace(job, task=task) if task else job)
        elif state in {State.SUCCEEDED, State.ACCEPTED}:
            self._put.done.append(job)
        else:
            self._look_elsewhere(job)

    def _look_elsewhere(self, job: Job) -> None:
        """Other jobs have its rows, and which they are is not written down: look through those that are live."""
        if self._under_way is None:
            self._under_way = self._live_rows(job.target)
        live = [index for index, row in enumerate(self._failed.keys(job)) if row in self._under_way]
        first, rest = self._failed.divide(job, live) if live else (None, job)
        if first:
            self._put.live.append(first)
        if rest:
            self._put.done.append(rest)

    def _live_rows(self, target: Target) -> Collection[bytes]:
        live = (Job(key, target, payload, rows) for key, payload, rows in self._sql(_LIVE, (self._target,)))
        return {row for job in live for row in self._failed.keys(job)}
