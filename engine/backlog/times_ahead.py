"""Times that a clock has put down which was ahead: of a machine whose own was wrong until NTP set it right.

Jobs would wait until then, and failures of then stay the latest ones. While a process lives its clock never runs back
(`engine.steady_clock`); the next one begins with the wall clock, and so with this. When tasks began stays as it is: it
may be the clock of now that is wrong, and a task that seems to be days old would be given up. Who follows one that has
yet to begin by the clock counts from now (`engine.polling`).
"""

from __future__ import annotations

from typing import Any

import apsw

from engine.retry import LONGEST_DELAY_S

SLICE = 10_000  # jobs in one transaction, so that the log stays short

_WAITING = "target = :target AND state = 0 AND due > :latest"
_FAILED = "state = 4 AND due > :now"
_IDS = """
UPDATE OR REPLACE seen SET generation = :now
WHERE (generation, id) IN (SELECT generation, id FROM seen WHERE generation > :now LIMIT :slice)
"""


def bring_back(connection: apsw.Connection, now: float) -> None:
    """Have jobs be due now that wait for longer than any is ever put off; let none have failed later than now.

    Costs a step in an index for each target, and one.
    """
    _set_due(connection, _FAILED, now=now)
    _in_slices(connection, _IDS, now=int(now), slice=SLICE)
    for (target,) in connection.execute("SELECT id FROM target").fetchall():
        _set_due(connection, _WAITING, now=now, target=target, latest=now + LONGEST_DELAY_S)


def _set_due(connection: apsw.Connection, those: str, **bindings: Any) -> None:
    which = f"SELECT id FROM job WHERE {those} ORDER BY due, id LIMIT {SLICE}"  # noqa: S608
    _in_slices(connection, f"UPDATE job SET due = :now WHERE id IN ({which})", **bindings)  # noqa: S608


def _in_slices(connection: apsw.Connection, sql: str, **bindings: Any) -> None:
    changes = -1
    while changes != (changes := connection.total_changes()):
        connection.execute(sql, bindings)
