"""Which operation a request asks for, and a valid answer to it, ready for the wire."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias
from urllib.parse import parse_qs

import orjson

from benchmarks.server.tasks import Gateways

Params: TypeAlias = "Mapping[str, list[str]]"
Answer: TypeAlias = "bytes | Callable[[Params], bytes]"

SUCCESS = {"RequestId": "3C8C2F64-0001-4000-8000-000000000000", "Code": "200", "Message": "successful", "Success": True}


def wire(body: bytes, status: str = "200 OK") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"X-Request-Id: 3c8c2f640001400080000000\r\n\r\n" + body


def success(**more: object) -> bytes:
    """An answer of Storage Gateway."""
    return wire(orjson.dumps(SUCCESS | more))


UNKNOWN = wire(b'{"error_code":"404","error_msg":"the neutral server does not know this operation"}', "404 Not Found")


def constant() -> dict[bytes, Answer]:
    return {
        b"TriggerGatewayRemoteSync": success(TaskId="t-0001"),
        b"DescribeTasks": success(Tasks={"SimpleTask": []}, TotalCount=0, PageNumber=1, PageSize=50),
        b"CreateSyncEvents": wire(b"{}"),
        b"ShowSyncTask": wire(b'{"sync_task_id":"s-0001","status":"SYNCHRONIZING"}'),
    }


def with_tasks(gateways: Gateways) -> dict[bytes, Answer]:
    """Triggers start tasks that take their time, and DescribeTasks tells of them."""
    return constant() | {
        b"TriggerGatewayRemoteSync": lambda params: success(TaskId=gateways.start(params["GatewayId"][0])),
        b"DescribeTasks": lambda params: success(**gateways.describe(params)),
        b"Calls": lambda params: wire(orjson.dumps(gateways.calls(params["Prefix"][0]))),
    }


def operation(head: bytes, body: bytes) -> bytes:
    """The operation's name. Both vendors' newer ways of saying it come first, as nearly all requests use them."""
    line = head[: head.find(b"\r")]
    if line.find(b" /v2/") > 0:
        return b"CreateSyncEvents" if line.find(b"/events ") > 0 else b"ShowSyncTask"
    at = head.lower().find(b"\r\nx-acs-action: ")
    if at > 0:
        return head[at + 16 : head.find(b"\r", at + 2)]
    for text in (body, line):
        at = text.find(b"Action=")
        if at >= 0:
            return text[at + 7 :].split(b"&", 1)[0].split(b" ", 1)[0]
    return b""


def params(head: bytes, body: bytes) -> Params:
    line = head[: head.find(b"\r")].split(b" ")
    query = line[1].partition(b"?")[2] if len(line) > 1 else b""
    return parse_qs((query + b"&" + body).decode())
