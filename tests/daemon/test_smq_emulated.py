"""The emulated SMQ is as strict and as forgetful as the vendor documents it."""

from __future__ import annotations

import itertools
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine.emulator import EmulatorProcess
from tests.cli.conftest import Clouds
from tests.daemon.smq import NAMESPACE, SmqClient, oss_message

_numbers = itertools.count()


@pytest.fixture
def queue(emulator: EmulatorProcess) -> SmqClient:
    client = SmqClient(emulator.alibaba, f"queue-{next(_numbers)}")
    assert client.create(visibility_s=1).status == 201
    return client


def test_a_message_as_it_is_documented(queue: SmqClient) -> None:
    sent = queue.send("a <b> & c")
    assert sent.status == 201
    received = queue.receive()
    assert received.status == 200
    assert received.xml.tag == f"{NAMESPACE}Messages"
    (message,) = received.xml
    assert [element.tag.removeprefix(NAMESPACE) for element in message] == [
        "MessageId", "ReceiptHandle", "MessageBodyMD5", "MessageBody", "EnqueueTime", "NextVisibleTime",
        "FirstDequeueTime", "DequeueCount", "Priority",
    ]  # fmt: skip
    assert received.texts("MessageBody") == ["a <b> & c"]
    assert received.texts("MessageId") == sent.texts("MessageId")
    assert received.texts("DequeueCount") == ["1"]
    assert received.headers["x-mns-version"] == "2015-06-06"
    assert "x-mns-request-id" in received.headers


def test_a_received_message_comes_again_unless_it_is_deleted(queue: SmqClient) -> None:
    queue.send("x")
    first = queue.receive()
    assert queue.receive().code == "MessageNotExist", "it is out of sight"
    again = queue.receive("numOfMessages=16&waitseconds=5")
    assert (again.texts("MessageId"), again.texts("DequeueCount")) == (first.texts("MessageId"), ["2"])
    for handle, status in ((first.texts("ReceiptHandle")[0], 404), (again.texts("ReceiptHandle")[0], 204)):
        body = f"<ReceiptHandles><ReceiptHandle>{handle}</ReceiptHandle></ReceiptHandles>"
        deleted = queue.call("DELETE", f"{queue.path}/messages", body)
        assert deleted.status == status, "only the last handle is good"
        if status == 404:
            assert deleted.xml.tag == f"{NAMESPACE}Errors"
            assert (deleted.texts("ErrorCode"), deleted.texts("ReceiptHandle")) == (["ReceiptHandleError"], [handle])
    assert queue.left() == 0


def test_a_long_poll_ends_with_the_first_message(queue: SmqClient) -> None:
    with ThreadPoolExecutor() as pool:
        waiting = [pool.submit(queue.receive, "numOfMessages=1&waitseconds=30") for _ in range(2)]
        queue.send("x")
        queue.send("y")
        bodies = [each.result(20).texts("MessageBody") for each in waiting]
    assert sorted(bodies) == [["x"], ["y"]]
    assert queue.receive("numOfMessages=1&waitseconds=30").texts("DequeueCount") == ["2"], "or when one is seen again"


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"authorization": None}, 400, "MissingAuthorizationHeader"),
        ({"authorization": "MNS emulator-ak"}, 400, "InvalidAuthorizationHeader"),
        ({"authorization": "MNS emulator-ak:AAAA"}, 403, "SignatureDoesNotMatch"),
        ({"authorization": "MNS nobody:AAAA"}, 403, "InvalidAccessKeyId"),
        ({"date": "yesterday"}, 400, "InvalidDateHeader"),
        ({"x-mns-version": None}, 400, "MissingVersionHeader"),
        ({"x-mns-more": "1"}, 403, "SignatureDoesNotMatch"),
        ({"content-md5": "AAAA"}, 400, "InvalidDegist"),
        ({"content-type": "text/plain"}, 403, "SignatureDoesNotMatch"),
        ({"security-token": "stolen"}, 403, "AccessDenied"),
    ],
)
def test_whatever_is_changed_after_signing_is_refused(
    queue: SmqClient, changed: dict[str, str | None], status: int, code: str
) -> None:
    refused = queue.call(
        "POST", f"{queue.path}/messages", "<Message><MessageBody>x</MessageBody></Message>", changed=changed
    )
    assert (refused.status, refused.code) == (status, code)
    assert refused.texts("RequestId")
    assert refused.texts("HostId")
    assert queue.left() == 0


def test_old_signatures_other_accounts_and_missing_queues(queue: SmqClient, emulator: EmulatorProcess) -> None:
    assert queue.call("GET", queue.path, at=time.time() - 1000).code == "TimeExpired"
    assert SmqClient(emulator.alibaba, "no-queue").receive().code == "QueueNotExist"
    assert queue.receive("numOfMessages=17").code == "InvalidArgument"
    assert queue.receive("numOfMessages=1&waitseconds=31").code == "InvalidArgument"
    assert queue.create(visibility_s=1).status == 204
    assert queue.create(visibility_s=2).code == "QueueAlreadyExist"


def test_faults_strike_it_as_the_others(queue: SmqClient, cloud: Clouds) -> None:
    queue.send(oss_message("a"))
    cloud.set(operations={"BatchReceiveMessage": {"throttle": 1.0}})
    assert queue.receive().code == "QpsLimitExceeded"
    cloud.set(operations={"BatchReceiveMessage": {"reset_after": 1.0}})
    with pytest.raises(ConnectionError):
        queue.receive()
    cloud.clear()
    assert queue.receive().code == "MessageNotExist", "it was handed out, and nobody saw it"
    assert queue.left() == 1
