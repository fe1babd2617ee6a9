"""Alibaba Cloud's answers: one envelope, in JSON or XML."""

from __future__ import annotations

from typing import Any
from uuid import uuid4
from xml.sax.saxutils import escape

import orjson

from .exchange import Answer, Call, Payload, RefusedError

_JSON = "application/json;charset=utf-8"
_XML = "text/xml;charset=utf-8"


def success(call: Call, payload: Payload, *, enveloped: bool) -> Answer:
    """The gateway's answers say in an envelope that they are successes; other services' do not."""
    body = {**payload, "RequestId": _request_id()}
    if enveloped:
        body |= {"Code": "200", "Message": "successful", "Success": True}
    return _answer(call, 200, f"{call.operation}Response", body, "200")


def refusal(call: Call, refused: RefusedError) -> Answer:
    """The API gateway names the host and a help page; the service answers in its own envelope."""
    body: dict[str, Any] = {"RequestId": _request_id(), "Code": refused.code, "Message": refused.message}
    if refused.gateway:
        body["HostId"] = call.received.headers.get("host", "")
        body["Recommend"] = f"https://error-center.aliyun.com/status/search?Keyword={refused.code}&source=PopGw"
    else:
        body["Success"] = False
    root = "Error" if refused.gateway else f"{call.operation}Response"
    answer = _answer(call, refused.status, root, body, refused.code)
    answer.headers = refused.headers
    return answer


def _answer(call: Call, status: int, root: str, body: dict[str, Any], code: str) -> Answer:
    if call.xml:
        text = f"<?xml version='1.0' encoding='UTF-8'?>{_element(root, body)}"
        return Answer(status, text.encode(), _XML, code)
    return Answer(status, orjson.dumps(body), _JSON, code)


def _element(name: str, value: Any) -> str:
    """A list becomes one element per entry, all with the list's name."""
    if isinstance(value, list):
        return "".join([_element(name, each) for each in value])
    if isinstance(value, dict):
        inner = "".join([_element(key, each) for key, each in value.items()])
    elif isinstance(value, bool):
        inner = "true" if value else "false"
    else:
        inner = escape(str(value))
    return f"<{name}>{inner}</{name}>"


def _request_id() -> str:
    return str(uuid4()).upper()
