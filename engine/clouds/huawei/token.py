"""X-Auth-Token: what IAM gives for a user's name and password, and the gateway takes in place of a signature.

https://support.huaweicloud.com/api-iam/iam_30_0001.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson

from engine.clouds.documents import instant, json_document
from engine.clouds.sources import Setting, Steps, accepted, unsigned
from engine.errors import CredentialsError
from engine.model import AuthToken, Fetched, Reply
from signers import SignedRequest
from signers.huawei import canonical_query
from signers.request import split_endpoint

JSON = "application/json;charset=utf8"
PATH = "/v3/auth/tokens"
WITHOUT_CATALOG = {"nocatalog": "true"}  # with it, a token outgrows a header
MAX_TOKEN = 16_384


@dataclass(frozen=True, slots=True)
class UserToken:
    """A token, which opens one project until it ends. It can stand in the place of an account's credentials."""

    token: AuthToken
    expires_at: float
    """Seconds since the epoch; 24 hours after it was issued."""
    project_id: str | None


def signed_in(user: Sequence[str], names: Sequence[str], where: str, setting: Setting, project_id: str = "") -> Steps:
    """A token for a user (name, password, account's name), good for one project. `names` are those of the three."""
    for name, value in zip(names, user, strict=True):
        if not value or not value.isprintable():
            raise CredentialsError(f"{name} in {where} is empty, or holds a character that cannot be in it")
    project_id = setting.settings.get("project_id") or project_id
    body = sign_in_body(user, {"id": project_id} if project_id else {"name": setting.region})
    url = f"{setting.endpoints['iam']}{PATH}?{canonical_query(tuple(WITHOUT_CATALOG.items()))}"
    answer = yield unsigned("POST", url, {"content-type": JSON}, body)
    if answer.status == 401:
        raise CredentialsError(f"IAM does not accept the name and the password of {where}, an IAM user's")
    issued = read_token(accepted(answer, "IAM"))
    settings = {"project_id": issued.project_id} if issued.project_id else {}
    return Fetched(issued.token, where, issued.expires_at, settings=settings)


def sign_in_body(user: Sequence[str], project: Mapping[str, str]) -> bytes:
    name, password, domain = user
    known = {"name": name, "password": password, "domain": {"name": domain}}
    identity = {"methods": ["password"], "password": {"user": known}}
    return orjson.dumps({"auth": {"identity": identity, "scope": {"project": project}}})


def read_token(reply: Reply) -> UserToken:
    """The token, which is in a header, with its end and its project, which are in the body.

    Raises:
        CredentialsError: the answer is not of that form.
    """
    value = reply.headers.get("x-subject-token", "")
    told = json_document(reply.body, "IAM's answer").get("token")
    if not value or not value.isascii() or not value.isprintable() or " " in value or not isinstance(told, dict):
        raise CredentialsError("IAM's answer holds no token")
    if len(value) > MAX_TOKEN:
        raise CredentialsError(f"IAM's token has {len(value):,} characters; OMS takes {MAX_TOKEN:,} at most")
    project = told.get("project")
    project_id = project.get("id") if isinstance(project, dict) else None
    expires_at = instant(told.get("expires_at"), "expires_at in IAM's answer")
    return UserToken(AuthToken(value), expires_at, project_id if isinstance(project_id, str) and project_id else None)


class TokenSigner:
    """Makes requests for one endpoint that carry a token. In the place of an `AkSkSigner`."""

    def __init__(self, token: AuthToken, endpoint: str, project_id: str | None) -> None:
        self._origin, host = split_endpoint(endpoint)
        self._headers = {"host": host, "x-auth-token": token.value}
        if project_id:
            self._headers["x-project-id"] = project_id

    def sign(
        self, method: str, path: str, query: Sequence[tuple[str, str]] = (), body: bytes = b"", *, now: float
    ) -> SignedRequest:
        """As `AkSkSigner.sign`; `now` has no bearing."""
        headers = self._headers | ({"content-type": "application/json"} if body else {})
        target = f"{path}?{canonical_query(query)}" if query else path
        return SignedRequest(method.upper(), f"{self._origin}{target}", headers, body)
