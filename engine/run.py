"""One run: everything that works at the same time, from its beginning to the last outcome."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from random import random

from anyio.streams.memory import MemoryObjectSendStream

from engine.backlog import Backlog, Count
from engine.client import Client
from engine.clouds import Cloud, clouds
from engine.errors import BacklogError, CallError, ConfigError
from engine.feed import Feed, Rows
from engine.lanes import LaneControl
from engine.model import Account, Lane, State
from engine.pace import Pace
from engine.poller import Poller
from engine.rest import LeftAlone, Rest
from engine.retry import Limits, reaction
from engine.settler import Ending, Settler
from engine.starter import Starter
from engine.window import Window

REMEMBER_EVERY_S = 60.0  # what was learnt of the clouds


@dataclass(frozen=True, slots=True)
class Options:
    """How an engine works."""

    rate: float | None = None  # calls/s of the operation that starts work, per account; None: learnt from the cloud
    concurrency: int | None = None  # calls in flight, per account and operation; None: as many as help
    batch: int = 10  # rows in a call, where a cloud takes several; OMS documents 10, and in another place 100
    window: int = 20_000  # jobs that every account may have outstanding before more input is read
    wait: bool = True  # follow tasks to their end; else a job ends when the cloud has taken it
    held: Collection[str] = ()  # names of lanes that send nothing until they are released
    drain_s: float = 40.0  # for what is in flight to end, when the run is asked to; longer than one attempt takes
    limits: Limits = field(default_factory=Limits)

    def at_rate(self, rate: float) -> Options:
        return replace(self, rate=rate)


class Supply(ABC):
    """Puts jobs into the backlog by itself, where rows would be read and planned by the run."""

    @abstractmethod
    async def feed(self, run: Run) -> None:
        """Go on until there is no more to come, or until cancelled. What was put is to be told to `run.feed.wake`."""


class Run:
    """The pumps of every account and what they share. `work` runs them until nothing is left to do."""

    def __init__(
        self,
        accounts: Sequence[Account],
        backlog: Backlog,
        client: Client,
        options: Options,
        endings: MemoryObjectSendStream[list[Ending]],
    ) -> None:
        self.stopped: dict[str, CallError | ConfigError] = {}  # accounts that could not go on, and why
        again_s = options.limits.again_s
        self._rests = {account.name: Rest(again_s) for account in accounts} if again_s is not None else {}
        self.prepared: set[str] = set()  # accounts whose pumps work, or have worked
        self._stops = {account.name: asyncio.Event() for account in accounts}
        self.draining = False
        self._accounts = accounts
        self._backlog = backlog
        self._client = client
        self.options = options
        self._endings = endings
        self._noticed = asyncio.Event()  # the run may have come to its end
        self.fed = False  # all rows of the input were read
        self._broke_off: Exception | None = None  # why there are no more
        self.window = Window(options.window, self._noticed.set)
        self.starters: dict[str, Starter] = {}
        self.pollers: dict[str, Poller] = {}
        names: dict[str, list[str]] = {}
        for account in accounts:
            names.setdefault(account.cloud, []).append(account.name)
        self.feed = Feed(backlog, self.starters, names, options.batch, self.window, endings, follows=options.wait)
        self._settler = Settler(backlog, self.window, endings, self._noticed, self.feed.wake)

    async def work(self, rows: Rows | Supply) -> None:
        """Take up what earlier runs left, read the rows, and work until every job has ended. Then raise what reading
        them raised."""
        with self._endings:
            for account in self._accounts:
                await self._open_lanes(account)
            await self._backlog.release()  # what a run before this one had in hand when it was left
            await self._take_up()
            if self.draining:  # asked for before there were lanes to close
                self.drain()
            async with asyncio.TaskGroup() as group:
                working = [group.create_task(self._work_for(account.name)) for account in self._accounts]
                beside = (self._settler.run(), self._feed(rows), self._learn())
                working += [group.create_task(each) for each in beside]
                while not self._ended:
                    self._noticed.clear()
                    if self._held_up:
                        self.window.widen()
                    await self._noticed.wait()
                for task in working:
                    task.cancel()
            await self._remember_rates()
        for name, starter in self.starters.items():
            if error := starter.denials.error:
                self.stopped.setdefault(name, error)
        if self._broke_off:
            raise self._broke_off

    @property
    def lanes(self) -> list[LaneControl]:
        return [pump.lane for pumps in (self.starters, self.pollers) for pump in pumps.values()]

    @property
    def _ended(self) -> bool:
        # Nobody is left to do what is still to be read, or it lies behind jobs of an account that cannot go on.
        in_vain = len(self.stopped) == len(self._accounts) or (bool(self.stopped) and self.window.full)
        return (self.fed or self.draining or (in_vain and not self._rests)) and self._idle

    @property
    def _held_up(self) -> bool:
        """Whether what is still to be read lies behind jobs of targets that the key has no rights to, and no others."""
        return self.window.full and self._idle and any(starter.denials.error for starter in self.starters.values())

    @property
    def _idle(self) -> bool:
        return self._settler.idle and all(starter.idle for starter in self.starters.values())

    def drain(self) -> None:
        """Begin nothing more. The run ends when what is in flight has ended and is recorded."""
        self.draining = True
        for lane in self.lanes:
            lane.closed = True
        self._noticed.set()

    async def _work_for(self, account: str) -> None:
        """Prepare one account and have its pumps work, until cancelled. What one waits for is no matter of others."""
        pumps = [pumps[account] for pumps in (self.starters, self.pollers) if account in pumps]
        working: list[asyncio.Task[None]] = []
        async with asyncio.TaskGroup() as group:
            while True:
                try:
                    await self._client.prepare(account)
                except (CallError, ConfigError) as error:
                    self.stopped.pop(account, None)
                    self.stop(account, error)
                else:
                    self._go_on(account)
                    working = working or [group.create_task(pump.run()) for pump in pumps]
                    self.prepared.add(account)
                if not self._rests:
                    return
                await self._stops[account].wait()
                await self._rest(account)

    def _go_on(self, account: str) -> None:
        if account in self.stopped and not self.draining:
            del self.stopped[account]
            self._stops[account].clear()
            self.starters[account].open()
            if account in self.pollers:
                self.pollers[account].lane.open()

    async def _rest(self, account: str) -> None:
        """Leave an account alone, but no longer than its credentials stay the same."""
        rest, error = self._rests[account], self.stopped[account]
        outage = isinstance(error, CallError) and reaction(error).sick
        renewing = asyncio.create_task(self._cut_when_renewed(account, rest))
        try:
            await rest.take(longer=not outage)
        finally:
            renewing.cancel()

    async def _cut_when_renewed(self, account: str, rest: Rest) -> None:
        if await self._client.renewed(account):
            rest.cut()

    def try_again(self) -> None:
        """What is left alone: something has changed."""
        for account, rest in self._rests.items():
            if account in self.stopped or account not in self.prepared:
                self._client.doubt(account)
                rest.cut()
        for starter in self.starters.values():
            starter.closures.cut()

    @property
    def preparing(self) -> set[str]:
        """The accounts that have not begun, nor had to stop."""
        return self._stops.keys() - self.prepared - self.stopped.keys()

    @property
    def left_alone(self) -> list[LeftAlone]:
        """The accounts and targets that cannot go on for now."""
        accounts = [
            LeftAlone(account, "", str(error), self._rests[account].until if self._rests else 0.0)
            for account, error in self.stopped.items()
        ]
        return accounts + [each for starter in self.starters.values() for each in starter.closures.left_alone]

    def stop(self, account: str, error: CallError | ConfigError) -> None:
        """Begin nothing more for one account, for now at least; the others go on."""
        self.stopped.setdefault(account, error)
        self._stops[account].set()
        for pumps in (self.starters, self.pollers):
            if account in pumps:
                pumps[account].lane.closed = True
        self._noticed.set()

    async def _feed(self, rows: Rows | Supply) -> None:
        if isinstance(rows, Supply):
            await rows.feed(self)
        else:
            try:
                await self.feed.run(rows)
            except BacklogError:
                raise
            except Exception as error:  # mostly of the caller's own code: what it gave before is worked on all the same
                self._broke_off = error
        self.fed = True
        self._noticed.set()

    async def _learn(self) -> None:
        """A run may last for months, and end without notice."""
        while True:
            await asyncio.sleep(REMEMBER_EVERY_S)
            await self._remember_rates()

    async def _remember_rates(self) -> None:
        for lane in self.lanes:
            if lane.pace.ceiling is None:  # else it is what the user allowed this time, not what was learnt
                await self._backlog.remember(f"rate {lane.lane}", str(lane.pace.rate))

    async def _open_lanes(self, account: Account) -> None:
        cloud = clouds()[account.cloud]
        options = self.options
        poller = None
        if cloud.poll_operation and options.wait:
            lane = await self._lane(cloud, account.name, cloud.poll_operation, None)
            limits = options.limits
            poller = self.pollers[account.name] = Poller(
                cloud, account.name, lane, self._client, self._settler, limits, self.stop, self._backlog.clock
            )
        lane = await self._lane(cloud, account.name, cloud.start_operation, account.rate or options.rate)
        self.starters[account.name] = Starter(
            cloud, account.name, lane, self._backlog, self._client, self._settler, poller, options.limits,
            self.stop, self._noticed,
        )  # fmt: skip

    async def _lane(self, cloud: Cloud, account: str, operation: str, ceiling: float | None) -> LaneControl:
        lane = Lane(cloud.name, account, operation)
        learnt = await self._backlog.recall(f"rate {lane}")
        pace = Pace(float(learnt) if learnt else cloud.default_rate, ceiling)
        backoff_s = self.options.limits.backoff_s
        control = LaneControl(
            lane, pace, self.options.concurrency, backoff_s=backoff_s, random=random,
            accepted=partial(self._client.accepted, account),
        )  # fmt: skip
        if str(lane) in self.options.held:
            control.hold()
        return control

    async def _take_up(self) -> None:
        """Go on with what earlier runs left."""
        for target, states in (await self._backlog.tally()).items():
            if any(state.live for state in states) and target.account in self.starters:
                followed = State.STARTED in states and target.account in self.pollers
                tasks = await self._backlog.started(target) if followed else []
                waiting = states.get(State.WAITING, Count()).jobs
                self.window.change(target.account, len(tasks) + waiting)
                self.starters[target.account].take_up(target, tasks)
