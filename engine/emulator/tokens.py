"""Huawei Cloud IAM: tokens for a name and a password, which OMS takes in place of a signature."""

from __future__ import annotations

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from typing import Any

import orjson

from .exchange import Call, Payload, RefusedError
from .keys import AccessKey, AccessKeys
from .projects import project_id_of
from .state import World
from .temporary import iso_exact

LIFE_S = 24 * 3600.0


class Tokens:
    """A token says itself whose it is and carries our seal, so none needs to be remembered.

    An access key is an IAM user: its id the name, its secret the password, its account the domain.
    """

    def __init__(self, keys: AccessKeys, world: World) -> None:
        self._keys = keys
        self._clock = world.clock
        self._faults = world.faults
        self._seal = secrets.token_bytes(32)

    def user(self, call: Call) -> AccessKey:
        """Whose name and password a request for a token holds. Raises RefusedError."""
        try:
            identity = orjson.loads(call.received.body)["auth"]["identity"]
            methods, user = identity["methods"], identity["password"]["user"]
            name, password, domain = user["name"], user["password"], user["domain"]["name"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            raise RefusedError(400, "400", "The request body is invalid.") from None
        key = self._keys.find("huawei", str(name))
        known = key is not None and not key.disabled and domain == key.account and "password" in methods
        if key is None or not known or not hmac.compare_digest(key.secret.encode(), str(password).encode()):
            raise RefusedError(401, "401", "The username or password is wrong.")
        return key

    def issue(self, call: Call) -> tuple[str, Payload]:
        """A token for the caller, and what is told about it."""
        project = _scope(call)
        life_s = self._faults.knobs.temporary_s
        issued = self._clock.now()
        expires = issued + (LIFE_S if life_s is None else life_s)
        claims = orjson.dumps([call.access_key_id, project["id"] if project else "", expires])
        token = urlsafe_b64encode(self._sealed(claims) + claims).decode()
        told: dict[str, Any] = {
            "methods": ["password"],
            "issued_at": iso_exact(issued),
            "expires_at": iso_exact(expires),
            "user": {
                "name": call.access_key_id,
                "domain": {"name": call.account, "id": project_id_of(call.account, "")},
            },
        }
        if project:
            told["project"] = project
        return token, {"token": told}

    def verify(self, call: Call) -> AccessKey:
        """Whose token the request carries. Raises RefusedError."""
        try:
            token = urlsafe_b64decode(call.received.headers["x-auth-token"].encode())
        except (Base64Error, ValueError):
            token = b""
        seal, claims = token[:32], token[32:]
        if not hmac.compare_digest(seal, self._sealed(claims)):
            message = "Incorrect IAM authentication information: decrypt token fail"
            raise RefusedError(401, "APIGW.0301", message, gateway=True)
        access_key_id, project_id, expires = orjson.loads(claims)
        key = self._keys.find("huawei", access_key_id)
        if key is None or key.disabled or self._clock.now() > expires:
            raise RefusedError(401, "APIGW.0307", "The token must be updated.", gateway=True)
        if project_id and project_id != call.path_ids.get("project_id", project_id):
            message = "The IAM user is not authorized to access the API."
            raise RefusedError(403, "APIGW.0302", message, gateway=True)
        return key

    def _sealed(self, claims: bytes) -> bytes:
        return hmac.digest(self._seal, claims, "sha256")


def _scope(call: Call) -> dict[str, str] | None:
    """The project that a token is for, which is named or given by its id; None is the whole domain."""
    scope = orjson.loads(call.received.body)["auth"].get("scope")
    project = scope.get("project") if isinstance(scope, dict) else None
    if not isinstance(project, dict):
        return None
    name, project_id = str(project.get("name", "")), str(project.get("id", ""))
    return {"name": name, "id": project_id or project_id_of(call.account, name)}
