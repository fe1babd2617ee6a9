"""A state that something is to be brought into: the act that does it, and how to see whether it is there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from engine.clouds.operation import Operation
from engine.model import Account, Call, Reply

Answer = TypeVar("Answer")
DELETED = "deleted"  # the state of what is not there


@dataclass(frozen=True, slots=True)
class Once(Operation[Any]):
    """Any operation, attempted a single time: whoever does it decides about each repeat."""

    operation: Operation[Any]
    cloud: str
    service: str = ""
    repeatable: bool = False

    def call(self, account: Account) -> Call:
        return self.operation.call(account)

    def read(self, reply: Reply) -> Any:
        return self.operation.read(reply)


def once(operation: Operation[Answer]) -> Operation[Answer]:
    return cast("Operation[Answer]", Once(operation, operation.cloud, operation.service))


@dataclass(frozen=True, slots=True)
class Change:
    """What is wanted of something that is there.

    Attributes:
        act: brings it about. Doing it twice comes to the same, at most at a cost.
        state: the word for what is reached.
        subject: what is changed, where changes are in each other's way: then only the newest of a subject is carried
            out. "" where they are not.
        look: an operation, at a moment (seconds since the epoch), whose answer tells the state. None where an answer
            could not be trusted: that a listing lacks something does not prove that it is gone.
        reached: whether such an answer says that it is there.
        taken: codes that refuse the act when it was done before, but for other reasons, too.
        proving: codes that refuse it because the state is reached already.
        unsure_s: how long after a lost request the state must not be reached before it is sent again.
        task: the task, in an answer to the act, that does the work; "" if it is done when it is answered.
        progress: asks how far that task is.
        ended: what the answer says: True if it is done, False if it failed, None while it goes on.
    """

    act: Operation[Any]
    state: str
    subject: str = ""
    look: Callable[[float], Operation[Any]] | None = None
    reached: Callable[[Any], bool] = lambda _answer: False
    taken: frozenset[str] = frozenset()
    proving: frozenset[str] = frozenset()
    unsure_s: float = 0.0
    task: Callable[[Any], str] = lambda _answer: ""
    progress: Callable[[str], Operation[Any]] | None = None
    ended: Callable[[Any], bool | None] = lambda _answer: True
