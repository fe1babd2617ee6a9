"""What answers mean: success, or which error.

https://help.aliyun.com/document_detail/48054.html has the gateway's codes; each operation's page has its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from engine.clouds.replies import json_object, refusal, text
from engine.errors import (
    BusyError,
    CallError,
    ExpiredCredentialsError,
    ForbiddenError,
    ProtocolError,
    QuotaError,
    RejectedError,
    StaleSignatureError,
    TargetError,
    ThrottledError,
    UnauthorizedError,
    UnavailableError,
)
from engine.model import Reply

THROTTLED = ("Throttling", "Rejected.Throttling")
BUSY = {"GatewayInOperation", "ExpressSyncInOperation"}
UNAVAILABLE = {"ServiceUnavailable", "InternalError", "UnknownError", "SignatureNonceUsed", "AssumeRoleFail"}
NO_SUCH_TARGET = {"GatewayNotExist", "StorageBundleNotExist", "ExpressSyncNotExist", "InvalidApi.NotFound"}
QUOTA = {"ExpressSyncNotificationEventLimitExceed"}
UNAUTHORIZED = (
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "IncompleteSignature",
    "InvalidSecurityToken",
    "InvalidTimeStamp",
    "RoleNotExist",
)
FORBIDDEN = ("Forbidden", "NoPermission")  # by a policy of RAM, which may name gateways

_BY_STATUS: Mapping[int, type[CallError]] = {401: UnauthorizedError, 403: ForbiddenError}  # under codes not known here

# What follows repeats the access key and, with temporary credentials, the token.
_ECHO = re.compile(r"\s*(server )?(string\s?to\s?sign|canonical\s?request) is", re.IGNORECASE)


def check(reply: Reply) -> None:
    """Raise the `CallError` that an answer means, if it is not a success."""
    if 200 <= reply.status < 300:
        answer = json_object(reply)
        # An answer with HTTP 200 may carry a failure; the code is a string in most samples and a number in one.
        if answer.get("Success") is True and text(answer.get("Code", "200")) == "200":
            return
        raise _failure(answer, reply)
    raise _failure(refusal(reply, _retry_after_s(reply)), reply)


def _failure(answer: Mapping[str, Any], reply: Reply) -> CallError:
    code = text(answer.get("Code") or answer.get("code"))
    message = text(answer.get("Message") or answer.get("message")) or "no message"
    message = _ECHO.split(message, maxsplit=1)[0]
    if reply.status < 300 and code in {"", "200"}:
        return ProtocolError("the answer says Success is not true and gives no reason", status=reply.status)
    kind, request_id = _class_of(code, reply), text(answer.get("RequestId"))
    return kind(message, status=reply.status, code=code, request_id=request_id, retry_after_s=_retry_after_s(reply))


def _class_of(code: str, reply: Reply) -> type[CallError]:
    if code.startswith(THROTTLED) or reply.status == 429 or _retry_after_s(reply) is not None:
        return ThrottledError
    if code in BUSY:
        return BusyError
    if code in NO_SUCH_TARGET:
        return TargetError
    if code in QUOTA:
        return QuotaError
    if code == "InvalidTimeStamp.Expired":
        return StaleSignatureError
    if code == "InvalidSecurityToken.Expired":
        return ExpiredCredentialsError
    if code.startswith(UNAUTHORIZED):
        return UnauthorizedError
    if code.startswith(FORBIDDEN):
        return ForbiddenError
    if code in UNAVAILABLE or reply.status >= 500:
        return UnavailableError
    if reply.status < 400:  # a failure that calls itself a success, for no reason we know, is nothing to build on
        return ProtocolError
    return _BY_STATUS.get(reply.status, RejectedError)


def _retry_after_s(reply: Reply) -> float | None:
    """The newest SDK takes this header, in milliseconds, on any error as the word to wait."""
    value = reply.headers.get("x-acs-retry-after", "")
    return int(value) / 1000 if value.isascii() and value.isdigit() and len(value) < 10 and int(value) else None
