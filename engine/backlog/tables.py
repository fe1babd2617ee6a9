"""The SQL of the backlog, each statement once. Everything here runs in the writer's thread, inside its transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Any

import apsw

from engine.backlog import Claim, Count, Failure, Rejected, Source, Tally
from engine.model import Again, Finished, Job, Settlement, Split, Started, State, Target

JOB_COLUMNS = "id, key, payload, rows, attempts, coalesce(task, ''), coalesce(started, 0.0)"


class Tables:
    def __init__(self, connection: apsw.Connection, clock: Callable[[], float]) -> None:
        self._sql: Callable[..., Any] = connection.execute
        self._changes = connection.changes
        self._clock = clock
        # The last claimed (due, id) of each target. Claims are not written down: what was claimed and not settled when
        # the process ends is waiting when it starts again. Jobs only ever come to stand behind the mark.
        self._marks: dict[int, tuple[float, int]] = defaultdict(lambda: (0.0, 0))
        self._deltas: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0])
        self.load()

    def load(self) -> None:
        """Take what is kept in memory from the file: at first, and after a transaction came to nothing."""
        rows = self._sql("SELECT id, cloud, account, name FROM target")
        self._target_ids = {Target(cloud, account, name): i for i, cloud, account, name in rows}
        self._targets = {i: target for target, i in self._target_ids.items()}
        self._deltas.clear()

    def insert(self, jobs: Sequence[Job]) -> list[int]:
        """Add waiting jobs; returns the indices of those that are there already and have not failed."""
        now = self._clock()
        known: list[int] = []
        for index, job in enumerate(jobs):
            target = self._target_id(job.target)
            self._sql(
                "INSERT OR IGNORE INTO job (key, target, state, due, attempts, rows, payload) VALUES (?,?,0,?,?,?,?)",
                (job.key, target, max(now, self._marks[target][0]), job.attempts, job.rows, job.payload),
            )
            if not self._changes():
                due = max(now, self._marks[target][0] + 1e-6)
                sql = "UPDATE job SET state=0, task=NULL, due=?, attempts=0 WHERE key=? AND state=4"
                self._sql(sql, (due, job.key))
                if not self._changes():
                    known.append(index)
                    continue
                self._count(target, State.FAILED, -1, -job.rows)
            self._count(target, State.WAITING, 1, job.rows)
        self._write_tally()
        return known

    def claim(self, target: Target, limit: int, now: float) -> Claim:
        target_id = self._target_id(target)
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

    def settle(self, settlements: Sequence[Settlement]) -> None:
        for settlement in settlements:
            job = settlement.job
            target = self._target_id(job.target)
            before = State.STARTED if job.task else State.WAITING
            match settlement:
                case Started(_, task, at):
                    after = State.STARTED
                    self._sql("UPDATE job SET state=1, task=?, started=? WHERE id=?", (task, at, job.id))
                case Finished(_, state, why, code, task):
                    after = state
                    keep = state is State.FAILED  # to be tried again, or exported
                    self._sql(
                        "UPDATE job SET state=?, why=?, code=?, task=coalesce(?, task), "
                        "payload=iif(?, payload, NULL) WHERE id=?",
                        (int(state), why or None, code or None, task or None, keep, job.id),
                    )
                case Again(_, due, why, counted):
                    after = State.WAITING
                    later = max(due, self._marks[target][0] + 1e-6)
                    self._sql(
                        "UPDATE job SET state=0, task=NULL, due=?, why=?, attempts=attempts+? WHERE id=?",
                        (later, why, counted, job.id),
                    )
                case Split(_, parts):
                    after = State.DIVIDED
                    self._sql("UPDATE job SET state=5, payload=NULL WHERE id=?", (job.id,))
                    # A part may be known from elsewhere. It gets a key of its own then: its rows need an outcome here.
                    known = [parts[index] for index in self.insert(parts)]
                    self.insert([replace(part, key=_part_key(job, part)) for part in known])
            if before is not after:
                self._count(target, before, -1, -job.rows)
                self._count(target, after, 1, job.rows)
        self._write_tally()

    def started(self, target: Target) -> list[Job]:
        sql = f"SELECT {JOB_COLUMNS} FROM job WHERE target=? AND state=1 ORDER BY id"  # noqa: S608
        return [_job(target, row) for row in self._sql(sql, (self._target_id(target),))]

    def tally(self) -> Tally:
        tally: Tally = {}
        for target, state, jobs, rows in self._sql("SELECT target, state, jobs, rows FROM tally WHERE jobs > 0"):
            tally.setdefault(self._target(target), {})[State(state)] = Count(jobs, rows)
        return tally

    def advance(self, source: str, progress: Source) -> None:
        self._sql(
            "INSERT OR REPLACE INTO source VALUES (?,?,?,?,?)",
            (source, progress.cursor, progress.rows, progress.rejected, progress.repeated),
        )

    def progress(self, source: str) -> Source | None:
        row = self._sql("SELECT cursor, rows, rejected, repeated FROM source WHERE name=?", (source,)).fetchone()
        return Source(*row) if row else None

    def sources(self) -> dict[str, Source]:
        rows = self._sql("SELECT name, cursor, rows, rejected, repeated FROM source ORDER BY name")
        return {name: Source(*progress) for name, *progress in rows}

    def reject(self, rejected: Sequence[Rejected]) -> None:
        for row in rejected:
            self._sql("INSERT OR REPLACE INTO rejected VALUES (?,?,?,?)", row)

    def rejections(self, after: tuple[str, int], limit: int) -> list[Rejected]:
        sql = "SELECT * FROM rejected WHERE (source, line) > (?, ?) ORDER BY source, line LIMIT ?"
        return [Rejected(*row) for row in self._sql(sql, (*after, limit))]

    def failures(self, after: int, limit: int) -> list[Failure]:
        sql = (
            f"SELECT {JOB_COLUMNS}, target, coalesce(code, ''), coalesce(why, '') FROM job "  # noqa: S608
            "WHERE state=4 AND id>? ORDER BY id LIMIT ?"
        )
        rows = self._sql(sql, (after, limit)).fetchall()
        return [Failure(_job(self._target(row[-3]), row[:-3]), row[-2], row[-1]) for row in rows]

    def retry_failed(self, clouds: Sequence[str]) -> Count:
        total = Count()
        for target, target_id in self._target_ids.items():
            if target.cloud not in clouds:
                continue
            row = self._sql("SELECT jobs, rows FROM tally WHERE target=? AND state=4", (target_id,)).fetchone()
            failed = Count(*row) if row else Count()
            if not failed.jobs:
                continue
            due = max(self._clock(), self._marks[target_id][0] + 1e-6)
            sql = "UPDATE job SET state=0, task=NULL, due=?, attempts=0 WHERE target=? AND state=4"
            self._sql(sql, (due, target_id))
            self._count(target_id, State.FAILED, -failed.jobs, -failed.rows)
            self._count(target_id, State.WAITING, failed.jobs, failed.rows)
            total = Count(total.jobs + failed.jobs, total.rows + failed.rows)
        self._write_tally()
        return total

    def forget(self, source: str | None, clouds: Sequence[str]) -> None:
        if source is not None:
            self._sql("DELETE FROM source WHERE name=?", (source,))
            self._sql("DELETE FROM rejected WHERE source=?", (source,))
        for target, target_id in self._target_ids.items():
            if target.cloud in clouds:
                # What failed stays known as failed: it may be of another source, and is done again when put again.
                self._sql("DELETE FROM job WHERE target=? AND state IN (2, 3, 5)", (target_id,))
                self._sql("DELETE FROM tally WHERE target=? AND state IN (2, 3, 5)", (target_id,))

    def remember(self, name: str, value: str) -> None:
        self._sql("INSERT OR REPLACE INTO meta VALUES (?,?)", (name, value))

    def recall(self, name: str) -> str | None:
        row = self._sql("SELECT value FROM meta WHERE name=?", (name,)).fetchone()
        return row[0] if row else None

    def _target_id(self, target: Target) -> int:
        known = self._target_ids.get(target)
        if known is None:
            row = self._sql("INSERT INTO target (cloud, account, name) VALUES (?,?,?) RETURNING id", target).fetchone()
            known = self._target_ids[target] = int(row[0])
            self._targets[known] = target
        return known

    def _target(self, target_id: int) -> Target:
        known = self._targets.get(target_id)
        if known is None:  # another process has added it since this one began to look
            row = self._sql("SELECT cloud, account, name FROM target WHERE id=?", (target_id,)).fetchone()
            known = self._targets[target_id] = Target(*row)
            self._target_ids[known] = target_id
        return known

    def _count(self, target: int, state: State, jobs: int, rows: int) -> None:
        delta = self._deltas[target, state]
        delta[0] += jobs
        delta[1] += rows

    def _write_tally(self) -> None:
        for (target, state), (jobs, rows) in self._deltas.items():
            self._sql(
                "INSERT INTO tally VALUES (?1, ?2, ?3, ?4) "
                "ON CONFLICT DO UPDATE SET jobs = jobs + ?3, rows = rows + ?4",
                (target, int(state), jobs, rows),
            )
        self._deltas.clear()


def _part_key(whole: Job, part: Job) -> bytes:
    return blake2b(whole.key + part.key, digest_size=16).digest()


def _job(target: Target, row: Sequence[object]) -> Job:
    job_id, key, payload, rows, attempts, task, started = row
    return Job(key, target, payload or b"", rows, job_id, attempts, task, started)  # type: ignore[arg-type]
