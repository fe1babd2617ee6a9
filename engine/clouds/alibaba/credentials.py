"""Where the vendor's tools look for credentials, and in which order.

https://help.aliyun.com/en/sdk/developer-reference/v2-manage-python-access-credentials
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote, urlsplit

from engine.clouds import sources
from engine.clouds.alibaba import sts
from engine.clouds.documents import ini_document, json_document, key_set
from engine.clouds.sources import Ask, Describe, Read, Setting, Steps, accepted, foreign, unsigned
from engine.errors import CredentialsError
from engine.model import AuthToken, Fetched, Reply

VARIABLES = (("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN"),)
METADATA = "http://100.100.100.200"
LOOPBACK = {"localhost", "127.0.0.1", "::1"}
METADATA_S = 1.0  # it is on the same machine or nowhere
TOKEN_LIFE_S = 60  # of the token that the metadata service wants; it is used at once
ROLES = "/latest/meta-data/ram/security-credentials/"


def profile(setting: Setting) -> Steps:
    """A profile of the vendor's command line tool, else a section of the SDKs' credentials file."""
    environ = setting.environ
    wanted = setting.argument or environ.get("ALIBABA_CLOUD_PROFILE", "")
    tool, sdk = setting.at_home(".aliyun/config.json"), _sdk_file(setting)
    if tool and environ.get("ALIBABA_CLOUD_CLI_PROFILE_DISABLED", "").lower() != "true":
        body = yield Read(tool)
        if body is not None:
            document = json_document(body, tool)
            name = wanted or str(document.get("current") or "default")
            profiles = _profiles(document, tool)
            if name in profiles:
                return (yield from _from_profile(name, profiles, f"profile {name} of {tool}", setting))
    for path in sdk:
        body = yield Read(path)
        if body is not None:
            sections = ini_document(body, path)
            name = wanted or "default"
            if name in sections:
                return (yield from _from_section(sections[name], f"[{name}] of {path}", setting))
    if wanted:
        raise CredentialsError(
            f"there is no profile {wanted} in {' or '.join([tool or '~/.aliyun/config.json', *sdk])}"
        )
    return None


def _sdk_file(setting: Setting) -> list[str]:
    """The SDKs disagree on the name."""
    if named := setting.environ.get("ALIBABA_CLOUD_CREDENTIALS_FILE"):
        return [named]
    return [path for name in ("credentials.ini", "credentials") if (path := setting.at_home(f".alibabacloud/{name}"))]


def _profiles(document: Mapping[str, Any], where: str) -> Mapping[str, Mapping[str, Any]]:
    listed = document.get("profiles")
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise CredentialsError(f"{where} has no list of profiles")
    return {str(one.get("name")): one for one in listed}


def _from_profile(
    name: str, profiles: Mapping[str, Mapping[str, Any]], where: str, setting: Setting, seen: Sequence[str] = ()
) -> Steps:
    values = profiles[name]
    match values.get("mode") or "AK":
        case "AK":
            return _static({key: values.get(key) for key in ("access_key_id", "access_key_secret")}, where)
        case "StsToken":
            return _static(values, where)
        case "External":
            return _named((yield from sources.printed(str(values.get("process_command") or ""), where)), where)
        case "EcsRamRole":
            role = str(values.get("ram_role_name") or "")
            return _named((yield from metadata(replace(setting, argument=role))), where)
        case "RamRoleArn":
            caller = _static(values, where)
            return (yield from _as_role(caller, values, where, setting))
        case "ChainableRamRoleArn":
            source = str(values.get("source_profile"))
            if source not in profiles or source in (*seen, name):
                raise CredentialsError(f"{where}: its source_profile is missing, or leads back to it")
            behind = yield from _from_profile(source, profiles, where, setting, (*seen, name))
            return (yield from _as_role(behind, values, where, setting))
        case "OIDC":
            return _named((yield from _as_oidc_role(values, "oidc_token_file", "ram_role_arn", setting)), where)
        case mode:
            raise CredentialsError(f"{where}: mode {mode!r:.40} is not supported; have a command print the keys")


def _from_section(values: Mapping[str, Any], where: str, setting: Setting) -> Steps:
    match values.get("type") or "access_key":
        case "access_key" | "sts":
            return _static(values, where)
        case "ecs_ram_role":
            return _named((yield from metadata(replace(setting, argument=values.get("role_name", "")))), where)
        case "ram_role_arn":
            return (yield from _as_role(_static(values, where), values, where, setting))
        case "oidc_role_arn":
            return _named((yield from _as_oidc_role(values, "oidc_token_file_path", "role_arn", setting)), where)
        case kind:
            raise CredentialsError(f"{where}: type {kind!r:.40} is not supported; have a command print the keys")


def _static(values: Mapping[str, Any], where: str) -> Fetched:
    return replace(key_set(values, where), look_again_s=sources.LOOK_AGAIN_S)


def _named(found: Fetched | None, where: str) -> Fetched:
    if found is None:
        raise CredentialsError(f"{where}: what it refers to is not there")
    return replace(found, source=f"{where}: {found.source}")


def _as_role(caller: Fetched | None, values: Mapping[str, Any], where: str, setting: Setting) -> Steps:
    if caller is None or isinstance(caller.credentials, AuthToken):
        raise CredentialsError(f"{where}: there is no access key to assume the role with")
    arn = str(values.get("ram_role_arn") or values.get("role_arn") or "")
    session = str(values.get("ram_session_name") or values.get("role_session_name") or "")
    options = {"Policy": values.get("policy"), "ExternalId": values.get("external_id")}
    options["DurationSeconds"] = values.get("expired_seconds")
    endpoint = setting.endpoints["sts"]
    return (yield from sts.assume_role(endpoint, caller.credentials, arn, session, options, where))


def oidc(setting: Setting) -> Steps:
    """The role of a workload in a cluster, whose token lies in a file."""
    environ = setting.environ
    names = ("ALIBABA_CLOUD_ROLE_ARN", "ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "ALIBABA_CLOUD_OIDC_TOKEN_FILE")
    if not all(environ.get(name) for name in names):
        return None
    role, provider, token_file = (environ[name] for name in names)
    values = {"role_arn": role, "oidc_provider_arn": provider, "file": token_file}
    values["role_session_name"] = environ.get("ALIBABA_CLOUD_ROLE_SESSION_NAME", "")
    return (yield from _as_oidc_role(values, "file", "role_arn", setting))


def _as_oidc_role(values: Mapping[str, Any], file_key: str, role_key: str, setting: Setting) -> Steps:
    path, arn = str(values.get(file_key) or ""), str(values.get(role_key) or "")
    token = yield Read(path, private=False)  # clusters let every process of the workload read it
    if token is None:
        raise CredentialsError(f"the OIDC token file {path} is not there")
    session = str(values.get("role_session_name") or "")
    provider = str(values.get("oidc_provider_arn") or "")
    endpoint, text = setting.endpoints["sts"], token.decode("utf-8", "replace")
    return (yield from sts.assume_role_with_oidc(endpoint, arn, provider, text, session, f"the role {arn}"))


def metadata(setting: Setting) -> Steps:
    """The RAM role of the ECS instance that this runs on; ``metadata:ROLE`` names it.

    https://help.aliyun.com/en/ecs/user-guide/view-instance-metadata
    """
    if setting.environ.get("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "").lower() == "true":
        return None
    base = setting.endpoints["metadata"]
    ttl = {"x-aliyun-ecs-metadata-token-ttl-seconds": str(TOKEN_LIFE_S)}
    answer = yield _at_once(unsigned("PUT", f"{base}/latest/api/token", ttl))
    headers = {}
    if answer.status in {404, 405} and setting.environ.get("ALIBABA_CLOUD_IMDSV1_DISABLED", "").lower() != "true":
        pass  # a service of the first version, which wants no token
    elif foreign(answer):
        return None
    else:
        headers["x-aliyun-ecs-metadata-token"] = _line(accepted(answer, "the metadata service"))
    role = setting.argument or setting.environ.get("ALIBABA_CLOUD_ECS_METADATA", "")
    if not role:
        answer = yield _at_once(unsigned("GET", f"{base}{ROLES}", headers))
        if answer.status == 404:
            return None  # the instance has no role
        role = _line(accepted(answer, "the metadata service"))
    answer = yield _at_once(unsigned("GET", f"{base}{ROLES}{quote(role, safe='')}", headers))
    where = f"the metadata service, role {role:.64}"
    if answer.status == 404:
        raise CredentialsError(f"{where}: there is no such role")
    document = json_document(accepted(answer, where).body, where)
    if document.get("Code") != "Success":
        raise CredentialsError(f"{where} gives no keys")
    return key_set(document, where)


def uri(setting: Setting) -> Steps:
    """Whatever answers at the URL in ALIBABA_CLOUD_CREDENTIALS_URI."""
    url = setting.environ.get("ALIBABA_CLOUD_CREDENTIALS_URI")
    if not url:
        return None
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise CredentialsError("ALIBABA_CLOUD_CREDENTIALS_URI is neither https nor on this machine")
    who = "the service at ALIBABA_CLOUD_CREDENTIALS_URI"
    answer = yield unsigned("GET", url)
    return key_set(json_document(accepted(answer, who).body, who), who)


def _at_once(ask: Ask) -> Ask:
    return replace(ask, timeout_s=METADATA_S)


def _line(reply: Reply) -> str:
    """The one line of text that a reply is."""
    text = reply.body.decode("utf-8", "replace").strip()
    if not text or not text.isprintable() or not text.isascii():
        raise CredentialsError("the metadata service answers with something else than a line of text")
    return text


SOURCES: Mapping[str, Describe] = {
    "environment": sources.environment(VARIABLES),
    "oidc": oidc,
    "profile": profile,
    "metadata": metadata,
    "uri": uri,
}
