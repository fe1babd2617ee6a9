"""What answers mean: success, or which error.

By the remedies that the vendor gives: in the table of error codes of OMS's API reference, and for the gateway before
it, whose codes come as APIG and as APIGW, at https://support.huaweicloud.com/devg-apisign/api-sign-errorcode.html.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from engine.clouds.replies import excerpt, json_object, refusal, text
from engine.errors import (
    BusyError,
    CallError,
    ExpiredCredentialsError,
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

UNAUTHORIZED = {"OMS.0068", "OMS.0072", "OMS.1005", "OMS.1014", "OMS.1016", "OMS.1020", "OMS.1041"}
UNAUTHORIZED |= {f"OMS.020{n}" for n in range(1, 7)} | {"APIG.0502", "APIG.1009"}
NO_SUCH_TARGET = {"OMS.0053", "OMS.0054", "OMS.1009"}
QUOTA = {"OMS.0075", "OMS.0076", "OMS.0077", "OMS.1012", "OMS.1015", "OMS.1021", "OMS.1037", "APIG.0501"}
BUSY = {"OMS.1019", "OMS.1022"}
UNAVAILABLE = {"OMS.0086", "OMS.0152", "OMS.0153", "OMS.0155", "OMS.0156", "OMS.0159", "OMS.0160", "OMS.0161"}
UNAVAILABLE |= {"OMS.1001", "OMS.1026", "OMS.2004"}

# It repeats the signed headers, with temporary credentials also the token.
_ECHO = "canonicalRequest:"


def check(reply: Reply) -> None:
    """Raise the `CallError` that an answer means, if it is not a success."""
    if 200 <= reply.status < 300:
        kind = reply.headers.get("content-type", "").split(";")[0].strip().lower()
        if reply.body and "json" not in kind:
            raise ProtocolError(f"the answer is {kind or 'of no type'}: {excerpt(reply.body)}", status=reply.status)
        if reply.body and not {"error_code", "error_msg", "error"}.isdisjoint(json_object(reply)):
            raise _failure(json_object(reply), reply)
        return
    raise _failure(refusal(reply, _retry_after_s(reply)), reply)


def _failure(answer: Mapping[str, Any], reply: Reply) -> CallError:
    nested = answer.get("error")
    body = nested if isinstance(nested, dict) else answer  # IAM nests what the others give at the top
    code = text(body.get("error_code") or body.get("errorCode") or body.get("code")).replace("APIGW.", "APIG.")
    message = text(body.get("error_msg") or body.get("errorMsg") or body.get("message")) or "no message"
    message = message.split(_ECHO)[0].rstrip(" ,") or "no message"
    request_id = reply.headers.get("x-request-id") or reply.headers.get("x-iam-trace-id") or ""
    kind = _class_of(code, reply.status, message)
    failure = kind(message, status=reply.status, code=code, request_id=request_id, retry_after_s=_retry_after_s(reply))
    if isinstance(failure, ThrottledError):
        failure.limit_per_s = _limit_per_s(message)
    return failure


def _class_of(code: str, status: int, message: str) -> type[CallError]:
    if status == 429 or code == "APIG.0308":
        return ThrottledError
    if code in QUOTA:
        return QuotaError
    if status == 401 and code == "APIG.0301" and "signature expired" in message:
        return StaleSignatureError
    if status == 401 and (code == "APIG.0307" or (code == "APIG.0301" and "token expires" in message)):
        return ExpiredCredentialsError
    if code in UNAUTHORIZED or status in {401, 403}:
        return UnauthorizedError
    if code in NO_SUCH_TARGET or status == 404:
        return TargetError
    if code in BUSY:
        return BusyError
    if code in UNAVAILABLE or status >= 500:
        return UnavailableError
    # A refusal that calls itself a success is no answer to build on.
    return RejectedError if status >= 400 else ProtocolError


def _retry_after_s(reply: Reply) -> float | None:
    value = reply.headers.get("retry-after", "")
    return float(value) if value.isascii() and value.isdigit() and len(value) < 10 else None


_LIMIT = re.compile(r"limit:(\d{1,9}),\s*time:(\d{1,6}) (second|minute|hour|day)")
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}


def _limit_per_s(message: str) -> float | None:
    """The quota in a gateway's throttling message: ``policy user over ratelimit,limit:200,time:1 second``."""
    found = _LIMIT.search(message)
    if not found or not int(found[1]) or not int(found[2]):
        return None
    return int(found[1]) / (int(found[2]) * _SECONDS[found[3]])
