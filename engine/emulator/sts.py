"""Alibaba Cloud's Security Token Service (2015-04-01): keys of a role, for a while.

help.aliyun.com, "AssumeRole" and "AssumeRoleWithOIDC".
"""

from __future__ import annotations

import re

from .exchange import Call, Payload, RefusedError
from .faults import Verdict
from .keys import DEFAULT_KEY, AccessKeys
from .state import Operation, World
from .temporary import TemporaryKeys, iso

VERSION = "2015-04-01"
WITH_OIDC = "AssumeRoleWithOIDC"  # unsigned: a token says who calls
OIDC_TOKEN = "emulator-oidc-token"  # noqa: S105 - what a test puts into the file
_ROLE_ARN = re.compile(r"acs:ram::[\w-]+:role/[\w.-]+")
_SESSION = re.compile(r"[\w.@-]{2,64}")


class SecurityTokens:
    def __init__(self, world: World, keys: AccessKeys) -> None:
        self._temporary = TemporaryKeys(world, keys)

    def operations(self) -> dict[str, Operation]:
        return {"AssumeRole": self.assume_role, WITH_OIDC: self.assume_role}

    def vouched(self, call: Call) -> None:
        """Takes the caller for whom the OIDC token says it is. Raises RefusedError."""
        if not call.params.get("OIDCProviderArn"):
            raise RefusedError(400, "MissingOIDCProviderArn", "OIDCProviderArn is mandatory.", gateway=True)
        if call.params.get("OIDCToken") != OIDC_TOKEN:
            raise RefusedError(400, "AuthenticationFail.OIDCToken.Invalid", "This JWT is invalid.", gateway=True)
        call.account, call.access_key_id = DEFAULT_KEY.account, WITH_OIDC

    def assume_role(self, call: Call, _verdict: Verdict) -> Payload:
        arn, session = call.params.get("RoleArn", ""), call.params.get("RoleSessionName", "")
        if not _ROLE_ARN.fullmatch(arn):
            raise RefusedError(404, "EntityNotExist.Role", "The role does not exist.", gateway=True)
        if not _SESSION.fullmatch(session):
            raise RefusedError(400, "InvalidParameter.RoleSessionName", "The session's name is wrong.", gateway=True)
        life = call.params.get("DurationSeconds", "3600")
        if not life.isdigit() or not 900 <= int(life) <= 43_200:
            raise RefusedError(400, "InvalidParameter.DurationSeconds", "The duration is wrong.", gateway=True)
        key = self._temporary.issue("alibaba", call.account)
        return {
            "AssumedRoleUser": {"Arn": f"{arn}/{session}", "AssumedRoleId": f"1:{session}"},
            "Credentials": {
                "AccessKeyId": key.access_key_id,
                "AccessKeySecret": key.secret,
                "SecurityToken": key.security_token,
                "Expiration": iso(key.expires or 0.0),
            },
        }
