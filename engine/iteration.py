"""A caller's loop over a run, and the task behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from typing import Any, TypeVar
from weakref import ref

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream

from engine.feed import Rows
from engine.run import Run, Supply
from engine.settler import Ending

Item = TypeVar("Item")


class Loop:
    """Whether a caller still loops. A loop was left when nobody holds its iterator any more, as after a `break`; only
    later the event loop closes the iterator."""

    def over(self, iterator: AsyncGenerator[Item, None]) -> AsyncGenerator[Item, None]:
        self._iterator: Callable[[], Any] = ref(iterator)
        return iterator

    @property
    def going(self) -> bool:
        iterator = self._iterator()
        return iterator is not None and iterator.ag_frame is not None


class Work:
    """A run, the task that does it, and what it has not told yet."""

    def __init__(self, run: Run, rows: Rows | Supply, unread: MemoryObjectReceiveStream[list[Ending]]) -> None:
        self.task = asyncio.create_task(run.work(rows), name="syncmux run")
        self._run = run
        self._unread = unread

    async def end(self) -> None:
        """Drain the run if it is not over. May be called again, also at the same time."""
        self._run.drain()
        with anyio.move_on_after(self._run.options.drain_s), suppress(anyio.ClosedResourceError):
            async for _ in self._unread:  # for the caller, who has left: the engine waits until somebody has read
                pass
        self._unread.close()
        self.task.cancel()
        await asyncio.wait((self.task,))
        if not self.task.cancelled():
            self.task.exception()  # seen: either the caller was told, or has left
