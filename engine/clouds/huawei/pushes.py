"""Rows that name objects, and the jobs that push their names into sync tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from engine.clouds import Planned
from engine.clouds.huawei.events import encode_key, encode_plain, event_body
from engine.clouds.huawei.oms import ID, NAME
from engine.clouds.keys import job_key
from engine.errors import InputError
from engine.model import Job, Target

VERB = "push"


class Push(NamedTuple):
    """Have one object synchronised by a sync task. The key is the object's name, not URL-encoded."""

    key: str
    sync_task_id: str = ""
    account: str = ""  # "" is the default account


def plan(rows: Sequence[Any], accounts: Sequence[str], batch: int) -> Planned:
    """Jobs of up to `batch` keys of one sync task."""
    planned = Planned()
    for (account, sync_task_id), indices in _by_task(rows).items():
        try:
            target = _target(account, sync_task_id, accounts)
        except InputError as error:
            planned.rejected.extend((index, error) for index in indices)
            continue
        keys = _unique(rows, indices, planned)
        planned.jobs.extend(_job(target, keys[at : at + batch]) for at in range(0, len(keys), batch))
    return planned


def _by_task(rows: Sequence[Any]) -> Mapping[tuple[str, str], Sequence[int]]:
    """Which rows name which account and sync task. Mostly all name the same."""
    if not rows:
        return {}
    _, sync_task_ids, accounts = zip(*rows, strict=True)
    if len(set(sync_task_ids)) == len(set(accounts)) == 1:
        return {(accounts[0], sync_task_ids[0]): range(len(rows))}
    tasks: dict[tuple[str, str], list[int]] = {}
    for index, task in enumerate(zip(accounts, sync_task_ids, strict=True)):
        tasks.setdefault(task, []).append(index)
    return tasks


def _unique(rows: Sequence[Any], indices: Sequence[int], planned: Planned) -> list[str]:
    """The keys, encoded, each once. What cannot be used goes to `planned`."""
    encoded = encode_plain([rows[index][0] for index in indices])
    if encoded and len(set(encoded)) == len(encoded):
        return encoded
    unique: dict[str, None] = {}
    for index in indices:
        try:
            key = encode_key(rows[index][0])
        except InputError as error:
            planned.rejected.append((index, error))
            continue
        if key in unique:
            planned.repeated.append(index)
        unique[key] = None
    return list(unique)


def row_keys(job: Job) -> list[bytes]:
    return [job_key(VERB, job.target, event_body((key,))) for key in encoded_keys(job)]


def part(job: Job, rows: Sequence[int]) -> Job:
    keys = encoded_keys(job)
    return _job(job.target, [keys[row] for row in rows])


def split(job: Job) -> tuple[Job, ...]:
    """Two jobs with half of the keys each; none where there is but one key."""
    half = job.rows // 2
    return (part(job, range(half)), part(job, range(half, job.rows))) if half else ()


def encoded_keys(job: Job) -> list[str]:
    keys: list[str] = orjson.loads(job.payload)["object_keys"]
    return keys


def _target(account: str, sync_task_id: str, accounts: Sequence[str]) -> Target:
    if not sync_task_id:
        raise InputError("the row names no sync_task_id and no --sync-task was given")
    if wrong := ID(sync_task_id):
        raise InputError(f"sync_task_id {sync_task_id!r:.60} {wrong}")
    if account and account not in accounts:
        raise InputError(f"no account is called {account!r:.60}; there is {', '.join(accounts)}")
    return Target(NAME, account or accounts[0], sync_task_id)


def _job(target: Target, encoded_keys: Sequence[str]) -> Job:
    """The payload is the body as it is sent."""
    payload = event_body(encoded_keys)
    return Job(job_key(VERB, target, payload), target, payload, len(encoded_keys))
