"""The vendor's Security Token Service (2015-04-01): keys of a role, for a while.

https://help.aliyun.com/en/ram/developer-reference/api-sts-2015-04-01-assumerole
https://help.aliyun.com/en/ram/developer-reference/api-sts-2015-04-01-assumerolewithoidc
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode

from engine.clouds.documents import json_document, key_set
from engine.clouds.sources import Ask, Steps, accepted
from engine.errors import CredentialsError
from engine.model import Reply
from signers import Credentials, SignedRequest
from signers.alibaba import RpcSigner, timestamp

VERSION = "2015-04-01"
MOST_SKEW_S = 24 * 3600.0  # no clock is off by more
LIFE_S = 3600  # the longest that every role allows


def assume_role(
    endpoint: str, caller: Credentials, role_arn: str, session: str, options: Mapping[str, Any], where: str
) -> Steps:
    """AssumeRole, signed by who takes the role. `options` that are empty are not sent."""
    params = {**_params(role_arn, session), **{name: str(value) for name, value in options.items() if value}}
    signer = RpcSigner(caller, endpoint, VERSION)
    return (yield from _assumed(lambda now, nonce: signer.sign("AssumeRole", params, now=now, nonce=nonce), where))


def assume_role_with_oidc(
    endpoint: str, role_arn: str, provider_arn: str, token: str, session: str, where: str
) -> Steps:
    """AssumeRoleWithOIDC: the token vouches for the caller, so nothing is signed."""
    if not provider_arn:
        raise CredentialsError("the OIDC provider's ARN is not set")
    params = _params(role_arn, session) | {"OIDCProviderArn": provider_arn, "OIDCToken": token.strip()}

    def request(now: float, nonce: str) -> SignedRequest:
        varying = {"Timestamp": timestamp(int(now)), "SignatureNonce": nonce}
        fixed = {"Action": "AssumeRoleWithOIDC", "Format": "JSON", "Version": VERSION}
        headers = {"content-type": "application/x-www-form-urlencoded"}
        return SignedRequest("POST", f"{endpoint}/", headers, urlencode({**params, **fixed, **varying}).encode())

    return (yield from _assumed(request, where))


def _assumed(request: Callable[[float, str], SignedRequest], where: str) -> Steps:
    """The keys in the answer. A request that is refused for its time is made once more, with the service's own."""
    who = f"{where}: STS"
    reply = yield Ask(request)
    if reply.status == 400 and b'"InvalidTimeStamp.Expired"' in reply.body and (date := _date(reply)):
        reply = yield Ask(lambda now, nonce: request(date if abs(date - now) < MOST_SKEW_S else now, nonce))
    return key_set(json_document(accepted(reply, who).body, who), who)


def _date(reply: Reply) -> float | None:
    try:
        return parsedate_to_datetime(reply.headers.get("date", "")).timestamp()
    except ValueError:
        return None


def _params(role_arn: str, session: str) -> dict[str, str]:
    if not role_arn:
        raise CredentialsError("the ARN of the role is not set")
    return {"RoleArn": role_arn, "RoleSessionName": session or "syncmux", "DurationSeconds": str(LIFE_S)}
