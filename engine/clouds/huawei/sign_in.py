"""The token of an IAM user, as an operation. For an account that signs in by itself, see `credentials`."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.clouds.constraints import NonEmpty
from engine.clouds.huawei.oms import OmsOperation
from engine.clouds.huawei.token import PATH, WITHOUT_CATALOG, UserToken, read_token, sign_in_body
from engine.errors import CredentialsError, InputError, ProtocolError
from engine.model import Account, Call, Reply


@dataclass(frozen=True, slots=True)
class KeystoneCreateUserTokenByPassword(OmsOperation[UserToken]):
    """Have a token issued to an IAM user, for one project: that of an id, or that of a region's name.

    Needs no permission. Account logins (HUAWEI ID) have no token: an IAM user is needed.
    Of note: a wrong password (`UnauthorizedError`); a few in a row lock the user.
    https://support.huaweicloud.com/api-iam/iam_30_0001.html
    """

    user_name: NonEmpty
    password: NonEmpty = field(repr=False)
    domain_name: NonEmpty
    """The account that the user belongs to."""
    project_name: NonEmpty | None = None
    project_id: NonEmpty | None = None

    repeatable = True
    service = "iam"

    def check(self) -> None:
        if (self.project_name is None) == (self.project_id is None):
            raise InputError("either project_name or project_id is required, and not both")

    def call(self, account: Account) -> Call:
        project = {"id": self.project_id} if self.project_id else {"name": self.project_name or ""}
        body = sign_in_body((self.user_name, self.password, self.domain_name), project)
        return Call("KeystoneCreateUserTokenByPassword", "POST", PATH, WITHOUT_CATALOG, body, self.service)

    def read(self, reply: Reply) -> UserToken:
        try:
            return read_token(reply)
        except CredentialsError as error:
            raise ProtocolError(str(error), status=reply.status) from None
