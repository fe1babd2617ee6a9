"""POST /v1/lanes/ACCOUNT/OPERATION/pause and .../resume."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from engine.daemon.http_head import Head, Response, json_response, refusal
from engine.engine import Engine
from engine.errors import BacklogError
from engine.model import Lane


class HeldLanes:
    """Lanes that an operator has paused, until an operator resumes them: not before, whoever is started anew."""

    def __init__(self, engine: Engine, names: set[str]) -> None:
        """`names` is what runs of the engine go by, when they open their lanes."""
        self._engine = engine
        self._names = names

    async def recall(self, lanes: Iterable[Lane]) -> None:
        for lane in lanes:
            if await self._engine.backlog.recall(_name(lane)):
                self._names.add(str(lane))

    async def set(self, lane: Lane, *, hold: bool) -> None:
        """Raises BacklogError: it could not be remembered, and nothing has changed."""
        await self._engine.backlog.remember(_name(lane), "yes" if hold else "")
        (self._names.add if hold else self._names.discard)(str(lane))
        run = self._engine.current
        for control in run.lanes if run else ():
            if control.lane == lane:
                (control.hold if hold else control.release)()


class LaneSwitch:
    """An endpoint. What is in flight goes on to its end; what waits, waits."""

    methods: Collection[str] = ("POST",)
    vouched = True

    def __init__(self, guard: Callable[[Head], Response | None], held: HeldLanes, lane: Lane, *, hold: bool) -> None:
        self._guard = guard
        self._held = held
        self._lane = lane
        self._hold = hold

    def admit(self, head: Head) -> Response | None:
        return self._guard(head)

    async def answer(self, head: Head, body: bytes) -> Response:
        try:
            await self._held.set(self._lane, hold=self._hold)
        except BacklogError as error:
            return refusal(503, str(error))
        return json_response(200, {"lane": str(self._lane), "paused": self._hold})


def _name(lane: Lane) -> str:
    """Under which the backlog remembers whether it is held."""
    return f"held {lane}"
