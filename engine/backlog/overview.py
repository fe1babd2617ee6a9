"""How the backlog stands, in one look that costs little however much is in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from engine.backlog import Failure, Tally
from engine.backlog.tables import Tables
from engine.model import Job, Target

LATEST = 10  # failures

# One step in an index for each target, and one in the table for the job that was found.
_OLDEST = """
SELECT job.due, job.key, job.payload, job.rows, job.id, job.attempts, coalesce(job.why, ''),
       target.cloud, target.account, target.name
FROM target JOIN job ON job.id = (SELECT id FROM job WHERE target=target.id AND state=0 ORDER BY due, id LIMIT 1)
ORDER BY job.due LIMIT 1
"""


class Oldest(NamedTuple):
    """The job that has been due longest, since when, and why it was not done the last time."""

    job: Job
    since: float  # seconds since the epoch; later than now if it is not due yet
    why: str


class Overview(NamedTuple):
    tally: Tally
    oldest: Oldest | None  # None: none waits
    failures: list[Failure]  # the latest first


def overview(sql: Callable[..., Any], tables: Tables) -> Overview:
    """In the writer's thread."""
    return Overview(tables.tally(), _oldest(sql), tables.failures(None, LATEST, newest_first=True))


def _oldest(sql: Callable[..., Any]) -> Oldest | None:
    found = sql(_OLDEST).fetchone()
    if not found:
        return None
    since, key, payload, rows, number, attempts, why, *target = found
    return Oldest(Job(key, Target(*target), payload, rows, number, attempts), since, why)
