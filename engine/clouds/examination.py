"""What a cloud can be asked about an account without changing anything, and what its answers say: `doctor`'s questions.

Whatever is found is a `Finding`; who asks, when and for how long is `engine.doctor`'s business.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, TypeAlias

from engine.clouds.operation import Operation
from engine.errors import SyncmuxError, UnauthorizedError
from engine.model import Account


class Status(StrEnum):
    OK = "ok"
    WARN = "warn"  # work goes on, perhaps not for long or not all of it
    FAIL = "fail"
    SKIPPED = "skipped"  # not looked at; `seen` says why


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        check: what kind of thing: ``tls``, ``permission``, ``quota``.
        seen: what was found, for people.
        advice: what to do about it. Never empty for what is not well.
        subject: which of several: a host, an operation, a gateway.
        facts: what was found, for programs; as JSON has it.
        error: why it is not well, where that is an error. Of a failure, it decides the exit code.
    """

    check: str
    status: Status
    seen: str
    advice: str = ""
    subject: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    error: SyncmuxError | None = None


Told: TypeAlias = Callable[[Any], Sequence[Finding]]


@dataclass(frozen=True, slots=True)
class Probe:
    """A call that changes nothing. That it is answered is a finding by itself: the permission is there.

    Attributes:
        told: what else its answer says.
        then: probes that only the answer makes possible.
        needed: whether work depends on the operation; what goes wrong with any other is a warning.
    """

    operation: Operation[Any]
    told: Told = lambda _answer: ()
    then: Callable[[Any], Sequence[Probe]] = lambda _answer: ()
    needed: bool = True


class Examination(Protocol):
    """What a cloud contributes to `doctor`. Pure."""

    permissions: Mapping[str, str]  # every typed operation, and the permission that it takes; "" if none
    changes: Collection[str]  # the operations among them that change something: they are never tried

    def probes(self, account: Account, now: float) -> Sequence[Probe]:
        """What to ask. The first one shows whether the cloud accepts the credentials: the others wait for it, because
        a cloud may lock a key that is refused a few times."""

    def forbids(self, error: UnauthorizedError) -> bool:
        """Whether the cloud knows who calls, and only the permission is missing."""
