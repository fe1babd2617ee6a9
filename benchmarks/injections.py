"""Ways to make ours worse on purpose, to see whether the gate notices: see `benchmarks.power`."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import islice
from statistics import median
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

from benchmarks.meter import Meter
from benchmarks.model import Setup, Side, Turns

if TYPE_CHECKING:
    from engine.backlog.sqlite import SqliteBacklog
    from engine.client import Client

LEARNING = 6  # turns in the place of the first, to know what ours costs by itself
JOB_BYTES = 140  # about what a job takes on disk once it has ended


class Injection(NamedTuple):
    benchmark: str
    sides: tuple[str, ...]
    into: Callable[[Turns], Turns]


def injected(side: Side, setup: Setup) -> Turns:
    """The turns of a side, made worse if the setup says so."""
    injection = INJECTIONS.get(setup.injected)
    turns = side.turns(setup)
    return injection.into(turns) if injection and side.name in injection.sides else turns


def dearer_calls(share: float) -> Callable[[Turns], Turns]:
    """Every call burns more CPU, by a share of what it took before."""

    def into(turns: Turns) -> Turns:
        from engine.client import Client

        make = Client.call
        more_s = 0.0

        async def call(self: Client, *arguments: Any) -> Any:
            _burn(time.thread_time, more_s)
            return await make(self, *arguments)

        before = [sample["cpu_us"] for sample in islice(turns, LEARNING)]
        more_s = share * median(before) / 1e6
        Client.call = call  # type: ignore[method-assign, assignment]
        yield from turns

    return into


def dearer(share: float) -> Callable[[Turns], Turns]:
    """Whatever is measured burns more CPU at its end, by a share of what it took."""

    def into(turns: Turns) -> Turns:
        leave = Meter.__exit__

        def burn(
            self: Meter, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
        ) -> None:
            _burn(time.process_time, share * (time.process_time() - self._cpu_s))
            leave(self, kind, error, trace)

        Meter.__exit__ = burn  # type: ignore[method-assign]
        return turns

    return into


def polls_twice(turns: Turns) -> Turns:
    """Every question about tasks is asked twice."""
    from engine.client import Client

    make = Client.call

    async def call(self: Client, *arguments: Any) -> Any:
        if arguments[1].operation == "DescribeTasks":
            await make(self, *arguments)
        return await make(self, *arguments)

    Client.call = call  # type: ignore[method-assign, assignment]
    return turns


def pauses(times: float) -> Callable[[Turns], Turns]:
    """Running tasks are left alone for longer."""

    def into(turns: Turns) -> Turns:
        from engine.polling import Typical

        pause_s = Typical.pause_s
        Typical.pause_s = lambda self, age_s: times * pause_s(self, age_s)  # type: ignore[method-assign]
        return turns

    return into


def larger_jobs(share: float) -> Callable[[Turns], Turns]:
    """Every job leaves more bytes on disk."""

    def into(turns: Turns) -> Turns:
        from engine.backlog.sqlite import SqliteBacklog

        put = SqliteBacklog._put  # noqa: SLF001

        def padded(self: SqliteBacklog, jobs: Any, *more: Any) -> Any:
            self._tables._sql("CREATE TABLE IF NOT EXISTS padding (bytes BLOB)")  # noqa: SLF001
            padding = [(bytes(int(share * JOB_BYTES)),)] * len(jobs)
            self._tables._sql_for_each("INSERT INTO padding VALUES (?)", padding)  # noqa: SLF001
            return put(self, jobs, *more)

        SqliteBacklog._put = padded  # type: ignore[method-assign, assignment]  # noqa: SLF001
        return turns

    return into


def _burn(clock: Callable[[], float], seconds: float) -> None:
    until = clock() + seconds
    while clock() < until:
        pass


INJECTIONS = {
    "a call 5 % dearer": Injection("calls", ("ours",), dearer_calls(0.05)),
    "a call 10 % dearer": Injection("calls", ("ours",), dearer_calls(0.10)),
    "a call 20 % dearer": Injection("calls", ("ours",), dearer_calls(0.20)),
    "a call to an SDK's server 20 % dearer": Injection(
        "sdk", ("ours, to Alibaba", "ours, to Huawei"), dearer_calls(0.20)
    ),
    "a signature 10 % dearer": Injection("signers", ("RPC 1.0", "ACS3", "Huawei"), dearer(0.10)),
    "a permit 20 % dearer": Injection("lanes", ("ours, uvloop",), dearer(0.20)),
    "a job in the backlog 20 % dearer": Injection("backlog", ("on disk, depth 1,000",), dearer(0.20)),
    "a job 30 % larger on disk": Injection("backlog", ("on disk, depth 1,000",), larger_jobs(0.30)),
    "a row 10 % dearer": Injection("rows", ("CSV", "JSON lines"), dearer(0.10)),
    "a row 20 % dearer": Injection("rows", ("CSV", "JSON lines"), dearer(0.20)),
    "a key of many 20 % dearer": Injection("scale", ("50 thousand",), dearer(0.20)),
    "twice the polls": Injection("polling", ("ours", "ours, started throughout"), polls_twice),
    "tasks left alone for twice as long": Injection("polling", ("ours", "ours, started throughout"), pauses(2.0)),
}
