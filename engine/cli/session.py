"""One command's work: inputs run one after the other in one engine, and counted together."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from engine.cli.output import Output
from engine.clouds import clouds
from engine.engine import Engine
from engine.errors import InputError
from engine.feed import Rows as Input
from engine.model import Finished, Row, State
from engine.report import MOST_NAMED, Lane, Rows, Share, Snapshot, merged, named
from engine.run import Run
from engine.settler import Ending

_LIVE = (State.WAITING, State.STARTED)


@dataclass(frozen=True, slots=True)
class Failed:
    """A row that failed this time."""

    row: Row
    why: str
    code: str


class Session:
    """What to show of the work is in `snapshot`, at any moment."""

    def __init__(self, engine: Engine, output: Output, *, resumable: bool = True) -> None:
        """`resumable`: the backlog is the user's, and another command can go on with it."""
        self.engine = engine
        self.output = output
        self.resumable = resumable
        self.failures: list[Failed] = []  # the first ones
        self.unreadable: list[tuple[str, InputError]] = []  # inputs that cannot be read at all
        self.cut_short = False  # there was more input
        self.stranded: Mapping[str, int] = {}  # rows that wait for accounts which are not configured
        self.failed_earlier = 0  # rows of the whole backlog, whatever their input, that still stand as failed
        self._began = time.monotonic()
        self._shares: dict[str, Share] = {}
        self._rows = Rows()  # of runs that have ended, as are the next two
        self._lanes: Sequence[Lane] = ()
        self._complete = True
        self._draining = False
        self._running = False
        self._ended = Rows()  # of the current run, as is the next
        self._left = 0

    async def run(self, name: str, rows: Input) -> None:
        """Work on one input, and on what is left in the backlog, to its end.

        Raises what `Engine.run` does, but InputError.
        """
        live = _LIVE if self.engine.options.wait else (State.WAITING,)
        self.stranded = await self._stranded(*live)
        self._left = await self._standing(*live) + sum(self.stranded.values())
        await self._look_back()
        if self._draining:
            self.cut_short = True
            return
        self._running, readable = True, True
        try:
            async with aclosing(self.engine.endings(rows)) as batches:
                async for batch in batches:
                    self._count(batch)
        except InputError as error:
            readable = False
            self.give_up(name, error)
        finally:
            ended = self.snapshot()
            self._rows, self._lanes, self._complete = ended.rows, ended.lanes, ended.complete or not readable
            self._running, self._ended, self._left = False, Rows(), 0
        await self._look_back()  # what failed earlier may be done by now

    def drain(self) -> None:
        """Begin nothing more, neither in this run nor in another."""
        self._draining = True
        self.engine.drain()

    def give_up(self, name: str, error: InputError) -> None:
        """An input cannot be read; the others go on."""
        self.unreadable.append((name, error))
        self.output.failure(error)

    @property
    def unfinished(self) -> bool:
        return self.cut_short or not self._complete or self._rows.done < self._rows.total

    def snapshot(self) -> Snapshot:
        rows, lanes, tasks, complete = self._rows, self._lanes, 0, self._complete
        run = self.engine.current
        if run and self._running:
            intake = run.feed.intake
            rows += replace(
                self._ended,
                earlier=max(0, intake.earlier - self._left),
                left=self._left,
                read=intake.read,
                rejected=intake.rejected,
                repeated=intake.repeated,
            )
            lanes = merged(lanes, _lanes(run))
            tasks = sum(starter.tasks for starter in run.starters.values())
            complete = run.fed
        return Snapshot(time.monotonic() - self._began, rows, complete, lanes, tasks, dict(self._shares))

    async def _look_back(self) -> None:
        self.failed_earlier = max(0, await self._standing(State.FAILED) - self._rows.failed)

    async def _standing(self, *states: State) -> int:
        """How many rows of our accounts the backlog has in these states."""
        ours = {(account.cloud, account.name) for account in self.engine.accounts}
        tally = await self.engine.backlog.tally()
        counted = [counts for target, counts in tally.items() if (target.cloud, target.account) in ours]
        return sum(count.rows for counts in counted for state, count in counts.items() if state in states)

    async def _stranded(self, *states: State) -> Mapping[str, int]:
        """How many rows of accounts that we do not have the backlog has in these states, by account."""
        ours = {(account.cloud, account.name) for account in self.engine.accounts}
        kinds = {account.cloud for account in self.engine.accounts}
        rows: Counter[str] = Counter()
        for target, counts in (await self.engine.backlog.tally()).items():
            if target.cloud in kinds and (target.cloud, target.account) not in ours:
                rows[target.account] += sum(count.rows for state, count in counts.items() if state in states)
        return +rows

    def _count(self, batch: Sequence[Ending]) -> None:
        number = dict.fromkeys((State.SUCCEEDED, State.ACCEPTED, State.FAILED), 0)
        for ending in batch:
            if not isinstance(ending, Finished):
                continue  # rejected and repeated rows: the intake has counted them
            job = ending.job
            number[ending.state] += job.rows
            cloud = clouds()[job.target.cloud]
            share = self._shares.get(cloud.name) or Share(cloud.noun, bool(cloud.poll_operation))
            self._shares[cloud.name] = replace(share, rows=share.rows + job.rows, jobs=share.jobs + 1)
            if ending.state is State.FAILED:
                self._tell(ending)
        self._ended += Rows(
            succeeded=number[State.SUCCEEDED], accepted=number[State.ACCEPTED], failed=number[State.FAILED]
        )

    def _tell(self, ending: Finished) -> None:
        for row in clouds()[ending.job.target.cloud].rows(ending.job):
            if len(self.failures) < MOST_NAMED:
                self.failures.append(Failed(row, ending.why, ending.code))
            self.output.event("failed", row=named(row), why=ending.why, code=ending.code)


def _lanes(run: Run) -> list[Lane]:
    starts = {starter.lane.lane for starter in run.starters.values()}
    now = time.monotonic()
    found = []
    for control in run.lanes:
        count, lane = control.count, control.lane
        trouble, error = "", control.health.last_error
        if error and control.health.sick:
            wait_s = control.paused_until - now
            trouble = f"{error.message}; " + (f"next try in {wait_s:,.0f} s" if wait_s >= 0.5 else "trying again")
        found.append(
            Lane(
                str(lane), lane.cloud, lane.operation, lane in starts, count.calls, count.throttled, count.busy,
                count.failed, count.told, control.in_flight, count.answered, error.message if error else "", trouble,
            )
        )  # fmt: skip
    return found
