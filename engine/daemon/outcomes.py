"""What became of jobs: rows are counted, and of those that failed the log tells, however many they are."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from engine.backlog.standing import rows_of
from engine.daemon.log import Log
from engine.model import Finished, State, Target
from engine.report import named
from engine.settler import Ending

NO_CHANCE = 3  # jobs that fail alike, one after the other
LINES = 20  # of the log, at a time, for targets of an account that failed alike


@dataclass(slots=True)
class _Failed:
    """Jobs that failed alike."""

    first: Finished
    jobs: int = 0
    rows: int = 0


@dataclass(slots=True)
class Streak:
    """What ended last at a target, as long as all of it failed with one code."""

    target: Target
    code: str
    why: str = ""  # of the last one
    jobs: int = 0


class Outcomes:
    """Since the process began."""

    def __init__(self, log: Log) -> None:
        self.rows: Counter[tuple[str, str]] = Counter()  # by account and state
        self._log = log
        self._streaks: dict[Target, Streak] = {}
        self._failed: dict[tuple[Target, str], _Failed] = {}  # of which the log has not told yet

    def count(self, batch: Sequence[Ending]) -> None:
        for ending in batch:
            if not isinstance(ending, Finished):
                continue
            job = ending.job
            self.rows[job.target.account, ending.state.name.lower()] += job.rows
            self._notice_streak(ending)
            if ending.state is State.FAILED:
                failed = self._failed.setdefault((job.target, ending.code), _Failed(ending))
                failed.jobs += 1
                failed.rows += job.rows

    def _notice_streak(self, ending: Finished) -> None:
        target = ending.job.target
        if ending.state is not State.FAILED or not ending.code:  # why tasks fail has none
            self._streaks.pop(target, None)
            return
        streak = self._streaks.get(target)
        if streak is None or streak.code != ending.code:
            streak = self._streaks[target] = Streak(target, ending.code)
        streak.jobs += 1
        streak.why = ending.why

    @property
    def streaks(self) -> list[Streak]:
        """Of targets where it cannot be chance any more."""
        return [streak for streak in self._streaks.values() if streak.jobs >= NO_CHANCE]

    def end_streaks(self) -> None:
        """What made jobs fail may have been mended."""
        self._streaks.clear()

    def tell(self) -> None:
        """Have the log name a target and a code once, with the first of its failures, and when many targets fail alike,
        those beyond the first together. The backlog has them all."""
        told, self._failed = self._failed, {}
        kinds: defaultdict[tuple[str, str], list[_Failed]] = defaultdict(list)
        for (target, code), failed in told.items():
            kinds[target.account, code].append(failed)
        for alike in kinds.values():
            for failed in alike[:LINES]:
                self._tell(failed, target=failed.first.job.target.name)
            if rest := alike[LINES:]:
                total = _Failed(rest[0].first, sum(each.jobs for each in rest), sum(each.rows for each in rest))
                self._tell(total, targets=len(rest))

    def _tell(self, failed: _Failed, **where: str | int) -> None:
        first = failed.first
        row = next(iter(rows_of(first.job)), None)
        self._log.event(
            "failed",
            account=first.job.target.account,
            **where,
            jobs=failed.jobs,
            rows=failed.rows,
            code=first.code,
            why=first.why,
            row=named(row) if row else {},
        )
