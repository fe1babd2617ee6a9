"""The words of the engine, as types. `docs/glossary.md` has them in prose."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, NamedTuple, TypeAlias

from signers import Credentials, SignedRequest

Row: TypeAlias = "tuple[str, ...]"  # a NamedTuple of strings, one type per kind of work; see engine.clouds


class State(IntEnum):
    """Where a job stands. The numbers are what the backlog stores: never renumber them."""

    WAITING = 0  # to be started when it is due
    STARTED = 1  # the cloud gave a task, which is polled
    SUCCEEDED = 2  # the cloud says that the task is complete
    ACCEPTED = 3  # the cloud took the request and offers nothing to poll
    FAILED = 4
    DIVIDED = 5  # replaced: other jobs do its rows

    @property
    def live(self) -> bool:
        return self <= State.STARTED


class Lane(NamedTuple):
    """What a cloud limits, and so what is scheduled: one rate, one bound, one pump."""

    cloud: str
    account: str
    operation: str

    def __str__(self) -> str:
        return f"{self.account}/{self.operation}"


class Target(NamedTuple):
    """Where jobs act: a gateway, a sync task. One target's trouble does not hold up the others."""

    cloud: str
    account: str
    name: str


@dataclass(slots=True)
class Job:
    """One start request, from its acceptance into the backlog to its outcome."""

    key: bytes  # 16 bytes; the same work always gets the same key
    target: Target
    payload: bytes  # what the cloud module needs to build the request again; never a secret
    rows: int = 1  # how many rows of input it stands for
    id: int = 0  # given by the backlog
    attempts: int = 0  # starts that failed for a reason that counts against the job
    task: str = ""  # the cloud's handle, once started
    started_at: float = 0.0  # seconds since the epoch


# What is made anew for every call is not frozen, which would cost three times as much; nobody changes it all the same.


@dataclass(slots=True)
class Call:
    """An unsigned request, as a cloud module describes it."""

    operation: str
    method: str = "POST"
    path: str = "/"
    params: Mapping[str, str] = field(default_factory=dict)  # query parameters, decoded
    body: bytes = field(default=b"", repr=False)  # may hold keys of buckets
    service: str = ""  # which of the cloud's services; "" is its first
    secrets: tuple[str, ...] = field(default=(), repr=False)  # what of it must not be seen in any message


@dataclass(slots=True)
class Reply:
    """A complete HTTP answer. Headers are looked up in lower case. It may hold a token, or repeat what was sent."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    document: dict[str, Any] | None = field(default=None, init=False, repr=False, compare=False)  # once it was parsed


@dataclass(frozen=True, slots=True)
class AuthToken:
    """What a cloud gives for a name and a password, and takes in place of a signature."""

    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Fetched:
    """Credentials as a source gave them: one whole, that is replaced and never changed."""

    credentials: Credentials | AuthToken
    source: str = ""  # where they come from, for people
    expires_at: float | None = None  # seconds since the epoch; None: never, or nobody says
    look_again_s: float | None = None  # when the source may hold others by then, without saying so
    settings: Mapping[str, str] = field(default_factory=dict)  # of the account, that the source knows too


Send: TypeAlias = Callable[[SignedRequest], Awaitable[Reply]]
"""One attempt over HTTP. Raises a `CallError` if there is no whole answer."""

Source: TypeAlias = Callable[[Send], Awaitable[Fetched]]
"""Fetches credentials, the newest there are. Raises `CredentialsError` if there are none, and a `CallError` if it could
not be found out; what it gave before stays in force as long as it is valid."""


@dataclass(frozen=True, slots=True)
class Account:
    """One caller at one cloud in one region, under the name that rows use for it."""

    name: str
    cloud: str
    region: str
    credentials: Credentials | AuthToken | Source
    endpoints: Mapping[str, str]  # service -> base URL, e.g. {"oms": "https://..."}
    settings: Mapping[str, str] = field(default_factory=dict)  # what else this cloud's module understands
    rate: float | None = None  # calls/s of the operation that starts work; never exceeded


# What became of one step of a job; backlog.settle records it. Not frozen, as calls.


@dataclass(slots=True)
class Started:
    """The cloud gave a task."""

    job: Job
    task: str
    at: float


@dataclass(slots=True)
class Again:
    """The step is made again when it is due (seconds since the epoch)."""

    job: Job
    due: float
    why: str
    counted: bool  # whether the attempt counts against the job


@dataclass(slots=True)
class Split:
    """The job is replaced by smaller ones that do the same together."""

    job: Job
    parts: tuple[Job, ...]


@dataclass(slots=True)
class Finished:
    """The end of a job."""

    job: Job
    state: State
    why: str = ""
    code: str = ""
    task: str = ""  # where the cloud gave one that is not waited for


Settlement: TypeAlias = Started | Again | Split | Finished


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one row.

    `state` is one of ``succeeded`` (the cloud's task is complete), ``accepted`` (the cloud took the request and has
    nothing to poll), ``failed``, ``rejected`` (the row cannot be used; nothing was sent) and ``duplicate`` (the same
    work had ended well before; nothing was sent).
    """

    row: Row
    state: str
    why: str = ""
    code: str = ""
    task: str = ""

    @property
    def ok(self) -> bool:
        return self.state in {"succeeded", "accepted", "duplicate"}
