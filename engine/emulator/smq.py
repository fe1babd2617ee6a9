"""Alibaba Cloud Simple Message Queue (formerly MNS, 2015-06-06): queues, from the request to the answer.

help.aliyun.com, "Queue operations" and "Message operations" of MNS.
"""

from __future__ import annotations

import re
from contextlib import suppress

from . import percent
from . import smq_replies as replies
from .exchange import Answer, Call, Payload, Received, RefusedError
from .faults import Verdict
from .keys import AccessKeys
from .smq_queues import VISIBILITY_S, Queue
from .smq_verify import SmqVerifier
from .state import Operation, World

MAX_MESSAGES = 16
MAX_WAIT_S = 30
_PATH = re.compile(r"/queues/([A-Za-z][A-Za-z0-9-]{0,255})(/messages)?")
_ATTRIBUTES = {"VisibilityTimeout": (1, 43_200), "PollingWaitSeconds": (0, MAX_WAIT_S)}


class Smq:
    """Queues belong to accounts. What is not emulated of them, such as delays, is not taken."""

    def __init__(self, world: World, keys: AccessKeys) -> None:
        self._world = world
        self._verifier = SmqVerifier(keys, world.clock)
        self._queues: dict[tuple[str, str], Queue] = {}
        self._operations: dict[str, Operation] = {
            "CreateQueue": self.create,
            "GetQueueAttributes": self.attributes,
            "SendMessage": self.send,
            "ReceiveMessage": self.receive,
            "BatchReceiveMessage": self.receive,
            "DeleteMessage": self.delete,
            "BatchDeleteMessage": self.delete,
        }

    @staticmethod
    def serves(path: str) -> bool:
        return path.startswith("/queues/")

    def read(self, received: Received) -> Call:
        params = dict(percent.pairs(received.query, plus_is_space=True))
        found = _PATH.fullmatch(received.path)
        if found is None:
            return Call(received, "", params)
        name, messages = found.groups()
        if not messages:
            operation = {"PUT": "CreateQueue", "GET": "GetQueueAttributes"}.get(received.method, "")
        elif received.method == "DELETE":
            operation = "DeleteMessage" if "ReceiptHandle" in params else "BatchDeleteMessage"
        else:
            batch = "Batch" if "numOfMessages" in params else ""
            operation = {"POST": "SendMessage", "GET": f"{batch}ReceiveMessage"}.get(received.method, "")
        return Call(received, operation, params, {"queue": name})

    def authenticate(self, call: Call) -> None:
        """Raises RefusedError."""
        key = self._verifier.verify(call.received)
        call.account, call.access_key_id = key.account, key.access_key_id
        if not call.operation:
            raise RefusedError(400, "InvalidRequestURL", "Http request URL format invalid.")

    async def wait(self, received: Received) -> None:
        """Return when a request can be answered: one that waits for messages, when one is there or none came."""
        call = self.read(received)
        if not call.operation.endswith("ReceiveMessage"):
            return
        with suppress(RefusedError):  # is answered at once
            self.authenticate(call)
            queue = self._queue(call)
            await queue.arrival(_number(call, "waitseconds", 0, MAX_WAIT_S, queue.wait_s))

    def execute(self, call: Call, verdict: Verdict) -> Payload | None:
        return self._operations[call.operation](call, verdict)

    def create(self, call: Call, _verdict: Verdict) -> None:
        given = {}
        if call.received.body:
            given = {element.tag: element.text or "" for element in replies.document(call.received.body)}
        values = {}
        for name, text in given.items():
            least, most = _ATTRIBUTES.get(name, (0, -1))
            if not text.isdigit() or not least <= int(text) <= most:
                raise RefusedError(400, "InvalidArgument", f"The value of {name} must be between {least} and {most}.")
            values[name] = float(text)
        where = call.account, call.path_ids["queue"]
        visibility_s, wait_s = values.get("VisibilityTimeout", VISIBILITY_S), values.get("PollingWaitSeconds", 0.0)
        known = self._queues.get(where)
        if known and (known.visibility_s, known.wait_s) != (visibility_s, wait_s):
            raise RefusedError(409, "QueueAlreadyExist", "The queue you want to create is already exist.")
        call.answer_status = 204 if known else 201
        self._queues[where] = known or Queue(self._world.clock, visibility_s, wait_s)

    def attributes(self, call: Call, _verdict: Verdict) -> Payload:
        queue = self._queue(call)
        return {
            "Queue": {
                "QueueName": call.path_ids["queue"],
                "VisibilityTimeout": int(queue.visibility_s),
                "PollingWaitSeconds": int(queue.wait_s),
                "ActiveMessages": queue.active,
                "InactiveMessages": queue.inactive,
                "DelayMessages": 0,
            }
        }

    def send(self, call: Call, _verdict: Verdict) -> Payload:
        """One message or, in the same place, up to 16."""
        queue = self._queue(call)
        root = replies.document(call.received.body)
        listed = list(root) if root.tag == "Messages" else [root]
        bodies = [element.findtext("MessageBody") for element in listed]
        if not 1 <= len(bodies) <= MAX_MESSAGES or not all(bodies):
            raise RefusedError(400, "InvalidArgument", "1 to 16 messages with a MessageBody are expected.")
        call.answer_status = 201
        messages = [queue.send(body) for body in bodies if body]
        return replies.sent(messages, single=root.tag == "Message")

    def receive(self, call: Call, _verdict: Verdict) -> Payload:
        queue = self._queue(call)
        _number(call, "waitseconds", 0, MAX_WAIT_S, 0.0)
        most = _number(call, "numOfMessages", 1, MAX_MESSAGES, 1.0)
        messages = queue.receive(int(most))
        if not messages:
            raise RefusedError(404, "MessageNotExist", "Message not exist.")
        return replies.received(messages, single=call.operation == "ReceiveMessage")

    def delete(self, call: Call, _verdict: Verdict) -> None:
        queue = self._queue(call)
        if call.operation == "DeleteMessage":
            if not queue.delete(call.params["ReceiptHandle"]):
                raise RefusedError(400, "ReceiptHandleError", "The receipt handle you provide is not valid.")
        else:
            handles = [element.text or "" for element in replies.document(call.received.body)]
            if not 1 <= len(handles) <= MAX_MESSAGES:
                raise RefusedError(400, "InvalidArgument", "1 to 16 receipt handles are expected.")
            if bad := [handle for handle in handles if not queue.delete(handle)]:
                raise replies.NotDeletedError(bad)
        call.answer_status = 204

    def success(self, call: Call, payload: Payload | None) -> Answer:
        return replies.success(call, payload)

    def refusal(self, call: Call, refused: RefusedError) -> Answer:
        return replies.refusal(call, refused)

    def throttled(self, calls_per_s: float, _wait_s: float, _hint: float) -> RefusedError:
        return RefusedError(429, "QpsLimitExceeded", f"More than {calls_per_s:g} requests a second.")

    def injected(self, outcome: str, _operation: str) -> RefusedError | None:
        """The refusal that a fault asks for, if it is one."""
        if outcome in {"unavailable", "busy"}:
            return RefusedError(503, "ServiceUnavailable", "The service is not available.")
        return RefusedError(500, "InternalError", "Interal error.") if outcome == "error_500" else None

    def _queue(self, call: Call) -> Queue:
        queue = self._queues.get((call.account, call.path_ids["queue"]))
        if queue is None:
            raise RefusedError(404, "QueueNotExist", "The queue you provided is not exist.")
        return queue


def _number(call: Call, name: str, least: int, most: int, default: float) -> float:
    text = call.params.get(name, "")
    if not text:
        return default
    if not text.isdigit() or not least <= int(text) <= most:
        raise RefusedError(400, "InvalidArgument", f"The value of {name} must be between {least} and {most}.")
    return float(text)
