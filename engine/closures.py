"""The targets of one account that their cloud says cannot be used, while that is hoped to change."""

from __future__ import annotations

from asyncio import TaskGroup
from collections.abc import Awaitable, Callable

from engine.rest import LeftAlone, Rest
from engine.targets import TargetQueue


class Closures:
    """Leaves closed targets alone, each with its jobs, and has one after the other looked at again."""

    def __init__(
        self,
        first_s: float,
        look: Callable[[TargetQueue], Awaitable[None]],
        opened: Callable[[TargetQueue], None],
    ) -> None:
        """`look` takes `closed` off a target that may be of use again; `opened` is told of it then."""
        self._first_s = first_s
        self._look = look
        self._opened = opened
        self._rests: dict[TargetQueue, Rest] = {}
        self._resting: set[TargetQueue] = set()

    def begin(self, queue: TargetQueue, group: TaskGroup) -> None:
        """A target is closed. May be told again."""
        if queue not in self._resting:
            self._resting.add(queue)
            rest = self._rests.setdefault(queue, Rest(self._first_s))
            group.create_task(self._leave_alone(queue, rest))

    def cut(self) -> None:
        """Something has changed: look at all of them now."""
        for queue in self._resting:
            self._rests[queue].cut()

    def __contains__(self, queue: TargetQueue) -> bool:
        return queue in self._resting

    @property
    def left_alone(self) -> list[LeftAlone]:
        return [
            LeftAlone(queue.target.account, queue.target.name, str(queue.closed), self._rests[queue].until)
            for queue in self._resting
            if queue.closed
        ]

    async def _leave_alone(self, queue: TargetQueue, rest: Rest) -> None:
        while queue.closed:
            await rest.take()
            await self._look(queue)
        self._resting.discard(queue)
        queue.room.try_out()
        self._opened(queue)
