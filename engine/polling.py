"""When to ask a cloud about running tasks, and what to make of its answers.

One `Watch` per target: one page of a listing answers for many of its tasks, so what is scheduled is the target and
never a single task. An empty or missing answer never means that a task is done.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import nsmallest
from itertools import count
from math import inf
from typing import NamedTuple

from engine.clouds import TaskPage, TaskState
from engine.model import Job

FIRST_GUESS_S = 2.0  # of how long a task takes, until one was seen to its end
MIN_INTERVAL_S = 1.0  # between sweeps of a target
LATE_S = 9.5  # by at most which an end is noticed after it was to be expected ...
LATE_SHARE = 0.1  # ... or by that part of what the task takes, if that is more ...
MOST_LATE_S = 60.0  # ... up to this
WORTH_A_POLL = 10  # tasks that may have ended before each page of a sweep is read, while others are still to come
BARREN_PAGES = 2  # in a row without an open task: the others are old, and asked for one by one
LOST_AFTER_MISSES = 3  # answers to a question for that very task which do not know it ...
LOST_AFTER_S = 60.0  # ... over at least this time


class Ask(NamedTuple):
    """One question: about a task, or for a page (from 1) of all tasks of the target."""

    task: str | None
    page: int


class Ended(NamedTuple):
    """A task that needs no more polling. `state` is None when the cloud lost it."""

    job: Job
    state: TaskState | None


class Typical:
    """How long tasks take: moving averages, over those that were seen to their end, of that and of how far off it was.

    The same estimate as TCP's of a round trip (RFC 6298), used for the other side: when an end is to be expected first.
    """

    def __init__(self) -> None:
        self._mean_s: float | None = None
        self._deviation_s = 0.0

    def saw(self, duration_s: float) -> None:
        if self._mean_s is None:
            self._mean_s = duration_s
            return
        off_s = duration_s - self._mean_s
        self._mean_s += 0.1 * off_s
        self._deviation_s += 0.1 * (abs(off_s) - self._deviation_s)

    @property
    def least_s(self) -> float:
        """What hardly any task falls short of; no more than one that is unlike the others may be left alone."""
        if self._mean_s is None:
            return FIRST_GUESS_S
        return min(MOST_LATE_S - LATE_S, max(0.5, self._mean_s - 2 * self._deviation_s))

    def pause_s(self, age_s: float) -> float:
        """How long to leave a task alone that is still running at this age: twice as long if nothing is known."""
        return max(MIN_INTERVAL_S, min(age_s if self._mean_s is None else age_s / 2, bearable_s(age_s)))


def bearable_s(age_s: float) -> float:
    """By how much the end of a task of this age may be noticed late."""
    return min(MOST_LATE_S, max(LATE_S, LATE_SHARE * age_s))


@dataclass(slots=True)
class _Watched:
    """A task. Two triggers may be given the same one; its end is the end of both."""

    jobs: list[Job]
    since: float
    look_at: float  # when it is worth a look
    look_by: float  # when at the latest
    unseen: int = 0  # sweeps in a row whose pages did not show it
    apart: bool = False  # the pages do not show it: it is asked for by its id
    unknown: int = 0  # answers in a row to a question for it alone which did not know it


class _Looks(NamedTuple):
    """When the tasks of a target are worth looks: the first of them, as many as a sweep should find, all; and the
    latest time for the first. It takes as long to find out as there are tasks."""

    first: float
    worth: float
    last: float
    by: float

    def and_one(self, look_at: float, look_by: float) -> _Looks | None:
        """With a task more; None if all have to be looked through: mostly it is the last one to be looked at."""
        if look_at < self.worth:
            return None
        return _Looks(min(self.first, look_at), self.worth, max(self.last, look_at), min(self.by, look_by))


class Watch:
    """The running tasks of one target."""

    def __init__(self, typical: Typical, page_size: int) -> None:
        self._typical = typical
        self._page_size = page_size
        self._open: dict[str, _Watched] = {}
        self._sweep: Iterator[Ask] | None = None
        self._to_see: set[str] = set()
        self._listed: TaskPage | None = None
        self._not_before = 0.0
        self._looks: _Looks | None = None  # while no answer has changed them

    def __len__(self) -> int:
        return len(self._open)

    def __contains__(self, task: str) -> bool:
        return task in self._open

    def add(self, job: Job, now: float = inf) -> None:
        """Watch the task of a started job. One that started later than now, by a clock that was ahead, counts as
        started now."""
        if known := self._open.get(job.task):
            known.jobs.append(job)
        else:
            since = min(job.started_at, now)
            look_at = since + self._typical.least_s
            self._open[job.task] = _Watched([job], since, look_at, look_at + LATE_S)
            if self._looks:
                self._looks = self._looks.and_one(look_at, look_at + LATE_S)

    def due(self, *, more: bool, blocked: bool) -> float | None:
        """When to begin the next sweep; None while nothing runs.

        Args:
            more: tasks are still being started here, so a poll can wait until it is worth it.
            blocked: jobs wait for a task here to end, so the first end counts.
        """
        if not self._open:
            return None
        looks = self._looks = self._looks or self._all_looks()
        if blocked:
            return max(self._not_before, looks.first)
        return max(self._not_before, min(looks.by, looks.worth if more else looks.last))

    def _all_looks(self) -> _Looks:
        looks = [watched.look_at for watched in self._open.values()]
        worth = WORTH_A_POLL * -(-len(looks) // self._page_size)
        at_worth = nsmallest(worth, looks)[-1] if len(looks) >= worth else inf
        return _Looks(min(looks), at_worth, max(looks), min([watched.look_by for watched in self._open.values()]))

    def ask(self, now: float) -> Ask | None:
        """The next question of the sweep, beginning one if none is under way; None when the sweep is over."""
        if self._sweep is None:
            self._sweep = self._questions()
        question = next(self._sweep, None)
        if question is None:
            self.rest(now + MIN_INTERVAL_S)
        return question

    @property
    def sweeping(self) -> bool:
        return self._sweep is not None

    def rest(self, until: float) -> None:
        """End the sweep under way and begin no other before `until`."""
        self._sweep = None
        self._not_before = until

    def heard(self, question: Ask, page: TaskPage, now: float) -> list[Ended]:
        """Take an answer in, and say which jobs' tasks ended by it."""
        self._listed = page
        self._looks = None
        ended = []
        too_young_s = self._typical.least_s - MIN_INTERVAL_S  # there would be no other sweep before
        for state in page.tasks:
            watched = self._open.get(state.task)
            if watched is None:
                continue
            self._to_see.discard(state.task)
            watched.unseen = watched.unknown = 0
            watched.apart = watched.apart and question.task is not None
            if state.done is None:
                age_s = now - watched.since
                watched.look_by = max(watched.look_by, now + bearable_s(age_s))
                if age_s >= too_young_s:
                    watched.look_at = now + self._typical.pause_s(age_s)
                continue
            del self._open[state.task]
            if state.done and state.duration_s is not None:
                self._typical.saw(state.duration_s)
            ended += [Ended(job, state) for job in watched.jobs]
        if question.task in self._to_see:
            ended += self._unknown(question.task, now)
        return ended

    def overdue(self, before: float, *, unasked: bool = False) -> list[Job]:
        """Stop watching the tasks that were started before `before`; returns their jobs.

        To be called between sweeps. A task that the last one neither saw nor asked for is left, unless `unasked`: it
        may have ended, as nobody may have looked for days.
        """
        self._looks = None
        late = [
            task
            for task, watched in self._open.items()
            if watched.since < before and (unasked or not watched.unseen or watched.apart)
        ]
        return [job for task in late for job in self._open.pop(task).jobs]

    def _questions(self) -> Iterator[Ask]:
        apart = {task for task, watched in self._open.items() if watched.apart}
        self._to_see = self._open.keys() - apart
        if len(self._to_see) > 1:
            yield from self._pages()
        self._to_see |= apart & self._open.keys()
        alone = len(self._open) == 1
        for task in list(self._to_see):
            if watched := self._open.get(task):
                watched.unseen += 1
                # The pages may have moved while they were read: once is no news.
                watched.apart = watched.apart or watched.unseen > 1
                if alone or watched.apart:
                    yield Ask(task, 1)
        self._to_see.clear()

    def _pages(self) -> Iterator[Ask]:
        """Pages, newest tasks first, until all were seen, or what follows seems to be history."""
        barren = 0
        for page in count(1):
            unseen = len(self._to_see)
            yield Ask(None, page)
            barren = 0 if len(self._to_see) < unseen else barren + 1
            listed = self._listed
            if not self._to_see or barren == BARREN_PAGES or not listed or page * self._page_size >= listed.total:
                break

    def _unknown(self, task: str, now: float) -> list[Ended]:
        watched = self._open[task]
        watched.unknown += 1
        watched.look_at = watched.look_by = now + max(MIN_INTERVAL_S, self._typical.least_s)
        if watched.unknown < LOST_AFTER_MISSES or now - watched.since < LOST_AFTER_S:
            return []
        del self._open[task]
        return [Ended(job, None) for job in watched.jobs]
