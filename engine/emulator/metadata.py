"""Both clouds' metadata services, as seen from an instance that has a role: plain HTTP, a token first, then the keys.

help.aliyun.com, "View instance metadata"; support.huaweicloud.com, "Obtaining metadata".
"""

from __future__ import annotations

import secrets
from typing import Any

import orjson

from .exchange import Answer, Call, Payload, Received, RefusedError
from .faults import Verdict
from .keys import DEFAULT_KEY, AccessKeys
from .state import World
from .temporary import TemporaryKeys, iso, iso_exact

ROLE = "emulator-role"
MAX_TTL_S = 21_600
_ROLES = "/latest/meta-data/ram/security-credentials/"
_ROUTES = {
    ("PUT", "/latest/api/token"): "AlibabaMetadataToken",
    ("GET", _ROLES): "AlibabaMetadataRoles",
    ("GET", _ROLES + ROLE): "AlibabaMetadataKeys",
    ("PUT", "/meta-data/latest/api/token"): "HuaweiMetadataToken",
    ("GET", "/openstack/latest/securitykey"): "HuaweiMetadataKeys",
}
_PATHS = {path for _, path in _ROUTES}
_HEADERS = {"Alibaba": "x-aliyun-ecs-metadata-token", "Huawei": "x-metadata-token"}


class Metadata:
    """Nothing is signed here: whoever can reach the service is trusted, once it has fetched a token with PUT."""

    def __init__(self, world: World, keys: AccessKeys) -> None:
        self._world = world
        self._temporary = TemporaryKeys(world, keys)
        self._tokens: dict[str, float] = {}  # and when they end

    @staticmethod
    def serves(path: str) -> bool:
        return path in _PATHS or path.startswith(_ROLES)

    def read(self, received: Received) -> Call:
        return Call(received, _ROUTES.get((received.method, received.path), ""), {})

    def authenticate(self, call: Call) -> None:
        """Raises RefusedError."""
        kind = self._world.faults.knobs.metadata
        if not call.operation or (kind == "v1" and call.operation.endswith("Token")):
            raise RefusedError(404, "404", "Not Found")
        header = _HEADERS[call.operation.partition("Metadata")[0]]
        if call.operation.endswith("Token"):
            ttl = call.received.headers.get(f"{header}-ttl-seconds", "")
            if not ttl.isdigit() or not 1 <= int(ttl) <= MAX_TTL_S:
                raise RefusedError(400, "400", "Bad Request")
        elif kind != "v1" and self._world.clock.now() > self._tokens.get(call.received.headers.get(header, ""), 0.0):
            status = 403 if header == _HEADERS["Alibaba"] else 401
            raise RefusedError(status, str(status), "The token is missing or has ended.")
        call.account, call.access_key_id = DEFAULT_KEY.account, ROLE

    def execute(self, call: Call, _verdict: Verdict) -> Payload | None:
        if call.operation.endswith("Token"):
            return {"text": self._token(call)}
        if self._world.faults.knobs.metadata == "no_role":
            raise RefusedError(404, "404", "Not Found")
        if call.operation == "AlibabaMetadataRoles":
            return {"text": ROLE}
        return self._alibaba_keys() if call.operation == "AlibabaMetadataKeys" else self._huawei_keys()

    def _token(self, call: Call) -> str:
        now = self._world.clock.now()
        self._tokens = {token: ends for token, ends in self._tokens.items() if ends > now}
        header = _HEADERS[call.operation.partition("Metadata")[0]]
        token = secrets.token_urlsafe(40)
        self._tokens[token] = now + int(call.received.headers[f"{header}-ttl-seconds"])
        return token

    def _alibaba_keys(self) -> Payload:
        key = self._temporary.of("alibaba", DEFAULT_KEY.account, ROLE)
        return {
            "AccessKeyId": key.access_key_id,
            "AccessKeySecret": key.secret,
            "SecurityToken": key.security_token,
            "Expiration": iso(key.expires or 0.0),
            "LastUpdated": iso(self._world.clock.now()),
            "Code": "Success",
        }

    def _huawei_keys(self) -> Payload:
        key = self._temporary.of("huawei", DEFAULT_KEY.account, ROLE)
        credential: dict[str, Any] = {
            "access": key.access_key_id,
            "secret": key.secret,
            "securitytoken": key.security_token,
            "expires_at": iso_exact(key.expires or 0.0),
        }
        return {"credential": credential}

    def success(self, call: Call, payload: Payload | None) -> Answer:
        if payload and "text" in payload:
            return Answer(200, payload["text"].encode(), "text/plain", "200")
        return Answer(200, orjson.dumps(payload or {}), "application/json", "200")

    def refusal(self, call: Call, refused: RefusedError) -> Answer:
        return Answer(refused.status, refused.message.encode(), "text/plain", refused.code)

    def throttled(self, calls_per_s: float, _wait_s: float, _hint: float) -> RefusedError:
        return RefusedError(429, "429", f"more than {calls_per_s:g} requests a second")

    def injected(self, outcome: str, _operation: str) -> RefusedError | None:
        """The refusal that a fault asks for, if it is one."""
        status = {"unavailable": 503, "busy": 503, "error_500": 500}.get(outcome)
        return RefusedError(status, str(status), "The service is not available.") if status else None
