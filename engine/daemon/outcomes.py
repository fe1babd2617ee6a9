"""What became of jobs: rows are counted, and of those that failed the log tells, however many they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from engine.backlog.standing import rows_of
from engine.daemon.log import Log
from engine.model import Finished, State, Target
from engine.report import named
from engine.settler import Ending


@dataclass(slots=True)
class _Failed:
    """Jobs that failed alike."""

    first: Finished
    jobs: int = 0
    rows: int = 0


class Outcomes:
    """Since the process began."""

    def __init__(self, log: Log) -> None:
        self.rows: Counter[tuple[str, str]] = Counter()  # by account and state
        self._log = log
        self._failed: dict[tuple[Target, str], _Failed] = {}  # of which the log has not told yet

    def count(self, batch: Sequence[Ending]) -> None:
        for ending in batch:
            if not isinstance(ending, Finished):
                continue
            job = ending.job
            self.rows[job.target.account, ending.state.name.lower()] += job.rows
            if ending.state is State.FAILED:
                failed = self._failed.setdefault((job.target, ending.code), _Failed(ending))
                failed.jobs += 1
                failed.rows += job.rows

    def tell(self) -> None:
        """Have the log name a target and a code once, with the first of its failures. The backlog has them all."""
        told, self._failed = self._failed, {}
        for (target, code), failed in told.items():
            row = next(iter(rows_of(failed.first.job)), None)
            self._log.event(
                "failed",
                account=target.account,
                target=target.name,
                jobs=failed.jobs,
                rows=failed.rows,
                code=code,
                why=failed.first.why,
                row=named(row) if row else {},
            )
