"""Every documented code, and the class of error that it is to be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from engine.clouds import clouds
from engine.errors import (
    BusyError,
    CallError,
    ForbiddenError,
    ProtocolError,
    QuotaError,
    RejectedError,
    TargetError,
    ThrottledError,
    UnauthorizedError,
    UnavailableError,
)
from engine.model import Call, Reply

CLASSES: Mapping[str, type[CallError]] = {
    "busy": BusyError,
    "forbidden": ForbiddenError,
    "quota": QuotaError,
    "rejected": RejectedError,
    "target": TargetError,
    "throttled": ThrottledError,
    "unauthorized": UnauthorizedError,
    "unavailable": UnavailableError,
}

# class, HTTP status, codes: from the vendor's pages.
SGW = """
throttled    400 Throttling Throttling.User Throttling.Api Rejected.Throttling
throttled    503 Throttling.User
unavailable  503 ServiceUnavailable
unavailable  500 InternalError UnknownError SomethingNew
unavailable  400 SignatureNonceUsed
unavailable  403 AssumeRoleFail
busy         400 GatewayInOperation ExpressSyncInOperation
target       400 GatewayNotExist ExpressSyncNotExist StorageBundleNotExist
target       404 InvalidApi.NotFound
quota        400 ExpressSyncNotificationEventLimitExceed
unauthorized 400 InvalidTimeStamp.Expired InvalidTimeStamp.Format SignatureDoesNotMatch IncompleteSignature
unauthorized 400 InvalidAccessKeyId.Inactive InvalidSecurityToken.Expired InvalidSecurityToken.Malformed
unauthorized 403 SignatureDoesNotMatch InvalidSecurityToken.MismatchWithAccessKey
unauthorized 401 SomethingNew
forbidden    403 Forbidden Forbidden.RAM NoPermission SomethingNew
forbidden    404 NoPermission
unauthorized 404 InvalidAccessKeyId.NotFound RoleNotExist
rejected     400 EmptyExpressSyncName EmptyBucketName EmptyBucketRegion InvalidExpressSyncName DescriptionOverLimit
rejected     400 DuplicateExpressSyncName ConflictExpressSyncConfig InvalidRegionId InvalidBucketName EmptyExpressSyncId
rejected     400 ExpressSyncNotificationEventConflict MissingGatewayId InvalidPageSize SomethingNew
"""

OMS = """
rejected     400 OMS.0001 OMS.0002 OMS.0004 OMS.0005 OMS.0051 OMS.0052 OMS.0057 OMS.0058 OMS.0059 OMS.0060 OMS.0061
rejected     400 OMS.0062 OMS.0063 OMS.0064 OMS.0065 OMS.0066 OMS.0067 OMS.0070 OMS.0073 OMS.0074 OMS.0078 OMS.0079
rejected     400 OMS.0080 OMS.0081 OMS.0083 OMS.0084 OMS.0085 OMS.0087 OMS.0089 OMS.0151 OMS.0157 OMS.0158 OMS.0167
rejected     400 OMS.0168 OMS.0169 OMS.0302 OMS.0303 OMS.0304 OMS.0305 OMS.0306 OMS.0307 OMS.0308 OMS.1002 OMS.1003
rejected     400 OMS.1004 OMS.1006 OMS.1007 OMS.1008 OMS.1010 OMS.1011 OMS.1013 OMS.1017 OMS.1018 OMS.1023 OMS.1027
rejected     400 OMS.1028 OMS.1030 OMS.1031 OMS.1032 OMS.1033 OMS.1035 OMS.1036 OMS.1038 OMS.1039 OMS.1040 OMS.9999
target       400 OMS.0053 OMS.0054 OMS.1009
target       404 OMS.1009 OMS.9999
unauthorized 400 OMS.0068 OMS.0072 OMS.0201 OMS.0202 OMS.0203 OMS.0204 OMS.1005 OMS.1014 OMS.1016 OMS.1020 OMS.1041
unauthorized 403 OMS.0205 OMS.0206 OMS.9999
quota        400 OMS.0075 OMS.0076 OMS.0077 OMS.1012 OMS.1015 OMS.1021 OMS.1037
busy         400 OMS.1019 OMS.1022
unavailable  400 OMS.0086 OMS.0152 OMS.0153 OMS.0155 OMS.0156 OMS.0159 OMS.0160 OMS.0161 OMS.1001 OMS.1026
unavailable  503 OMS.2004 OMS.9999
"""

GATEWAY = """
target       404 0101
rejected     400 0106 0201 0204 0602 0607
rejected     413 0201
rejected     414 0201
rejected     494 0201
unavailable  500 0103 0104 0105 0201 0601 0605 0606 0608 0609 0611 0612 0705
unavailable  502 0201 0610
unavailable  503 0613
unavailable  504 0201
unauthorized 401 0301 0303 0305 0307 0311
unauthorized 403 0302 0304 0306 0310 0401 0402 0404 0802
unauthorized 405 0502
unauthorized 400 1009
throttled    429 0308
quota        405 0501
"""


def is_a(error: CallError, kind: str) -> bool:
    """Exactly that class: some are narrower ones of others. Only what is unauthorized has narrower ones beside it."""
    if kind == "unauthorized":
        return isinstance(error, UnauthorizedError) and not isinstance(error, ForbiddenError)
    return type(error) is CLASSES[kind]


def cases(table: str) -> list[tuple[str, int, str]]:
    rows = [line.split() for line in table.strip().splitlines()]
    return [(kind, int(status), code) for kind, status, *codes in rows for code in codes]


def failure(cloud: str, status: int, body: object, **headers: str) -> CallError:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    reply = Reply(status, {"content-type": "application/json", **named}, raw)
    with pytest.raises(CallError) as raised:
        clouds()[cloud].check(Call("AnOperation"), reply)
    return raised.value


@pytest.mark.parametrize(("kind", "status", "code"), cases(SGW))
def test_codes_of_storage_gateway(kind: str, status: int, code: str) -> None:
    for names in (("Code", "Message", "RequestId"), ("code", "message", "RequestId")):
        error = failure("alibaba", status, dict(zip(names, (code, "Why not.", "R-1"), strict=True)))
        assert is_a(error, kind)
        assert (error.code, error.message, error.status, error.request_id) == (code, "Why not.", status, "R-1")


@pytest.mark.parametrize("code", ["GatewayInOperation", "Throttling.User", "GatewayNotExist", "InternalError"])
def test_a_failure_that_calls_itself_a_success_is_a_failure(code: str) -> None:
    kind = next(kind for kind, _, one in cases(SGW) if one == code)
    for success in (True, False, None):
        assert is_a(failure("alibaba", 200, {"Success": success, "Code": code}), kind)


@pytest.mark.parametrize("success", [False, None, "true", 1])
@pytest.mark.parametrize("code", ["200", 200, None, "SomethingNew"])
def test_what_is_neither_a_success_nor_a_known_failure_is_no_answer(success: object, code: object) -> None:
    assert type(failure("alibaba", 200, {"Success": success, "Code": code})) is ProtocolError


@pytest.mark.parametrize("code", ["200", 200, None])
def test_a_success_by_any_spelling_of_its_code(code: object) -> None:
    body = {"Success": True} if code is None else {"Success": True, "Code": code}
    clouds()["alibaba"].check(Call("AnOperation"), Reply(200, {}, orjson.dumps(body)))


@pytest.mark.parametrize(("kind", "status", "code"), cases(OMS))
def test_codes_of_oms(kind: str, status: int, code: str) -> None:
    error = failure("huawei", status, {"error_code": code, "error_msg": "Why not."}, x_request_id="R-1")
    assert is_a(error, kind)
    assert (error.code, error.message, error.status, error.request_id) == (code, "Why not.", status, "R-1")


@pytest.mark.parametrize("prefix", ["APIG", "APIGW"])
@pytest.mark.parametrize(("kind", "status", "code"), cases(GATEWAY))
def test_codes_of_the_gateway_before_oms(prefix: str, kind: str, status: int, code: str) -> None:
    error = failure("huawei", status, {"error_code": f"{prefix}.{code}", "error_msg": "Why not.", "request_id": "x"})
    assert is_a(error, kind)
    assert error.code == f"APIG.{code}"


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (401, {"error": {"code": 401, "message": "Why not.", "title": "Unauthorized"}}, "unauthorized", "401"),
        (403, {"error_code": "IAM.0011", "error_msg": "Why not."}, "unauthorized", "IAM.0011"),
        (400, {"errorCode": "X.1", "errorMsg": "Why not."}, "rejected", "X.1"),
        (400, {"code": "X.1", "message": "Why not."}, "rejected", "X.1"),
        (500, {"error": {"code": 500, "message": "Why not."}}, "unavailable", "500"),
    ],
)
def test_shapes_of_errors_of_other_services(status: int, body: Any, kind: str, code: str) -> None:
    error = failure("huawei", status, body, x_iam_trace_id="T-1")
    assert is_a(error, kind)
    assert (error.code, error.message, error.request_id) == (code, "Why not.", "T-1")


def test_an_error_in_a_success_of_oms_is_a_failure() -> None:
    assert type(failure("huawei", 200, {"error_code": "OMS.1001", "error_msg": "x"})) is UnavailableError
    assert type(failure("huawei", 200, {"error_code": "OMS.0064", "error_msg": "x"})) is ProtocolError


@pytest.mark.parametrize("cloud", ["alibaba", "huawei"])
@pytest.mark.parametrize(
    ("status", "kind", "body", "expected"),
    [
        (200, "text/html", b"<html>sign in</html>", ProtocolError),
        (302, "text/html", b"", ProtocolError),
        (307, "application/json", b"{}", ProtocolError),
        (404, "text/html", b"<html>", ProtocolError),
        (502, "text/html", b"<html>", UnavailableError),
        (503, "", b"", UnavailableError),
        (200, "application/json", b"[]", ProtocolError),
        (200, "application/json", b"{", ProtocolError),
    ],
)
def test_answers_that_no_api_gives(cloud: str, status: int, kind: str, body: bytes, expected: type[CallError]) -> None:
    assert type(failure(cloud, status, body, content_type=kind)) is expected


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("1500", 1.5), ("1", 0.001), ("0", None), ("-5", None), ("soon", None), ("٣", None), ("9" * 10, None)],
)
def test_storage_gateway_says_in_milliseconds_when_to_come_back(header: str, seconds: float | None) -> None:
    throttled = failure("alibaba", 400, {"Code": "Throttling.User"}, x_acs_retry_after=header)
    assert (type(throttled), throttled.retry_after_s) == (ThrottledError, seconds)
    other = failure("alibaba", 400, {"Code": "SomethingNew"}, x_acs_retry_after=header)
    assert type(other) is (RejectedError if seconds is None else ThrottledError)


@pytest.mark.parametrize(
    ("header", "seconds"), [("3", 3.0), ("0", 0.0), ("-5", None), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("٣", None)]
)
def test_oms_says_in_seconds_when_to_come_back(header: str, seconds: float | None) -> None:
    for body in ({"error_code": "APIG.0308", "error_msg": "x"}, b"", b"<html>"):
        error = failure("huawei", 429, body, retry_after=header)
        assert (type(error), error.retry_after_s) == (ThrottledError, seconds)


@pytest.mark.parametrize("cloud", ["alibaba", "huawei"])
@pytest.mark.parametrize("body", [b"", b"<html>"])
def test_what_stands_between_us_and_a_cloud_may_say_by_the_status_alone_that_it_is_too_much(
    cloud: str, body: bytes
) -> None:
    assert type(failure(cloud, 429, body)) is ThrottledError
    assert type(failure(cloud, 502, body)) is UnavailableError
    assert type(failure(cloud, 302, body)) is ProtocolError


@pytest.mark.parametrize(
    ("limit", "per_s"),
    [
        ("limit:200,time:1 second", 200.0),
        ("limit:30,time:1 minute", 0.5),
        ("limit:7200, time:2 hour", 1.0),
        ("limit:86400,time:1 day", 1.0),
        ("limit:0,time:1 second", None),
        ("limit:5,time:0 second", None),
        ("limit:XX,time:1 second", None),
        ("", None),
    ],
)
def test_the_gateway_before_oms_tells_its_quota(limit: str, per_s: float | None) -> None:
    message = f"The throttling threshold has been reached: policy user over ratelimit,{limit}"
    error = failure("huawei", 429, {"error_code": "APIGW.0308", "error_msg": message})
    assert isinstance(error, ThrottledError)
    assert error.limit_per_s == per_s


@pytest.mark.parametrize(
    "said",
    [
        "server string to sign is:",
        "Server String To Sign is",
        "string to sign is: ",
        "server StringToSign is [",
        "CanonicalRequest is [",
    ],
)
def test_the_string_to_sign_is_not_repeated(said: str) -> None:
    why = "Specified signature is not matched with our calculation."
    echo = f"{why} {said}POST&%2F&AccessKeyId%3DAKID%26SecurityToken%3DTOKEN"
    error = failure("alibaba", 400, {"Code": "SignatureDoesNotMatch", "Message": echo})
    assert error.message == why
    assert "AKID" not in repr(error) + str(error)


def test_the_canonical_request_is_not_repeated() -> None:
    why = "Incorrect IAM authentication information: verify aksk signature fail"
    echo = f"{why}, canonicalRequest:GET|/v2/||host:x|x-security-token:TOKEN||host;x-security-token|e3b0"
    error = failure("huawei", 401, {"error_code": "APIGW.0301", "error_msg": echo})
    assert error.message == why
    assert "TOKEN" not in repr(error) + str(error)
