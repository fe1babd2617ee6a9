"""Where every step of every job ends: outcomes are recorded in batches, and only then take effect."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from anyio.streams.memory import MemoryObjectSendStream

from engine.backlog import Backlog
from engine.model import Finished, Job, Outcome, Settlement, Split
from engine.window import Window

Ending: TypeAlias = Finished | Outcome
"""The end of a job, or of a row that never became one."""


class Origin(Protocol):
    """Whoever made the step."""

    def settled(self, settlement: Settlement) -> None:
        """The outcome is durable: free what the step held, and go on from it. Must not raise."""


class Settler:
    """Collects settlements while the backlog is writing, and gives it all of them at once."""

    def __init__(
        self,
        backlog: Backlog,
        window: Window,
        endings: MemoryObjectSendStream[list[Ending]],
        noticed: asyncio.Event,
        waits_again: Callable[[Sequence[Job]], None],
    ) -> None:
        """What ended goes to `endings`; a caller who does not read them makes the engine wait. `waits_again` is told
        of finished jobs that are to be done once more."""
        self._backlog = backlog
        self._window = window
        self._endings = endings
        self._noticed = noticed
        self._waits_again = waits_again
        self._pending: list[tuple[Settlement, Origin]] = []
        self._given = asyncio.Event()
        self._writing = False

    @property
    def idle(self) -> bool:
        return not self._pending and not self._writing

    def settle(self, settlement: Settlement, origin: Origin) -> None:
        self._pending.append((settlement, origin))
        self._given.set()

    async def run(self) -> None:
        """Record outcomes until cancelled."""
        while True:
            await self._given.wait()
            self._given.clear()
            batch, self._pending = self._pending, []
            self._writing = True
            again = await self._backlog.settle([settlement for settlement, _ in batch])
            ended: list[Ending] = []
            live: Counter[str] = Counter()  # jobs more, by account
            for settlement, origin in batch:
                origin.settled(settlement)
                if isinstance(settlement, Finished):
                    live[settlement.job.target.account] -= 1
                    ended.append(settlement)
                elif isinstance(settlement, Split):
                    live[settlement.job.target.account] += len(settlement.parts) - 1
            for account, jobs in live.items():
                self._window.change(account, jobs)
            if again:
                self._waits_again(again)
            if ended:
                await self._endings.send(ended)
            self._writing = False
            self._noticed.set()
