"""A pulled queue: requests as the vendor writes them, answers as it gives them."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from engine.errors import (
    CallError,
    ProtocolError,
    RejectedError,
    StaleSignatureError,
    TargetError,
    ThrottledError,
    UnauthorizedError,
    UnavailableError,
)
from engine.model import Reply
from engine.notifications.smq_queue import delete_call, deleted, receive_call, received
from tests.notifications.samples import oss_message, queue_answer, xml_envelope


def error(status: int, code: str) -> Reply:
    text = (
        f'<?xml version="1.0" encoding="UTF-8"?><Error xmlns="http://mns.aliyuncs.com/doc/v1"><Code>{code}</Code>'
        "<Message>told</Message><RequestId>R-1</RequestId><HostId>h</HostId></Error>"
    )
    return Reply(status, {}, text.encode())


def errors(status: int, *codes: str) -> Reply:
    listed = "".join(
        f"<Error><ErrorCode>{code}</ErrorCode><ErrorMessage>told</ErrorMessage>"
        f"<ReceiptHandle>h-{number}</ReceiptHandle></Error>"
        for number, code in enumerate(codes)
    )
    return Reply(status, {}, f'<Errors xmlns="http://mns.aliyuncs.com/doc/v1/">{listed}</Errors>'.encode())


def test_receiving() -> None:
    call = receive_call("oss-events", 16, 30)
    assert (call.method, call.path) == ("GET", "/queues/oss-events/messages")
    assert call.params == {"numOfMessages": "16", "waitseconds": "30"}
    first, second = received(queue_answer(oss_message("a", "b"), xml_envelope(oss_message("c"))))
    assert (first.id, first.handle, first.deliveries) == ("q-1", "h-1", 1)
    assert second.deliveries == 2
    assert [(event.key, event.id) for event in first.events()] == [("a", "q-1#0"), ("b", "q-1#1")]
    assert [(event.key, event.id) for event in second.events()] == [("c", "e-1#0")], (
        "the topic's id outlives the queue's"
    )


def test_one_message_by_itself_and_any_namespace() -> None:
    body = queue_answer(oss_message("a")).body.replace(b"/doc/v1/", b"/doc/v1")
    one = body.replace(b"</Messages>", b"").split(b"<Messages")[1].partition(b">")[2]
    (message,) = received(Reply(200, {}, one))
    assert message.handle == "h-1"
    assert received(Reply(200, {}, body))[0] == message


def test_an_empty_queue() -> None:
    assert received(error(404, "MessageNotExist")) == []


def test_deleting() -> None:
    call = delete_call("q", ["1-ODU4OT==", "a<&b"])
    assert (call.method, call.path, call.params) == ("DELETE", "/queues/q/messages", {})
    root = ET.fromstring(call.body)  # noqa: S314 - our own
    assert root.tag == "{http://mns.aliyuncs.com/doc/v1/}ReceiptHandles"
    assert [child.text for child in root] == ["1-ODU4OT==", "a<&b"]
    deleted(Reply(204, {}, b""))
    deleted(errors(404, "MessageNotExist", "ReceiptHandleError"))
    deleted(errors(400, "ReceiptHandleError"))
    with pytest.raises(RejectedError, match="told"):
        deleted(errors(400, "InvalidArgument", "ReceiptHandleError"))
    with pytest.raises(ProtocolError):
        deleted(Reply(200, {}, b"<Errors/>"))
    with pytest.raises(TargetError):
        deleted(error(404, "QueueNotExist"))


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (403, "AccessDenied", UnauthorizedError),
        (403, "InvalidAccessKeyId", UnauthorizedError),
        (403, "SignatureDoesNotMatch", UnauthorizedError),
        (408, "TimeExpired", StaleSignatureError),
        (404, "QueueNotExist", TargetError),
        (403, "QpsLimitExceeded", ThrottledError),
        (429, "Anything", ThrottledError),
        (500, "InternalError", UnavailableError),
        (503, "ServiceUnavailable", UnavailableError),
        (400, "InvalidArgument", RejectedError),
        (302, "Moved", ProtocolError),
    ],
)
def test_what_codes_mean(status: int, code: str, kind: type[CallError]) -> None:
    for read in (received, deleted):
        with pytest.raises(CallError) as caught:
            read(error(status, code))
        assert type(caught.value) is kind
        if kind is not ProtocolError:
            assert (caught.value.code, caught.value.request_id) == (code, "R-1")


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, {}, b""),
        Reply(200, {}, b"<html>sign in"),
        Reply(200, {}, b"<Messages><Message><MessageId>m</MessageId></Message></Messages>"),
        Reply(200, {}, b'<!DOCTYPE a [<!ENTITY b "c">]><Messages/>'),
        Reply(404, {}, b"nothing here"),
    ],
)
def test_what_is_no_answer(reply: Reply) -> None:
    with pytest.raises(ProtocolError):
        received(reply)


def test_a_proxy_that_fails_is_not_the_queue() -> None:
    with pytest.raises(UnavailableError):
        received(Reply(502, {}, b"<html>bad gateway"))


@pytest.mark.parametrize(
    ("queue", "most", "wait_s"), [("a/b", 1, 0), ("", 1, 0), ("q", 0, 0), ("q", 17, 0), ("q", 1, 31)]
)
def test_requests_that_would_be_refused(queue: str, most: int, wait_s: int) -> None:
    with pytest.raises(ValueError, match=r"queue|messages"):
        receive_call(queue, most, wait_s)
    for handles in ([], ["h"] * 17):
        with pytest.raises(ValueError, match="handles"):
            delete_call("q", handles)
