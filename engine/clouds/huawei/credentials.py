"""Where the vendor's SDK looks for credentials, and in which order; and IAM users with a password.

https://github.com/huaweicloud/huaweicloud-sdk-python-v3#212-default-credential-provider-chain
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from engine.clouds import sources
from engine.clouds.documents import ini_document, json_document, key_set
from engine.clouds.huawei import token
from engine.clouds.sources import Ask, Describe, Read, Setting, Steps, accepted, foreign, unsigned
from engine.errors import CredentialsError

VARIABLES = (
    ("HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK", "HUAWEICLOUD_SDK_SECURITY_TOKEN"),
    ("CLOUD_SDK_AK", "CLOUD_SDK_SK", "CLOUD_SDK_SECURITY_TOKEN"),  # what the vendor's own samples read
)
PROJECT_ID_VARIABLE = "HUAWEICLOUD_SDK_PROJECT_ID"
FEDERATED = ("HUAWEICLOUD_OIDC_PROVIDER_URN", "HUAWEICLOUD_SDK_IDP_ID")
USER_VARIABLES = ("HW_USER_NAME", "HW_USER_PASSWORD", "HW_DOMAIN_NAME")  # as the vendor's Terraform provider
USER_KEYS = ("user_name", "password", "domain_name")
METADATA = "http://169.254.169.254"
METADATA_S = 3.0
NO_AGENCY = b"Please configure Cloud Service Agency first"
TOKEN_LIFE_S = 60  # of the token that the metadata service wants; it is used at once


def federated(setting: Setting) -> Steps:
    """What the SDK prefers to keys, and is not done here: said, lest another identity be used in its place."""
    yield from ()
    for name in FEDERATED:
        if setting.environ.get(name):
            raise CredentialsError(f"{name} is set, and federated credentials are not supported; set credentials to"
                                   " what is to be used instead, such as environment")  # fmt: skip
    return None


def profile(setting: Setting) -> Steps:
    """A section of the SDK's credentials file, `basic` by default, with keys or with an IAM user's password."""
    named = setting.environ.get("HUAWEICLOUD_SDK_CREDENTIALS_FILE")
    path = named or setting.at_home(".huaweicloud/credentials")
    name = setting.argument or "basic"
    body = (yield Read(path)) if path else None
    if body is None:
        if named or setting.argument:
            raise CredentialsError(f"there is no file {path or '~/.huaweicloud/credentials'}")
        return None
    sections = ini_document(body, path or "")
    where = f"[{name}] of {path}"
    if name not in sections:
        raise CredentialsError(f"there is no section {where}")
    values = sections[name]
    project_id = values.get("project_id", "")
    if "idp_id" in values:
        raise CredentialsError(f"{where}: federated credentials are not supported")
    if any(values.get(key) for key in USER_KEYS):
        user = tuple(values.get(key, "") for key in USER_KEYS)
        return (yield from token.signed_in(user, USER_KEYS, where, setting, project_id))
    told = {"project_id": project_id} if project_id else {}
    return replace(key_set(values, where), look_again_s=sources.LOOK_AGAIN_S, settings=told)


def password(setting: Setting) -> Steps:
    """An IAM user's name and password, in the environment: every call carries a token instead of a signature."""
    names = tuple(setting.argument + name for name in USER_VARIABLES)
    user = tuple(setting.environ.get(name, "") for name in names)
    if not any(user):
        return None
    return (yield from token.signed_in(user, names, f"the environment: {names[0]}", setting))


def metadata(setting: Setting) -> Steps:
    """The agency of the ECS that this runs on.

    https://support.huaweicloud.com/usermanual-ecs/ecs_03_0166.html
    """
    base, who = setting.endpoints["metadata"], "the metadata service"
    ttl = {"X-Metadata-Token-Ttl-Seconds": str(TOKEN_LIFE_S)}
    answer = yield _at_once(unsigned("PUT", f"{base}/meta-data/latest/api/token", ttl))
    headers = {}
    if answer.status in {404, 405, 503}:
        pass  # a service of the first version, which wants no token
    elif foreign(answer):
        return None
    else:
        headers["X-Metadata-Token"] = accepted(answer, who).body.decode("ascii", "replace").strip()
    answer = yield _at_once(unsigned("GET", f"{base}/openstack/latest/securitykey", headers))
    if answer.status == 404 or (answer.status == 401 and NO_AGENCY in answer.body):
        return None
    return key_set(json_document(accepted(answer, who).body, who), who)


def _at_once(ask: Ask) -> Ask:
    return replace(ask, timeout_s=METADATA_S)


SOURCES: Mapping[str, Describe] = {
    "federated": federated,
    "environment": sources.environment(VARIABLES),
    "profile": profile,
    "metadata": metadata,
    "password": password,
}
