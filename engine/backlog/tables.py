"""The SQL of the backlog, each statement once. Everything here runs in the writer's thread, inside its transaction."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from itertools import groupby
from operator import attrgetter
from typing import Any

import apsw

from engine.backlog import Asked, Claim, Count, Divider, Failure, Put, Tally
from engine.backlog.asked_again import AskedAgain
from engine.backlog.failed_rows import FailedRows
from engine.backlog.known_rows import KnownRows
from engine.backlog.source_table import SourceTable
from engine.backlog.tally import TallyTable
from engine.backlog.target_table import TargetTable
from engine.model import Again, Finished, Job, Settlement, Split, Started, State, Target

JOB_COLUMNS = "id, key, payload, rows, attempts, coalesce(task, ''), coalesce(started, 0.0)"


class Tables:
    def __init__(
        self, connection: apsw.Connection, clock: Callable[[], float], dividers: Mapping[str, Divider]
    ) -> None:
        self._sql: Callable[..., Any] = connection.execute
        self._sql_for_each: Callable[..., Any] = connection.executemany
        self._changes = connection.total_changes
        self._clock = clock
        self._targets = TargetTable(self._sql)
        self.sources = SourceTable(self._sql)
        # The last claimed (due, id) of each target. Claims are not written down: what was claimed and not settled when
        # the process ends is waiting when it starts again. Jobs only ever come to stand behind the mark.
        self._marks: dict[int, tuple[float, int]] = defaultdict(lambda: (0.0, 0))
        self.begun: set[int] = set()  # jobs whose calls may be on their way
        self._tally = TallyTable(self._sql)
        self._failed = FailedRows(connection, self._tally, dividers)
        self._asked_again = AskedAgain(self._sql)
        self.load()

    def load(self) -> None:
        """Take what is kept in memory from the file: at first, and after a transaction came to nothing."""
        self._targets.load()
        self._tally.drop()
        self._asked_again.load()

    def insert(self, jobs: Sequence[Job]) -> Put:
        put = Put([], [], [])
        groups = self._targets.group(jobs)
        failed = {target for target in groups if self._tally.count(target, State.FAILED).jobs}
        added = self._add({target: same for target, same in groups.items() if target not in failed})
        for target, same in groups.items():
            known = KnownRows(self._sql, self._failed, target, put)
            if target in failed:
                self._insert_with_failed(target, same, put, known)
                continue
            for job in same:
                put.waiting.append(job) if added.pop(job.key, None) else known.tell(job, job.key)
        self._tally.write()
        return put

    def _insert_with_failed(self, target: int, jobs: Sequence[Job], put: Put, known: KnownRows) -> None:
        """Jobs for a target where something failed, of which they may take over some rows."""
        for job in jobs:
            failed = self._failed.take(target, job)
            if self._add({target: [job]}):
                put.waiting.append(job)
                continue
            again, rest = self._failed.divide(job, failed) if failed else (None, job)
            if again:
                (put.waiting if self._wait(target, again) else put.live).append(again)
            if rest:
                known.tell(rest, job.key)

    def ask(self, jobs: Sequence[Job]) -> Asked:
        """Have jobs done from now on, whatever was done of them before."""
        waiting: list[Job] = []
        again = 0
        groups = self._targets.group(jobs)
        for target, same in groups.items():
            if self._tally.count(target, State.FAILED).jobs:
                for job in same:
                    self._failed.take(target, job)
        added = self._add(groups)
        for target, same in groups.items():
            for job in same:
                if added.pop(job.key, None) or self._wait(target, job):
                    waiting.append(job)
                    continue
                live, state = self._sql("SELECT id, state FROM job WHERE key=?", (job.key,)).fetchone()
                if state == State.STARTED or live in self.begun:
                    self._asked_again.add(live)
                    again += 1
        self._tally.write()
        return Asked(waiting, len(jobs) - len(waiting) - again, again)

    def may_start(self, target: Target, least: int) -> bool:
        """Whether so many jobs may start there now, or have calls under way."""
        return self._tally.may_start(self._targets.id(target), least, self._clock())

    def _add(self, groups: Mapping[int, Sequence[Job]]) -> dict[bytes, int]:
        """Have new jobs wait, by target; returns the keys of those that were not there already, with their rows."""
        last = self._sql("SELECT coalesce(max(id), 0) FROM job").fetchone()[0]
        changes, now = self._changes(), self._clock()
        rows: list[tuple[bytes, int, float, int, int, bytes]] = []
        for target, jobs in groups.items():
            due = max(now, self._marks[target][0])
            rows += [(job.key, target, due, job.attempts, job.rows, job.payload) for job in jobs]
        self._sql_for_each(
            "INSERT OR IGNORE INTO job (key, target, state, due, attempts, rows, payload) VALUES (?,?,0,?,?,?,?)", rows
        )
        if self._changes() - changes == len(rows):
            added = {job.key: job.rows for jobs in groups.values() for job in jobs}
        else:
            added = dict(self._sql("SELECT key, rows FROM job WHERE id > ?", (last,)))
        for target, jobs in groups.items():
            if new := {job.key: job.rows for job in jobs if job.key in added}:
                self._tally.add(target, State.WAITING, len(new), sum(new.values()))
        return added

    def _wait(self, target: int, job: Job) -> bool:
        """Have a job wait that is new or has ended. False if it is waiting or started already."""
        if self._add({target: [job]}):
            return True
        ended, state, rows = self._sql("SELECT id, state, rows FROM job WHERE key=?", (job.key,)).fetchone()
        if State(state).live:
            return False
        sql = "UPDATE job SET state=0, task=NULL, due=?, attempts=0, payload=?, rows=? WHERE id=?"
        self._sql(sql, (self._due(target), job.payload, job.rows, ended))
        self._tally.add(target, State(state), -1, -rows)
        self._tally.add(target, State.WAITING, 1, job.rows)
        return True

    def claim(self, target: Target, limit: int, now: float) -> Claim:
        target_id = self._targets.id(target)
        due, last = self._marks[target_id]
        rows = self._sql(
            f"SELECT {JOB_COLUMNS}, due FROM job WHERE target = ? AND state = 0 AND (due, id) > (?, ?) "  # noqa: S608
            "ORDER BY due, id LIMIT ?",
            (target_id, due, last, limit + 1),
        )
        jobs: list[Job] = []
        next_due: float | None = None
        for row in rows.fetchall():
            if row[-1] > now or len(jobs) == limit:
                next_due = row[-1]
                break
            jobs.append(_job(target, row[:-1]))
            self._marks[target_id] = (row[-1], row[0])
        return Claim(jobs, next_due)

    def release(self) -> None:
        self._marks.clear()
        self.begun.clear()

    def settle(self, settlements: Sequence[Settlement]) -> list[Job]:
        """Returns the jobs that are finished and yet wait once more, as they were asked for again."""
        started: list[Started] = []
        ended: list[Finished] = []
        again: list[Job] = []
        for step in settlements:
            if isinstance(step, Started):
                started.append(step)
            # One that is not at its end begins anew, and so covers what it was asked for.
            elif self._asked_again.take(step.job.id) and isinstance(step, Finished):
                self._begin_anew(step.job)
                again.append(step.job)
            elif isinstance(step, Again):
                self._put_off(step)
            elif isinstance(step, Split):
                self._divide(step)
            elif step.state is State.FAILED:
                self._fail(step)
            else:
                ended.append(step)
        self._start(started)
        self._end(ended)
        self._tally.write()
        return again

    def _start(self, started: Sequence[Started]) -> None:
        sql = "UPDATE job SET state=1, task=?, started=? WHERE id=?"
        self._sql_for_each(sql, [(step.task, step.at, step.job.id) for step in started])
        for target, same in groupby(started, attrgetter("job.target")):
            rows = [step.job.rows for step in same]
            self._tally.move(self._targets.id(target), State.WAITING, State.STARTED, len(rows), sum(rows))

    def _end(self, ended: Sequence[Finished]) -> None:
        now = self._clock()
        sql = "UPDATE job SET state=?, due=?, why=?, code=?, task=coalesce(?, task), payload=NULL WHERE id=?"
        self._sql_for_each(
            sql, [(end.state, now, end.why or None, end.code or None, end.task or None, end.job.id) for end in ended]
        )
        for (target, before, after), same in groupby(ended, lambda end: (end.job.target, _state(end.job), end.state)):
            rows = [end.job.rows for end in same]
            self._tally.move(self._targets.id(target), before, after, len(rows), sum(rows))

    def _fail(self, end: Finished) -> None:
        """With its payload, to be tried again or exported."""
        job = end.job
        sql = "UPDATE job SET state=4, due=?, why=?, code=?, task=coalesce(?, task) WHERE id=?"
        self._sql(sql, (self._clock(), end.why or None, end.code or None, end.task or None, job.id))
        self._failed.add(self._targets.id(job.target), job)
        self._tally.move(self._targets.id(job.target), _state(job), State.FAILED, 1, job.rows)

    def _begin_anew(self, job: Job) -> None:
        target = self._targets.id(job.target)
        self._sql("UPDATE job SET state=0, task=NULL, due=?, attempts=0 WHERE id=?", (self._due(target), job.id))
        self._tally.move(target, _state(job), State.WAITING, 1, job.rows)

    def _put_off(self, step: Again) -> None:
        job, target = step.job, self._targets.id(step.job.target)
        sql = "UPDATE job SET state=0, task=NULL, due=?, why=?, attempts=attempts+? WHERE id=?"
        self._sql(sql, (self._due(target, step.due), step.why, step.counted, job.id))
        self._tally.move(target, _state(job), State.WAITING, 1, job.rows)

    def _divide(self, step: Split) -> None:
        job, target = step.job, self._targets.id(step.job.target)
        self._sql("UPDATE job SET state=5, due=?, payload=NULL WHERE id=?", (self._clock(), job.id))
        self._failed.take(target, job)
        for part in step.parts:
            # One may wait elsewhere. It gets a key of its own then: its rows need an outcome here.
            self._wait(target, part) or self._wait(target, replace(part, key=_part_key(job, part)))
        self._tally.move(target, _state(job), State.DIVIDED, 1, job.rows)

    def _due(self, target: int, at: float | None = None) -> float:
        """When a job is due again that is to stand behind the mark: at once, or at a moment to come."""
        return max(self._clock() if at is None else at, self._marks[target][0] + 1e-6)

    def started(self, target: Target) -> list[Job]:
        sql = f"SELECT {JOB_COLUMNS} FROM job WHERE target=? AND state=1 ORDER BY id"  # noqa: S608
        return [_job(target, row) for row in self._sql(sql, (self._targets.id(target),))]

    def tally(self) -> Tally:
        tally: Tally = {}
        for target, state, jobs, rows in self._sql("SELECT target, state, jobs, rows FROM tally WHERE jobs > 0"):
            tally.setdefault(self._targets.target(target), {})[State(state)] = Count(jobs, rows)
        return tally

    def failures(self, after: tuple[float, int] | None, limit: int, *, newest_first: bool) -> list[Failure]:
        """A page of them, and what is `after` it is the failure's `at` and its job's id."""
        order, sign = ("DESC", "<") if newest_first else ("ASC", ">")
        sql = (
            f"SELECT {JOB_COLUMNS}, target, coalesce(code, ''), coalesce(why, ''), due FROM job "  # noqa: S608
            f"WHERE state=4 AND (due, id) {sign} (?, ?) ORDER BY due {order}, id {order} LIMIT ?"
        )
        due, last = after or ((math.inf, 0) if newest_first else (-math.inf, 0))
        rows = self._sql(sql, (due, last, limit)).fetchall()
        return [Failure(_job(self._targets.target(row[-4]), row[:-4]), row[-3], row[-2], row[-1]) for row in rows]

    def retry_failed(self, accounts: Collection[tuple[str, str]]) -> Count:
        total = Count()
        for target, target_id in self._targets.items():
            failed = self._tally.count(target_id, State.FAILED)
            if (target.cloud, target.account) not in accounts or not failed.jobs:
                continue
            sql = "UPDATE job SET state=0, task=NULL, due=?, attempts=0 WHERE target=? AND state=4"
            self._sql(sql, (self._due(target_id), target_id))
            self._tally.add(target_id, State.FAILED, -failed.jobs, -failed.rows)
            self._tally.add(target_id, State.WAITING, failed.jobs, failed.rows)
            total = Count(total.jobs + failed.jobs, total.rows + failed.rows)
        self._failed.forget_retried()
        self._tally.write()
        return total

    def forget(self, source: str | None, clouds: Sequence[str]) -> None:
        if source is not None:
            self.sources.forget(source)
        for target, target_id in self._targets.items():
            if target.cloud in clouds:
                # What failed stays known as failed: it may be of another source, and is done again when put again.
                self._sql("DELETE FROM job WHERE target=? AND state IN (2, 3, 5)", (target_id,))
                self._sql("DELETE FROM tally WHERE target=? AND state IN (2, 3, 5)", (target_id,))

    def remember(self, name: str, value: str) -> None:
        self._sql("INSERT OR REPLACE INTO meta VALUES (?,?)", (name, value))

    def recall(self, name: str) -> str | None:
        row = self._sql("SELECT value FROM meta WHERE name=?", (name,)).fetchone()
        return row[0] if row else None


def _state(job: Job) -> State:
    return State.STARTED if job.task else State.WAITING


def _part_key(whole: Job, part: Job) -> bytes:
    return blake2b(whole.key + part.key, digest_size=16).digest()


def _job(target: Target, row: Sequence[object]) -> Job:
    job_id, key, payload, rows, attempts, task, started = row
    return Job(key, target, payload or b"", rows, job_id, attempts, task, started)  # type: ignore[arg-type]
