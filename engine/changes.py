"""Brings things into a state, follows them there, and never lets an old wish undo a newer one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from random import random

from engine.clouds.change import Change, once
from engine.desired import Desired
from engine.engine import Engine
from engine.errors import CallError
from engine.intents import Absence, Patience, Verdict, verdict, whose
from engine.retry import Backoff


@dataclass(frozen=True, slots=True)
class Changed:
    """How a change went.

    `how` is ``done``, ``already`` (it was so before) or ``superseded`` (a newer wish for the same subject came before
    this one was carried out, and holds).
    """

    how: str
    task: str = ""  # the cloud's task that does the work; "" if there is none, or its id was lost
    settled_at: float = 0.0  # until then a lost, older request may undo it (seconds since the epoch); 0: none can


class Changes:
    """Changes things in the name of an engine's accounts; the order of wishes is recorded in its `intents`."""

    def __init__(
        self, engine: Engine, patience: Patience | None = None, told: Callable[[str], None] = lambda _text: None
    ) -> None:
        """`told` hears what is waited for, when that takes long."""
        self._engine = engine
        self._patience = patience or Patience()
        self._told = told
        self._wished: dict[str, int] = {}  # the generation of our newest wish, by subject

    async def bring(self, change: Change, account: str = "") -> Changed:
        """Bring the subject into the state, unless it is there.

        Raises:
            CallError: the cloud refuses, or gives no valid answer for too long.
            BacklogError: it cannot be recorded, or another process goes on changing the same.
        """
        key = self._key(change, account)
        generation = self._wished[key] = await self._wish(key, change)
        return await self._bring(change, account, key, generation)

    async def hold(self, change: Change, account: str = "") -> Changed:
        """Stay after `bring` until no lost request can undo the change, and repeat it whenever one did. What cannot be
        looked at is repeated once, at the end. The task is that of the last repeat."""
        key, task = self._key(change, account), ""
        while True:
            settled_at = (await self._recall(key)).settled_at(self._patience.settle_s)
            over = time.time() >= settled_at
            if over or change.look:
                done = await self._bring(change, account, key, self._wished[key])
                task = done.task or task
                if over or done.how == "superseded":
                    return replace(done, task=task, settled_at=0.0)
            await asyncio.sleep(max(0.001, min(settled_at - time.time(), self._patience.most_s)))

    async def follow(self, change: Change, changed: Changed, account: str = "") -> bool:
        """Wait until the subject has reached the state, or its task has ended; False if that failed.

        There is no end to it but the caller's: ``asyncio.timeout``.
        """
        pause_s = self._patience.look_s
        while True:
            if changed.task and change.progress:
                ended = change.ended(await self._engine.do(change.progress(changed.task), account))
            else:
                ended = change.look is None or await self._reached(change, account) or None
            if ended is not None:
                return ended
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 1.5, self._patience.most_s / 2)

    async def _bring(self, change: Change, account: str, key: str, generation: int) -> Changed:
        backoff = Backoff(self._patience.look_s / 2, self._patience.most_s)
        unsure = False
        for number in count(1):
            async with self._engine.intents.claimed(key, self._told) if key else nullcontext():
                wish = await self._recall(key)
                settled_at = wish.settled_at(self._patience.settle_s)
                in_doubt = unsure or change.state in wish.lost  # by this process, or one before it
                if await self._reached(change, account) or (in_doubt and await self._reached_yet(change, account)):
                    return Changed("done" if unsure else "already", settled_at=settled_at)
                if not await self._update(key, generation, lambda now: now.sending(change.state, time.time())):
                    return Changed("superseded")
                try:
                    answer = await self._engine.do(once(change.act), account)
                except CallError as error:
                    failure, judged = error, verdict(error)
                else:
                    await self._update(key, None, partial(Desired.answered, state=change.state, before=wish))
                    return Changed("done", change.task(answer), settled_at)
                if judged is not Verdict.IN_DOUBT:
                    await self._update(key, None, partial(Desired.answered, state=change.state, before=wish))
                if failure.code in change.proving:
                    return Changed("done" if unsure else "already", settled_at=settled_at)
                taken = failure.code in change.taken
                if taken and (unsure or await self._reached(change, account)):
                    return Changed("done" if unsure else "already", settled_at=settled_at)
                if judged is Verdict.REFUSED or number == self._patience.attempts:
                    raise failure
                unsure = unsure or judged is Verdict.IN_DOUBT
            pause_s = max(0.001, backoff.delay_s(number, random(), failure.retry_after_s))  # noqa: S311
            self._told(f"{failure}: looked at again in {pause_s:.1f} s")
            await asyncio.sleep(pause_s)
        raise AssertionError("unreachable")

    async def _reached(self, change: Change, account: str) -> bool:
        if change.look is None:
            return False
        return change.reached(await self._engine.do(change.look(time.time()), account))

    async def _reached_yet(self, change: Change, account: str) -> bool:
        """Whether what was lost takes effect, given time."""
        absence, pause_s = Absence(), self._patience.look_s
        unsure_s = change.unsure_s if self._patience.unsure_s is None else self._patience.unsure_s
        if change.look and change.unsure_s:
            self._told(f"an answer was lost: whether it is {change.state} is looked up, for {unsure_s:g} s at least")
        while change.look and change.unsure_s:
            asked = time.time()  # the answer tells nothing of what happened after it was asked for
            if await self._reached(change, account):
                return True
            absence = absence.again(asked)
            if absence.proven(asked, unsure_s):
                break
            await asyncio.sleep(pause_s)
        return False

    def _key(self, change: Change, account: str) -> str:
        if not change.subject:
            return ""
        cloud = change.act.cloud
        name, region = whose(self._engine.accounts, cloud, account)
        return f"desired {cloud} {name} {region} {change.subject}"

    async def _wish(self, key: str, change: Change) -> int:
        made = Desired()

        def newer(wish: Desired) -> Desired:
            nonlocal made
            made = wish.newer(change.state, time.time(), self._patience.settle_s)
            return made

        await self._update(key, None, newer)
        return made.generation

    async def _update(self, key: str, generation: int | None, update: Callable[[Desired], Desired]) -> bool:
        """Record what `update` makes of the newest wish; False if that is not of the `generation`."""
        if not key:
            return True

        def updated(text: str | None) -> str | None:
            wish = Desired.load(text)
            return update(wish).dump() if generation in {None, wish.generation} else None

        return await self._engine.intents.update(key, updated)

    async def _recall(self, key: str) -> Desired:
        return Desired.load(await self._engine.intents.recall(key)) if key else Desired()
