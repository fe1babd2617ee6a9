"""GET of one thing."""

from __future__ import annotations

from collections.abc import Callable, Collection

from engine.daemon.http_head import Head, Response


class View:
    """An endpoint that changes nothing. `guard` turns requests away, or None."""

    methods: Collection[str] = ("GET",)
    vouched = False  # anybody may look at some

    def __init__(self, guard: Callable[[Head], Response | None], look: Callable[[Head], Response]) -> None:
        self._guard = guard
        self._look = look

    def admit(self, head: Head) -> Response | None:
        return self._guard(head)

    async def answer(self, head: Head, body: bytes) -> Response:
        return self._look(head)
