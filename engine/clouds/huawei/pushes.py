"""Rows that name objects, and the jobs that push their names into sync tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

from engine.clouds import Planned
from engine.clouds.huawei.events import encode_key, event_body
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
    keys: dict[tuple[str, str], dict[str, None]] = {}
    rejected: list[tuple[int, InputError]] = []
    repeated: list[int] = []
    for index, (key, sync_task_id, account) in enumerate(rows):
        try:
            encoded = encode_key(key)
            known = keys.get((account, sync_task_id))
            if known is None:
                known = keys[_checked(account, sync_task_id, accounts)] = {}
        except InputError as error:
            rejected.append((index, error))
            continue
        if encoded in known:
            repeated.append(index)
        known[encoded] = None
    jobs: list[Job] = []
    for (account, sync_task_id), unique in keys.items():
        target = Target(NAME, account or accounts[0], sync_task_id)
        encoded_keys = list(unique)
        jobs += [_job(target, encoded_keys[i : i + batch]) for i in range(0, len(encoded_keys), batch)]
    return Planned(jobs, rejected, repeated)


def split(job: Job) -> tuple[Job, ...]:
    """Two jobs with half of the keys each; none where there is but one key."""
    keys = encoded_keys(job)
    half = len(keys) // 2
    return (_job(job.target, keys[:half]), _job(job.target, keys[half:])) if half else ()


def encoded_keys(job: Job) -> list[str]:
    keys: list[str] = orjson.loads(job.payload)["object_keys"]
    return keys


def _checked(account: str, sync_task_id: str, accounts: Sequence[str]) -> tuple[str, str]:
    if not sync_task_id:
        raise InputError("the row names no sync_task_id and no --sync-task was given")
    if wrong := ID(sync_task_id):
        raise InputError(f"sync_task_id {sync_task_id!r:.60} {wrong}")
    if account and account not in accounts:
        raise InputError(f"no account is called {account!r:.60}; there is {', '.join(accounts)}")
    return account, sync_task_id


def _job(target: Target, encoded_keys: Sequence[str]) -> Job:
    """The payload is the body as it is sent."""
    payload = event_body(encoded_keys)
    return Job(job_key(VERB, target, payload), target, payload, len(encoded_keys))
