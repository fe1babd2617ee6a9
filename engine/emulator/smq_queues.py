"""Queues of SMQ: a message that is received is out of sight for a while, and comes again unless it is deleted."""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from dataclasses import dataclass, field
from itertools import count
from secrets import token_hex

from .clock import Clock

VISIBILITY_S = 30.0  # of a queue that was made without saying
PRIORITY = 8


@dataclass(slots=True, eq=False)
class Message:
    body: str
    enqueued_ms: int
    id: str = field(default_factory=lambda: token_hex(16).upper())
    handle: str = ""  # of its last delivery; no other is good
    deliveries: int = 0
    first_delivered_ms: int = 0
    visible_ms: int = 0
    visible_at: float = 0.0  # monotonic


class Queue:
    def __init__(self, clock: Clock, visibility_s: float, wait_s: float) -> None:
        self.visibility_s = visibility_s
        self.wait_s = wait_s  # of a request that does not say
        self._clock = clock
        self._active: deque[Message] = deque()
        self._hidden: list[tuple[float, int, Message]] = []  # a heap: the next to be seen again is the first
        self._held: dict[str, Message] = {}  # by handle
        self._order = count()
        self._sent = asyncio.Event()

    @property
    def active(self) -> int:
        self._wake()
        return len(self._active)

    @property
    def inactive(self) -> int:
        self._wake()
        return len(self._held)

    def send(self, body: str) -> Message:
        message = Message(body, self._now_ms())
        self._active.append(message)
        self._sent.set()
        return message

    def receive(self, most: int) -> list[Message]:
        self._wake()
        now_ms, until = self._now_ms(), self._clock.elapsed() + self.visibility_s
        received = [self._active.popleft() for _ in range(min(most, len(self._active)))]
        for message in received:
            message.deliveries += 1
            message.handle = f"{message.deliveries}-{token_hex(12)}"
            message.first_delivered_ms = message.first_delivered_ms or now_ms
            message.visible_ms, message.visible_at = now_ms + int(self.visibility_s * 1000), until
            self._held[message.handle] = message
            heapq.heappush(self._hidden, (until, next(self._order), message))
        return received

    def delete(self, handle: str) -> bool:
        """False if the handle is no longer good."""
        self._wake()
        return self._held.pop(handle, None) is not None

    async def arrival(self, wait_s: float) -> None:
        """Return when there is a message to be received, or the time is over."""
        until = self._clock.elapsed() + wait_s
        while not self.active and (left_s := until - self._clock.elapsed()) > 0:
            self._sent.clear()
            if self._hidden:
                left_s = min(left_s, max(0.001, self._hidden[0][0] - self._clock.elapsed()))
            try:
                async with asyncio.timeout(left_s):
                    await self._sent.wait()
            except TimeoutError:
                continue

    def _wake(self) -> None:
        now = self._clock.elapsed()
        while self._hidden and self._hidden[0][0] <= now:
            _, _, message = heapq.heappop(self._hidden)
            if self._held.pop(message.handle, None):  # else it was deleted
                self._active.append(message)

    def _now_ms(self) -> int:
        return int(self._clock.now() * 1000)
