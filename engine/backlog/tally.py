"""How many jobs and rows stand in which state: kept with every change, so that counting does not read the jobs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from engine.backlog import Count
from engine.model import State


class TallyTable:
    """Changes are gathered, and written by `write` in the transaction of what they count."""

    def __init__(self, sql: Callable[..., Any]) -> None:
        self._sql = sql
        self._deltas: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0])

    def add(self, target: int, state: State, jobs: int, rows: int) -> None:
        delta = self._deltas[target, int(state)]  # the hash of a member of an enum is a call
        delta[0] += jobs
        delta[1] += rows

    def move(self, target: int, before: State, after: State, jobs: int, rows: int) -> None:
        """Jobs have changed their state."""
        if before is not after:
            self.add(target, before, -jobs, -rows)
            self.add(target, after, jobs, rows)

    def count(self, target: int, state: State) -> Count:
        """As it was last written."""
        row = self._sql("SELECT jobs, rows FROM tally WHERE target=? AND state=?", (target, int(state))).fetchone()
        return Count(*row) if row else Count()

    def may_start(self, target: int, least: int, now: float) -> bool:
        """Whether so many jobs of a target wait that are due. Goes through those that are put off, which are few as a
        rule; if they are many, through `least` of either kind at most."""
        spare = self.count(target, State.WAITING).jobs - least
        if spare < 0:
            return False
        sql = "SELECT 1 FROM job WHERE target=? AND state=0 AND due{}? LIMIT 1 OFFSET ?"
        if not self._sql(sql.format(">"), (target, now, min(spare, least))).fetchone():
            return True
        return bool(self._sql(sql.format("<="), (target, now, least - 1)).fetchone())

    def write(self) -> None:
        for (target, state), (jobs, rows) in self._deltas.items():
            self._sql(
                "INSERT INTO tally VALUES (?1, ?2, ?3, ?4) "
                "ON CONFLICT DO UPDATE SET jobs = jobs + ?3, rows = rows + ?4",
                (target, state, jobs, rows),
            )
        self._deltas.clear()

    def drop(self) -> None:
        """The transaction came to nothing."""
        self._deltas.clear()
