"""The backlog: the engine's only memory. A job lives in it from its acceptance to its outcome.

What is written is the words of `engine.model`; no secret ever is, a job only names its account.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from engine.model import Job, Settlement, State, Target


class Rejected(NamedTuple):
    """A row that could not be used, and where it stood."""

    source: str
    line: int
    reason: str
    text: str


class Claim(NamedTuple):
    """Jobs to start, oldest first, and when the next one is due (None: the target has no other waiting job)."""

    jobs: list[Job]
    next_due: float | None


class Put(NamedTuple):
    """What became of jobs that were put. One whose rows fare differently stands as several, with some of them each."""

    waiting: list[Job]  # since now
    live: list[Job]  # were there already and have not ended; those that are started name their task
    done: list[Job]  # had ended well before


class Asked(NamedTuple):
    """What became of jobs that were asked for, whatever was done before."""

    waiting: list[Job]  # that did not wait before
    covered: int  # that wait already
    again: int  # that are under way: they wait once more when they end


class Failure(NamedTuple):
    """A failed job and what is known of its failure. Rows that were put again since are not in it any more."""

    job: Job
    code: str
    why: str
    at: float


class Divider(Protocol):
    """Tells the rows of a job apart: a cloud, which knows what its jobs hold."""

    def row_keys(self, job: Job) -> Sequence[bytes]:
        """For each row, in their order, the key of the job that does it alone."""

    def part(self, job: Job, rows: Sequence[int]) -> Job:
        """A job that does some of the rows, by their index."""


@dataclass(frozen=True, slots=True)
class Count:
    jobs: int = 0
    rows: int = 0


Tally = dict[Target, dict[State, Count]]


@dataclass(frozen=True, slots=True)
class Source:
    """How far an input has been taken in. `cursor` is the reader's, and opaque here."""

    cursor: str
    rows: int  # accepted, rejected and repeated ones
    rejected: int
    repeated: int


class Backlog(Protocol):
    """Every method that writes returns after what it wrote is durable. Times are seconds since the epoch by `clock`,
    which never runs back: a job that is due now has to be due a moment later.

    Raises `engine.errors.BacklogError` when it cannot do its work; then nothing may go on.
    """

    clock: Callable[[], float]

    async def put(
        self,
        jobs: Sequence[Job],
        *,
        source: str | None = None,
        progress: Source | None = None,
        rejected: Sequence[Rejected] = (),
    ) -> Put:
        """Accept jobs, and with them how far their source was read, in one transaction.

        A job that is in the backlog already changes nothing, but for rows of it that stand as failed: they wait again,
        with all their attempts before them. Of a new job all rows wait; those that failed in other jobs do not stand
        as failed there any more.
        """

    async def claim(self, wants: Sequence[tuple[Target, int]], now: float) -> list[Claim]:
        """For each wanted target up to that many due jobs. No job is given twice until it is settled or the backlog
        is opened again."""

    async def release(self) -> None:
        """Let jobs that were claimed and not settled be claimed again: whoever claimed them has stopped."""

    def begin(self, job: Job) -> None:
        """The call for a claimed job is about to be made. What is asked for from now on it may not cover."""

    async def settle(self, settlements: Sequence[Settlement]) -> list[Job]:
        """Returns those of the finished jobs whose work was asked for again meanwhile: they wait once more."""

    async def started(self, target: Target) -> list[Job]:
        """The jobs whose tasks run."""

    async def tally(self) -> Tally: ...

    async def progress(self, source: str) -> Source | None: ...

    async def sources(self) -> dict[str, Source]: ...

    async def forget(self, source: str | None, clouds: Sequence[str]) -> None:
        """Forget how far a source was read, and the finished jobs of some clouds, so that they are done again.

        What failed stays known as failed.
        """

    def failures(self, *, newest_first: bool = False) -> AsyncIterator[Failure]:
        """In the order in which they failed, or the other way round."""

    def rejections(self) -> AsyncIterator[Rejected]: ...

    async def retry_failed(self, accounts: Collection[tuple[str, str]]) -> Count:
        """Make failed jobs of accounts, given as (cloud, name), wait again, with all their attempts before them."""

    async def remember(self, name: str, value: str) -> None: ...

    async def recall(self, name: str) -> str | None: ...

    async def close(self) -> None: ...
