"""All accounts, examined at once: none waits for another, and none's trouble hides another's."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterable

from engine.doctor.configured import Described
from engine.doctor.examiner import Diagnosis, Examiner
from engine.transport import Transport

CHECK_S = 10.0  # for each check


async def examine(
    accounts: Iterable[Described], deadline_s: float = CHECK_S, *, clock: Callable[[], float] = time.time
) -> AsyncGenerator[Diagnosis, None]:
    """Examine accounts. Yields each diagnosis as soon as it is there; whoever hangs comes last.

    A check takes at most `deadline_s`. An account takes a few times that, as some checks build on others.
    """
    async with Transport(attempt_s=deadline_s) as transport:
        tasks = [asyncio.create_task(_diagnosis(one, transport, deadline_s, clock)) for one in accounts]
        try:
            for finished in asyncio.as_completed(tasks):
                yield await finished
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _diagnosis(one: Described, transport: Transport, deadline_s: float, clock: Callable[[], float]) -> Diagnosis:
    if one.account is None:
        return Diagnosis(one.name, one.cloud, [one.trouble] if one.trouble else [])
    return await Examiner(one.account, transport, deadline_s, clock, one.source).diagnosis()
