"""What the bodies of Huawei Cloud OMS's sync task operations may say, as the API reference lists it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import orjson

from .exchange import RefusedError

MAX_KEYS = 100
MAX_KEY_CHARS = 16_384
_ENCODED = re.compile(r"(?:[!-$&-~]|%[0-9A-Fa-f]{2})+")
_FORBIDDEN_IN_DESCRIPTION = frozenset("<>()\"'&")
_CLOUDS = (
    *("AWS", "Azure", "Aliyun", "Tencent", "HuaweiCloud"),
    *("QingCloud", "KingsoftCloud", "Baidu", "Qiniu", "UCloud"),
)
_STORAGE = ("STANDARD", "IA", "ARCHIVE", "DEEP_ARCHIVE", "SRC_STORAGE_MAPPING")
_CRYPTO = ("DEFAULT", "KMS")


@dataclass(frozen=True, slots=True)
class _Text:
    required: bool = False
    shortest: int = 0
    longest: int = 255
    one_of: tuple[str, ...] = ()


_SECRETS = {name: _Text(required=True, shortest=1, longest=100) for name in ("src_ak", "src_sk", "dst_ak", "dst_sk")}
_ENCRYPTION = {
    "src_crypto_type": _Text(one_of=_CRYPTO),
    "dst_crypto_type": _Text(one_of=_CRYPTO),
    "src_kms_key_id": _Text(),
    "dst_kms_key_id": _Text(),
}
_START_TEXTS = {
    **_SECRETS,
    **_ENCRYPTION,
    "source_cdn_authentication_key": _Text(),
    "source_cdn_crypto_type": _Text(one_of=_CRYPTO),
    "source_cdn_kms_key_id": _Text(),
}
_CREATE_TEXTS = {
    **_SECRETS,
    **_ENCRYPTION,
    "src_cloud_type": _Text(one_of=_CLOUDS),
    "src_region": _Text(required=True, longest=100),
    "src_bucket": _Text(required=True, longest=1024),
    "dst_region": _Text(required=True, longest=100),
    "dst_bucket": _Text(required=True, longest=1024),
    "description": _Text(),
    "dst_storage_policy": _Text(longest=128, one_of=_STORAGE),
    "app_id": _Text(),
    "consistency_check": _Text(one_of=("size_last_modified", "crc64", "transmission")),
}
_CREATE_FLAGS = ("enable_metadata_migration", "enable_restore", "enable_kms")
_CDN_TEXTS = {
    "authentication_key": _Text(),
    "authentication_type": _Text(
        required=True,
        one_of=(
            "NONE",
            "QINIU_PRIVATE_AUTHENTICATION",
            *("ALIYUN_OSS_A", "ALIYUN_OSS_B", "ALIYUN_OSS_C"),
            "KSYUN_PRIVATE_AUTHENTICATION",
            "AZURE_SAS_TOKEN",
            *("TENCENT_COS_A", "TENCENT_COS_B", "TENCENT_COS_C", "TENCENT_COS_D"),
        ),
    ),
    "domain": _Text(required=True, longest=1024),
    "protocol": _Text(required=True, one_of=("http", "https")),
    "crypto_type": _Text(one_of=_CRYPTO),
    "kms_key_id": _Text(),
}


def sync_task_settings(body: bytes) -> dict[str, Any]:
    """The settings that a CreateSyncTask body asks for, without its secrets. Raises RefusedError."""
    given = _json_object(body)
    _check(given, _CREATE_TEXTS, also=(*_CREATE_FLAGS, "source_cdn"))
    for flag in _CREATE_FLAGS:
        if not isinstance(given.get(flag), (bool, type(None))):
            raise RefusedError(400, "OMS.1002", f"Invalid parameter type. {flag}")
    if _FORBIDDEN_IN_DESCRIPTION & set(given.get("description") or ""):
        message = "The description cannot contain the following special characters: <>()\"'&"
        raise RefusedError(400, "OMS.0078", message)
    cloud = given.get("src_cloud_type") or "Aliyun"
    if cloud == "Tencent" and not given.get("app_id"):
        raise RefusedError(400, "OMS.1004", "Some required parameters are missing. app_id")
    settings: dict[str, Any] = {
        "src_cloud_type": cloud,
        **{name: given[name] for name in ("src_region", "src_bucket", "dst_region", "dst_bucket")},
        "description": given.get("description") or "",
        **{flag: bool(given.get(flag)) for flag in _CREATE_FLAGS},
        "app_id": given.get("app_id"),
        "object_overwrite_mode": "SIZE_LAST_MODIFIED_COMPARISON_OVERWRITE",
        "dst_storage_policy": given.get("dst_storage_policy") or "STANDARD",
        "consistency_check": given.get("consistency_check") or "size_last_modified",
    }
    if (cdn := given.get("source_cdn")) is not None:
        if not isinstance(cdn, dict):
            raise RefusedError(400, "OMS.1002", "Invalid parameter type. source_cdn")
        _check(cdn, _CDN_TEXTS)
        settings["source_cdn"] = {name: cdn[name] for name in ("domain", "protocol", "authentication_type")}
    return settings


def check_start(body: bytes) -> None:
    """Raises RefusedError unless the body could start a task."""
    _check(_json_object(body), _START_TEXTS)


def object_keys(body: bytes) -> list[str]:
    """The keys of a CreateSyncEvents body, decoded once. Raises RefusedError."""
    keys = _json_object(body).get("object_keys")
    if keys is None:
        raise RefusedError(400, "OMS.1004", "Some required parameters are missing. object_keys")
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise RefusedError(400, "OMS.1002", "Invalid parameter type. object_keys")
    if not 1 <= len(keys) <= MAX_KEYS:
        raise RefusedError(400, "OMS.0051", "Invalid value for parameter range. object_keys")
    decoded = []
    for key in keys:
        if not 1 <= len(key) <= MAX_KEY_CHARS:
            raise RefusedError(400, "OMS.0051", "Invalid value for parameter range. object_key")
        if not _ENCODED.fullmatch(key):
            raise RefusedError(400, "OMS.0064", "Invalid request parameters. object_key is not URL-encoded")
        decoded.append(unquote(key) if "%" in key else key)
    return decoded


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        raise RefusedError(400, "OMS.0067", "The parameters are not in JSON format.")
    return document


def _check(given: dict[str, Any], texts: dict[str, _Text], also: tuple[str, ...] = ()) -> None:
    for name in given:
        if name not in texts and name not in also:
            raise RefusedError(400, "OMS.0064", f"Invalid request parameters. {name[:100]}")
    for name, text in texts.items():
        value = given.get(name)
        if value is None:
            if text.required:
                raise RefusedError(400, "OMS.1004", f"Some required parameters are missing. {name}")
            continue
        if not isinstance(value, str):
            raise RefusedError(400, "OMS.1002", f"Invalid parameter type. {name}")
        if not text.shortest <= len(value) <= text.longest:
            raise RefusedError(400, "OMS.0051", f"Invalid value for parameter range. {name}")
        if text.one_of and value not in text.one_of:
            raise RefusedError(400, "OMS.0064", f"Invalid request parameters. {name}")
