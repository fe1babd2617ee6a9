"""The vendors' SDKs behind one small interface, with their log handlers taken off."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Awaitable, Callable
from functools import partial
from importlib import import_module
from typing import Any, Protocol, TypeAlias

import huaweicloudsdkiam.v3 as iam_models
from alibabacloud_sgw20180511 import models as sgw_models
from alibabacloud_sgw20180511.client import Client as SgwClient
from alibabacloud_tea_openapi import models as openapi_models
from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.request import CommonRequest
from darabonba.exceptions import DaraException
from huaweicloudsdkcore.auth.credentials import BasicCredentials, GlobalCredentials
from huaweicloudsdkcore.exceptions.exceptions import ServiceResponseException
from huaweicloudsdkiam.v3 import IamAsyncClient, IamClient
from huaweicloudsdkoms.v2 import OmsAsyncClient, OmsClient

from engine.emulator import AccessKey

for _name in ("alibabacloud-tea", "darabonba-core", "credentials", "aliyunsdkcore.http.http_response"):
    _logger = logging.getLogger(_name)
    _logger.setLevel(logging.CRITICAL)
    for _handler in list(_logger.handlers):
        _logger.removeHandler(_handler)

Params: TypeAlias = "dict[str, Any]"


class VendorError(Exception):
    """What an SDK's user sees: the code and the HTTP status."""

    def __init__(self, code: str, status: int, message: str) -> None:
        super().__init__(f"{code} {status} {message}")
        self.code, self.status, self.message = code, status, message


class AlibabaSdk(Protocol):
    async def __call__(self, action: str, **params: Any) -> dict[str, Any]: ...


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


class Core:
    """aliyun-python-sdk-core with the request classes of -sgw, and CommonRequest for what those lack."""

    def __init__(self, url: str, key: AccessKey) -> None:
        self._host = url.removeprefix("http://")
        self._client = AcsClient(key.access_key_id, key.secret, "cn-shanghai")

    async def __call__(self, action: str, **params: Any) -> dict[str, Any]:
        try:
            module = import_module(f"aliyunsdksgw.request.v20180511.{action}Request")
        except ModuleNotFoundError:
            request = CommonRequest(self._host, "2018-05-11", action)
            request.set_method("POST")
            request.set_protocol_type("http")
        else:
            request = getattr(module, f"{action}Request")()
            request.set_endpoint(self._host)
        for name, value in params.items():
            request.add_query_param(name, value)
        try:
            answer: dict[str, Any] = json.loads(self._client.do_action_with_exception(request))
        except ServerException as error:
            raise VendorError(error.get_error_code(), error.get_http_status(), error.get_error_msg()) from error
        return answer


class Tea:
    """alibabacloud-sgw20180511, by its blocking or its asyncio methods."""

    def __init__(self, url: str, key: AccessKey, *, algorithm: str | None, asynchronous: bool) -> None:
        config = openapi_models.Config(
            access_key_id=key.access_key_id,
            access_key_secret=key.secret,
            security_token=key.security_token or None,
            endpoint=url.removeprefix("http://"),
            protocol="http",
            signature_algorithm=algorithm,
        )
        self._client = SgwClient(config)
        self._asynchronous = asynchronous

    async def __call__(self, action: str, **params: Any) -> dict[str, Any]:
        request = getattr(sgw_models, f"{action}Request")
        request = request().from_map(params)
        try:
            if self._asynchronous:
                method: Callable[..., Awaitable[Any]] = getattr(self._client, f"{_snake(action)}_async")
                answer = await method(request)
            else:
                answer = getattr(self._client, _snake(action))(request)
        except DaraException as error:
            raise VendorError(error.code, int(error.status_code or 0), error.message) from error
        body: dict[str, Any] = answer.body.to_map()
        return body


ALIBABA_SDKS: dict[str, Callable[[str, AccessKey], AlibabaSdk]] = {
    "core": Core,
    "tea-v3": partial(Tea, algorithm=None, asynchronous=False),
    "tea-v1": partial(Tea, algorithm="v2", asynchronous=False),
    "tea-v3-async": partial(Tea, algorithm=None, asynchronous=True),
    "tea-v1-async": partial(Tea, algorithm="v2", asynchronous=True),
}


class _Huawei:
    """A client of Huawei Cloud's, blocking or one that answers with futures."""

    _client: Any
    _asynchronous: bool

    def __call__(self, method: str, request: Any) -> Any:
        try:
            if self._asynchronous:
                return getattr(self._client, f"{method}_async")(request).result()
            return getattr(self._client, method)(request)
        except ServiceResponseException as error:
            raise VendorError(error.error_code, error.status_code, error.error_msg) from error


class Oms(_Huawei):
    """huaweicloudsdkoms."""

    def __init__(self, url: str, key: AccessKey, project_id: str, *, asynchronous: bool) -> None:
        credentials = BasicCredentials(key.access_key_id, key.secret, project_id)
        if key.security_token:
            credentials.with_security_token(key.security_token)
        builder = (OmsAsyncClient if asynchronous else OmsClient).new_builder()
        self._client = builder.with_credentials(credentials).with_endpoint(url).build()
        self._asynchronous = asynchronous


class Iam(_Huawei):
    """huaweicloudsdkiam."""

    def __init__(self, url: str, key: AccessKey, *, asynchronous: bool) -> None:
        credentials = GlobalCredentials(key.access_key_id, key.secret, "a-domain")
        builder = (IamAsyncClient if asynchronous else IamClient).new_builder()
        self._client = builder.with_credentials(credentials).with_endpoint(url).build()
        self._asynchronous = asynchronous


def token_request(document: dict[str, Any], nocatalog: str) -> iam_models.KeystoneCreateUserTokenByPasswordRequest:
    """The SDK's request for a token, made of what stands in its body."""
    user = document["auth"]["identity"]["password"]["user"]
    domain = iam_models.PwdPasswordUserDomain(user["domain"]["name"])
    password = iam_models.PwdPassword(iam_models.PwdPasswordUser(domain, user["name"], user["password"]))
    scope = iam_models.AuthScope(project=iam_models.AuthScopeProject(**document["auth"]["scope"]["project"]))
    auth = iam_models.PwdAuth(iam_models.PwdIdentity(["password"], password), scope)
    body = iam_models.KeystoneCreateUserTokenByPasswordRequestBody(auth)
    return iam_models.KeystoneCreateUserTokenByPasswordRequest(nocatalog, body)
