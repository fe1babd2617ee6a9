"""What is there at the cloud of something that is to be created once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from engine.clouds.creation import Creation, Existing
from engine.engine import Engine
from engine.errors import CallError, ProtocolError, TargetError
from engine.intents import Absence, Patience, Sight, choose, sight

MAX_PAGES = 101  # the offset ends at 10,000


class Lookup:
    """Looks for one creation in one account. Every method raises `CallError` if the cloud cannot be asked."""

    def __init__(
        self,
        engine: Engine,
        creation: Creation,
        account: str,
        patience: Patience,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self.creation = creation
        self.account = account
        self._engine = engine
        self._patience = patience
        self._clock = clock
        self._sleep = sleep
        self._unsure_s = creation.unsure_s if patience.unsure_s is None else patience.unsure_s

    async def sight(self, token: str) -> Sight:
        things: list[Existing] = []
        listed, total = 0, None
        for _ in range(MAX_PAGES):
            answer = await self._engine.do(self.creation.listing(listed), self.account)
            page = self.creation.page(answer, token)
            things += page.things
            listed, total = listed + page.listed, page.total
            if total is None or listed >= total or not page.listed:
                break
        return sight(things, listed, total)

    async def lost(self, token: str) -> Existing | None:
        """What a lost request created; None once listings have lacked it for long enough."""
        absence, began, pause_s = Absence(), self._clock(), self._patience.look_s
        while True:
            seen = await self.sight(token)
            if kept := choose(seen).kept:
                return kept
            now = self._clock()
            absence = absence.again(now) if seen.whole else absence
            if absence.proven(now, self._unsure_s):
                return None
            if now - began > self._patience.give_up_s + self._unsure_s:
                raise ProtocolError(
                    f"whether the {self.creation.noun} was created cannot be told: the listings contradict "
                    "themselves; run it again later",
                    cloud=self.creation.operation.cloud,
                    operation=type(self.creation.operation).__name__,
                )
            await self._sleep(pause_s)
            pause_s = min(pause_s * 2, self._patience.most_s, max(self._unsure_s / 2, 0.001))

    async def alike(self, token: str) -> Existing | None:
        """What is wanted, if it is there already, whoever created it."""
        alike = [thing for thing in (await self.sight(token)).things if thing.alike]
        return min(alike, key=lambda thing: (thing.born, thing.id), default=None)

    async def there(self, thing: str) -> bool:
        try:
            await self._engine.do(self.creation.probe(thing, self._clock()), self.account)
        except TargetError:
            return False
        return True

    async def removed(self, thing: str) -> bool:
        """Delete one that was created a second time, if nobody has begun to use it."""
        try:
            probed = await self._engine.do(self.creation.probe(thing, self._clock()), self.account)
            steps = self.creation.undo(thing, probed)
            for step in steps:
                await self._engine.do(step, self.account)
        except TargetError:
            return True
        except CallError:
            return False
        return bool(steps)
