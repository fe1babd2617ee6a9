"""A cloud is a file: each module here that defines ``CLOUD`` is one, found by being here.

A cloud module is pure. It turns rows into jobs, jobs into calls, and answers into values or a `CallError`; it does no
I/O and knows no clock. What it needs to know of the moment is given to it.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple, Protocol, TypeAlias

from engine.clouds.constraints import Rule
from engine.clouds.examination import Examination
from engine.clouds.sources import Describe
from engine.errors import ConfigError, InputError
from engine.model import Account, Call, Job, Reply, Row
from signers import SignedRequest

Sign: TypeAlias = Callable[[Call, float, str], SignedRequest]
"""(call, seconds since the epoch, a nonce never used before) -> what goes on the wire."""


@dataclass(frozen=True, slots=True)
class Planned:
    """Rows made into jobs: which rows cannot be used and why, and which repeat an earlier row of the same call."""

    jobs: list[Job] = field(default_factory=list)
    rejected: list[tuple[int, InputError]] = field(default_factory=list)  # by index into the rows
    repeated: list[int] = field(default_factory=list)


class TaskState(NamedTuple):
    """What a cloud says of one of its tasks. `done` is None while it runs, or says something unknown to us."""

    task: str
    done: bool | None
    why: str = ""
    duration_s: float | None = None  # from its start to its end, once it is done


@dataclass(frozen=True, slots=True)
class TaskPage:
    """One page of a listing of tasks; `total` is how many the cloud says there are in all."""

    tasks: Sequence[TaskState]
    total: int


class Cloud(Protocol):
    """What the engine needs to know of a cloud."""

    name: str
    verb: str  # the command, and the word for this kind of work: "trigger", "push"
    row: type[Any]  # a NamedTuple of strings: the columns of a manifest
    noun: str  # what rows are called in a summary: "directories", "keys"
    start_operation: str
    poll_operation: str | None  # None: there is nothing to poll, and a started job is accepted
    page_size: int  # how many tasks one poll can answer for
    default_rate: float  # calls/s while the account's quota is unknown
    services: Mapping[str, str]  # service -> the setting that points it elsewhere; the first one does the work
    callable_services: Sequence[str]  # those that any operation may be sent to; again the first one does the work
    domains: Sequence[str]  # the vendor's own host suffixes: where credentials may be sent without being asked
    credential_variables: Sequence[tuple[str, str, str]]  # names of (key id, secret, token) in the environment
    credential_sources: Mapping[str, Describe]  # name -> how credentials are had from there
    credential_chain: Sequence[str]  # the sources that are tried where none is named, in the vendor's own order
    setting_variables: Mapping[str, str]  # setting -> the vendor's own name for it in the environment
    settings: Mapping[str, Rule]  # what else an account can be told, and what it must be
    regions: Collection[str]  # those that the vendor documents
    examination: Examination  # what `doctor` asks

    def endpoints(self, region: str, settings: Mapping[str, str]) -> Mapping[str, str]:
        """The vendor's base URL of each service in a region, known to us or not."""

    def plan(self, rows: Sequence[Any], accounts: Sequence[str], batch: int) -> Planned:
        """Check rows and make jobs of them.

        Equal rows in equal order give equal jobs with equal keys. A row that names no account belongs to the first
        one. `batch` bounds the rows in a job, where the cloud takes several at once.
        """

    def rows(self, job: Job) -> Sequence[Row]:
        """The rows that a job stands for."""

    def row_keys(self, job: Job) -> Sequence[bytes]:
        """For each row of a job, in their order, the key of the job that does it alone."""

    def part(self, job: Job, rows: Sequence[int]) -> Job:
        """A job that does some of the rows of another, by their index."""

    def split(self, job: Job) -> tuple[Job, ...]:
        """Smaller jobs that do the same together; empty where the job is as small as it gets."""

    def start(self, job: Job, account: Account) -> Call: ...

    def started(self, reply: Reply) -> str:
        """The task that a successful start gave; "" where there is nothing to poll."""

    def poll(self, target: str, task: str | None, page: int) -> Call:
        """Ask for one task, or for a page (from 1) of all tasks of a target."""

    def polled(self, reply: Reply) -> TaskPage: ...

    def inspect(self, target: str, account: Account, now: float) -> Call | None:
        """A call that tells whether a target can be worked on, if the cloud has one."""

    def inspected(self, reply: Reply) -> None:
        """Raise a `TargetError` that says what is wrong with the target, if something is."""

    def lookup(self, account: Account) -> Call | None:
        """A call whose answer is needed before the account can be used, if any."""

    def looked_up(self, account: Account, reply: Reply) -> Account:
        """The account, completed by the answer to `lookup`."""

    def check(self, call: Call, reply: Reply) -> None:
        """Raise the `CallError` that an answer means, if it is not a success."""

    def signer(self, account: Account) -> Sign:
        """`account.credentials` are in force here, no source of them.

        Raises:
            CredentialsError: they are of a kind that the cloud does not take.
        """


@cache
def clouds() -> Mapping[str, Cloud]:
    """Every cloud there is, by name."""
    modules = [importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)]
    found: list[Cloud] = [module.CLOUD for module in modules if hasattr(module, "CLOUD")]
    return {cloud.name: cloud for cloud in sorted(found, key=lambda cloud: cloud.name)}


def service_of(cloud: Cloud, name: str) -> str:
    """A service that any operation may be sent to, as calls name it: "" is the first one.

    Raises `ConfigError` if there is none of that name.
    """
    known = cloud.callable_services
    if name not in {"", *known}:
        raise ConfigError(f"there is no service {name!r:.40} of {cloud.name} to call; there is {', '.join(known)}")
    return "" if name == known[0] else name


def cloud_for(row_type: type[Any]) -> Cloud:
    """The cloud that a type of row belongs to."""
    for cloud in clouds().values():
        if cloud.row is row_type:
            return cloud
    known = ", ".join(cloud.row.__name__ for cloud in clouds().values())
    raise InputError(f"{row_type.__name__} is not a kind of row; use {known}")
