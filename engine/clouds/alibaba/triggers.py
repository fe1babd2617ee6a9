"""Rows that name directories, and the jobs that refresh them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from engine.clouds import Planned
from engine.clouds.alibaba.sgw import ID, NAME
from engine.clouds.keys import job_keys
from engine.errors import InputError
from engine.model import Job, Target

VERB = "trigger"
MAX_PATH_BYTES = 1024


class Trigger(NamedTuple):
    """Refresh one directory of a share from its bucket (reverse sync)."""

    gateway_id: str
    index_id: str  # protocol and name of the share: NFSphotos, SMBhome
    path: str  # from the root of the share; / is the whole share
    account: str = ""  # "" is the default account


def plan(rows: Sequence[Any], accounts: Sequence[str]) -> Planned:
    """One job a directory."""
    jobs: dict[bytes, Job] = {}
    rejected: list[tuple[int, InputError]] = []
    repeated: list[int] = []
    for index, (gateway_id, index_id, path, account) in enumerate(rows):
        try:
            target, key_of = _share(gateway_id, index_id, account or accounts[0])
            if account and account not in accounts:
                raise InputError(f"no account is called {account!r:.60}; there is {', '.join(accounts)}")
            payload = bytes(memoryview(orjson.dumps([index_id, share_path(path)])))  # orjson's own keep 4 KB each
        except InputError as error:
            rejected.append((index, error))
            continue
        key = key_of(payload)
        if key in jobs:
            repeated.append(index)
        jobs[key] = Job(key, target, payload)
    return Planned(list(jobs.values()), rejected, repeated)


def share_path(path: str) -> str:
    """A path from the root of a share, as the cloud is given it.

    Raises:
        InputError: it leads nowhere in a share.
    """
    if not path:
        raise InputError("path is empty; / is the whole share")
    if ".." in path and ".." in re.split(r"[/\\]", path):
        raise InputError(f"path {path!r:.80} climbs out of its share with ..")
    if "\0" in path:
        raise InputError(f"path {path!r:.80} contains a NUL")
    try:
        size = len(path.encode())
    except UnicodeEncodeError:
        raise InputError(f"path {path!r:.80} is not valid Unicode (it contains a lone surrogate)") from None
    if size > MAX_PATH_BYTES:
        raise InputError(f"path is {size:,} bytes long; {MAX_PATH_BYTES:,} is the most")
    return path if path.startswith("/") else "/" + path


@lru_cache(maxsize=4096)
def _share(gateway_id: str, index_id: str, account: str) -> tuple[Target, Callable[[bytes], bytes]]:
    """The target of a share's jobs, and what makes their keys. Remembered, since a share has many directories."""
    for name, value in (("gateway_id", gateway_id), ("index_id", index_id)):
        if wrong := ID(value):
            raise InputError(f"{name} {value!r:.60} {wrong}")
    target = Target(NAME, account, gateway_id)
    return target, job_keys(VERB, target)
