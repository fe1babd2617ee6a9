"""An error that a frame knows, and that knows the frame by its traceback, is there until the garbage collector comes.

That is late, and it holds the whole call: a daemon would grow by every failure until then.
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator

import pytest

from engine.clouds.alibaba import codes as alibaba
from engine.clouds.huawei import codes as huawei
from engine.errors import CallError
from engine.model import Reply

JSON = {"content-type": "application/json"}
REPLIES = [
    Reply(429, JSON, b'{"Code":"Throttling.User","Message":"slow down"}'),
    Reply(429, JSON, b'{"error_code":"APIG.0308","error_msg":"slow down"}'),
    Reply(429, {}, b"slow down"),
    Reply(200, JSON, b'{"Success":false,"Code":"GatewayNotExist","error_code":"OMS.0053"}'),
    Reply(404, JSON, b'{"error":{"code":"404","message":"no such thing"}}'),
    Reply(302, {}, b""),
    Reply(500, JSON, b"{}"),
    Reply(502, {"content-type": "text/html"}, b"<html>"),
    Reply(200, JSON, b'{"cut'),
]


@pytest.fixture(autouse=True)
def _uncollected() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


@pytest.mark.parametrize("check", [alibaba.check, huawei.check], ids=["alibaba", "huawei"])
@pytest.mark.parametrize("reply", REPLIES, ids=lambda reply: f"{reply.status} {reply.body.decode()}")
def test_an_error_goes_with_whoever_caught_it(check: Callable[[Reply], None], reply: Reply) -> None:
    def caught() -> weakref.ref[CallError]:
        with pytest.raises(CallError) as raised:
            check(reply)
        known = weakref.ref(raised.value)
        del raised
        return known

    assert caught()() is None
