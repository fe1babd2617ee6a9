"""A client that loads the daemon from a process of its own, and writes down what was acknowledged.

    python -m tests.daemon.load --port 8470 --listener own --rate 1000 --events 10 --seconds 60

Messages fall due at equal intervals, whatever the answers do, and the time of an answer counts from the moment at which
its message was due: of a daemon that stalls, all complain who had to wait. (The event loop wakes once in a millisecond,
which the times include.)

When no connection is left, the daemon is down. Until there is one again nothing falls due. Messages that were under way
are sent again; their times count as `again`, not among those of the answers.

A line of the ledger is `NUMBER DUE SENT ANSWERED AGAIN`: of a message that was answered with 202, in monotonic seconds
(on Linux the same for every process). `messages.keys` tells which keys it named. At the end a summary is printed.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import signal
import time
from collections import Counter, deque
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple

import orjson
import uvloop

from tests.daemon.messages import FORMATS
from tests.daemon.sender import Message, Sender

RECONNECT_S = 0.02
AGAIN_S = 0.5  # after a refusal
TEMPORARY = {429, 503, 507}

_RETRY_AFTER = re.compile(rb"retry-after: (\d+)", re.IGNORECASE)


class Acknowledged(NamedTuple):
    """A line of the ledger."""

    number: int
    due: float
    sent: float  # for the first time
    answered: float
    again: bool  # it was under way when the daemon went down, and was sent more than once


def read_ledger(path: Path) -> list[Acknowledged]:
    fields = (line.split() for line in path.read_text().splitlines())
    return [
        Acknowledged(int(n), float(due), float(sent), float(at), again == "1") for n, due, sent, at, again in fields
    ]


def quantile(ascending: Sequence[float], share: float) -> float:
    return ascending[min(len(ascending) - 1, int(share * len(ascending)))]


class Load:
    def __init__(self, options: argparse.Namespace, ledger: IO[str]) -> None:
        self.head = (
            f"POST /v1/events/{options.listener} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n".encode()
        )
        self._options = options
        self._ledger = ledger
        self._make = FORMATS[options.format]
        self._due: deque[Message] = deque()
        self._open: set[Sender] = set()
        self._free: deque[Sender] = deque()
        self._under_way = 0  # messages that fell due and did not come to their end
        self._up = asyncio.Event()
        self._ended = asyncio.Event()
        self._stopping = False
        self._down_since: float | None = time.monotonic()  # until the first connection
        self._outages: list[float] = []
        self._answer_s: list[float] = []
        self._again_s: list[float] = []
        self._refused: Counter[int] = Counter()
        self._retry_after_s: list[int] = []

    def stop(self) -> None:
        """Have no more messages fall due."""
        self._stopping = True

    async def run(self) -> dict[str, Any]:
        keeping = [asyncio.create_task(self._keep_connected()) for _ in range(self._options.connections)]
        await self._up.wait()
        self._outages.clear()  # it was only not there yet
        began = time.monotonic()
        await self._schedule(began)
        self._stopping = True
        self._end()
        await self._ended.wait()
        took_s = time.monotonic() - began - sum(self._outages)
        for task in keeping:
            task.cancel()
        return self._summary(took_s)

    def connected(self, sender: Sender) -> None:
        if self._down_since is not None:
            self._outages.append(time.monotonic() - self._down_since)
            self._down_since = None
            self._up.set()
        self._open.add(sender)
        self.free(sender)

    def free(self, sender: Sender) -> None:
        self._free.append(sender)
        self._pump()

    def lost(self, sender: Sender) -> None:
        self._open.discard(sender)
        if sender in self._free:
            self._free.remove(sender)
        if sender.message:
            sender.message.again = True
            self._due.appendleft(sender.message)
        if not self._open:
            self._down_since = time.monotonic()
        self._pump()

    def answered(self, message: Message, status: int, head: bytes) -> None:
        now = time.monotonic()
        if status == 202:
            (self._again_s if message.again else self._answer_s).append(now - message.due)
            self._ledger.write(f"{message.number} {message.due:.6f} {message.sent:.6f} {now:.6f} {message.again:d}\n")
            self._end(1)
            return
        self._refused[status] += 1
        if retry_after := _RETRY_AFTER.search(head):
            self._retry_after_s.append(int(retry_after[1]))
        if status in TEMPORARY and not self._options.drop:
            asyncio.get_running_loop().call_later(AGAIN_S, self._again, message)
        else:
            self._end(1)

    def _end(self, messages: int = 0) -> None:
        self._under_way -= messages
        if self._stopping and not self._under_way:
            self._ended.set()

    def _again(self, message: Message) -> None:
        self._due.append(message)
        self._pump()

    def _pump(self) -> None:
        while self._free and self._due:
            self._free.popleft().send(self._due.popleft())

    async def _schedule(self, began: float) -> None:
        options = self._options
        per_s = options.rate / options.events
        for number in range(int(options.seconds * per_s)):
            body = self._make(options.tag, number, options.events)
            due = 0.0
            while (left_s := (due := began + number / per_s + sum(self._outages)) - time.monotonic()) > 0 or (
                not self._open
            ):
                if self._stopping:
                    return
                await asyncio.sleep(max(0.001, min(left_s, 0.1)))
            self._under_way += 1
            self._due.append(Message(number, due, body))
            self._pump()
            if number % 20 == 0:  # when it is late, answers are to be read all the same
                await asyncio.sleep(0)

    async def _keep_connected(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                _, sender = await loop.create_connection(lambda: Sender(self), "127.0.0.1", self._options.port)
                await sender.gone
            except OSError:
                pass
            await asyncio.sleep(RECONNECT_S)

    def _summary(self, took_s: float) -> dict[str, Any]:
        ascending = sorted(self._answer_s)
        number = len(ascending) + len(self._again_s)
        return {
            "messages": number,
            "events_per_s": round(number * self._options.events / took_s, 1),
            "answer_ms": {
                name: round(quantile(ascending, share) * 1000, 1)
                for name, share in (("p50", 0.5), ("p99", 0.99), ("p999", 0.999), ("max", 1.0))
                if ascending
            },
            "again": len(self._again_s),
            "outages_s": [round(each, 3) for each in self._outages],
            "refused": {str(status): n for status, n in self._refused.items()},
            "retry_after_s": [len(self._retry_after_s), min(self._retry_after_s, default=0),
                              max(self._retry_after_s, default=0)],
        }  # fmt: skip


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m tests.daemon.load", description=__doc__.partition("\n")[0])
    made.add_argument("--port", type=int, default=8470)
    made.add_argument("--listener", default="own")
    made.add_argument("--format", choices=FORMATS, default="lines")
    made.add_argument("--tag", default="load", help="keys and ids begin with it")
    made.add_argument("--rate", type=float, default=1000.0, help="events/s")
    made.add_argument("--events", type=int, default=1, help="in a message")
    made.add_argument("--seconds", type=float, default=10.0)
    made.add_argument("--connections", type=int, default=16)
    made.add_argument("--drop", action="store_true", help="never send again what was refused")
    made.add_argument("--ledger", type=Path, default=Path("acknowledged.txt"))
    return made


async def main(options: argparse.Namespace) -> None:
    with options.ledger.open("w") as ledger:
        load = Load(options, ledger)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, load.stop)
        summary = await load.run()
    print(orjson.dumps(summary).decode())


if __name__ == "__main__":
    uvloop.run(main(parser().parse_args()))
