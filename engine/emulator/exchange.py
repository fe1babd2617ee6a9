"""What goes in and out of the emulated clouds, free of the HTTP library."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Payload: TypeAlias = "dict[str, Any]"


@dataclass(slots=True)
class Received:
    """One HTTP request as it came over the wire. Nothing is decoded: signatures cover the raw text."""

    method: str
    path: str  # without the query
    query: str
    headers: Mapping[str, str]  # lower-case names; the values of a repeated header are joined by commas
    body: bytes


@dataclass(slots=True)
class Call:
    """A request that a cloud has read. `account` and `access_key_id` are empty until it is authenticated."""

    received: Received
    operation: str  # empty when the cloud has no such operation
    params: Mapping[str, str]  # decoded query (and form) parameters
    path_ids: Mapping[str, str] = field(default_factory=dict)
    xml: bool = False
    account: str = ""
    access_key_id: str = ""
    # What an operation may set beside its payload.
    answer_status: int = 200
    answer_headers: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Answer:
    """A whole HTTP answer. The ledger counts it under `code`: the status, or the vendor's error code."""

    status: int
    body: bytes
    content_type: str
    code: str
    headers: Mapping[str, str] = field(default_factory=dict)


class RefusedError(Exception):
    """The cloud says no.

    `gateway` tells who says it: the API gateway in front of the service, or the service. Their answers look
    different.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        gateway: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.gateway = gateway
        self.headers = headers or {}
