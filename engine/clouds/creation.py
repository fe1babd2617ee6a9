"""Something that is to be created once, and how it is recognised in a listing if the answer to its creation is lost."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, NamedTuple

from engine.clouds.operation import Operation


class Existing(NamedTuple):
    """One thing in a listing."""

    id: str
    mine: bool  # it came of this very intent
    alike: bool  # it is what is wanted, whoever created it
    born: int = 0  # orders things by age; the unit is the cloud's
    differs: tuple[str, ...] = ()  # parameters in which it is not as wanted


class Page(NamedTuple):
    """A part of a listing; `total` is how many the cloud says there are, None if it lists everything at once."""

    things: Sequence[Existing]
    listed: int
    total: int | None


class Creation(ABC):
    """How to create something of one kind. Its parameters are checked when it is made.

    Attributes:
        operation: as it was asked for.
        noun: what people call it.
        taken: codes that refuse a creation because something like it may be there.
        unique: the cloud itself refuses a second one.
        unsure_s: how long after a lost request listings must lack the thing before it is created again.
    """

    noun: str
    taken: frozenset[str]
    unsure_s: float
    unique: bool = False

    def __init__(self, operation: Operation[Any]) -> None:
        self.operation = operation

    @property
    @abstractmethod
    def identity(self) -> Mapping[str, str]:
        """What makes it the same thing if it is asked for again. Never a secret."""

    @abstractmethod
    def marked(self, token: str) -> Operation[Any]:
        """The operation to send, with the intent's token where the cloud keeps one."""

    @abstractmethod
    def created(self, answer: Any) -> str:
        """The id in a successful answer."""

    @abstractmethod
    def listing(self, offset: int) -> Operation[Any]: ...

    @abstractmethod
    def page(self, answer: Any, token: str) -> Page: ...

    @abstractmethod
    def probe(self, thing: str, now: float) -> Operation[Any]:
        """An operation that fails with `TargetError` if the thing is gone."""

    def admit(self, there: int) -> None:
        """Raise `QuotaError` if the cloud documents that there cannot be more than are there."""
        del there

    def earlier(self, thing: str, probed: Any, now: float) -> Sequence[Operation[Any]]:
        """What else is to be asked, given the answer to `probe`, to know whether somebody has begun to use it."""
        del thing, probed, now
        return ()

    def undo(self, thing: str, probed: Sequence[Any]) -> Sequence[Operation[Any]]:
        """Operations, one after the other, that remove what was created a second time; none if that cannot be done or,
        by the answers to `probe` and `earlier`, somebody has begun to use it."""
        del thing, probed
        return ()


def stated(parameters: Any) -> dict[str, Any]:
    """The parameters of an operation that are given and may be seen."""
    given = {f.name: getattr(parameters, f.name) for f in fields(parameters) if f.repr}
    return {name: stated(value) if is_dataclass(value) else value for name, value in given.items() if value is not None}
