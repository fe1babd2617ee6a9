"""One operation of a cloud's API as a value: what it asks for, and how its answer is read."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import orjson

from engine.clouds.constraints import check, hidden
from engine.clouds.replies import json_object
from engine.clouds.secret_names import secret_texts
from engine.errors import InputError
from engine.model import Account, Call, Reply

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")
NAME = re.compile(r"[A-Za-z][\w.:-]{0,127}", re.ASCII).fullmatch
PATH = re.compile(r"/[!\"$-<=>@-~]*").fullmatch

Answer = TypeVar("Answer")
Answer_co = TypeVar("Answer_co", covariant=True)


class Operation(ABC, Generic[Answer_co]):
    """Base of frozen dataclasses of parameters. They are checked when made; None is a parameter that is not sent.

    Attributes:
        cloud: whose operation it is.
        repeatable: whether it may be sent again, without harm, when the answer to the first attempt was lost.
        taken: codes that refuse a repeat because an attempt before it took effect. Only of empty answers.
        service: which of the cloud's services; "" is the first, for which the account's `lookup` is made before.
    """

    __slots__ = ()

    cloud: str
    repeatable: bool
    taken: frozenset[str] = frozenset()
    service: str = ""

    def __post_init__(self) -> None:
        check(self)
        self.check()

    def check(self) -> None:
        """Raise an `InputError` if the parameters break a rule that joins several of them."""

    def secrets(self) -> Iterator[str]:
        """Parameters that must not be seen in any message."""
        return hidden(self)

    @abstractmethod
    def call(self, account: Account) -> Call: ...

    @abstractmethod
    def read(self, reply: Reply) -> Answer_co:
        """What a successful answer says.

        Raises:
            ProtocolError: it cannot be the answer to this operation.
        """


@dataclass(frozen=True, slots=True)
class Untyped(Operation[dict[str, Any]]):
    """Any operation, by its name on the wire. In `path`, ``{project_id}`` stands for that setting of the account."""

    cloud: str
    operation: str
    params: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"
    path: str = "/"
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    service: str = ""
    repeatable: bool = False

    def check(self) -> None:
        if not NAME(self.operation):
            raise InputError(f"operation {self.operation!r:.80} is no name")
        if self.method not in METHODS:
            raise InputError(f"method {self.method!r:.80} must be one of {', '.join(METHODS)}")
        if not PATH(self.path):
            raise InputError(f"path {self.path!r:.80} must start with / and be URL-encoded, without a query")
        if not all(isinstance(text, str) for text in (*self.params, *self.params.values())):
            raise InputError("params must be texts by name")

    def secrets(self) -> Iterator[str]:
        """What is called like a secret, or looks like one. What is not to be seen at all goes into the body."""
        yield from secret_texts(self.params)
        yield from secret_texts(self.body)

    def call(self, account: Account) -> Call:
        path = self.path
        for name, value in account.settings.items():
            path = path.replace(f"{{{name}}}", quote(value, safe=""))
        body = b"" if self.body is None else orjson.dumps(self.body)
        return Call(self.operation, self.method, path, self.params, body, self.service)

    def read(self, reply: Reply) -> dict[str, Any]:
        return json_object(reply) if reply.body else {}
