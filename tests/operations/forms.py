"""The vendors' forms of parameters and answers, in so few words that they can be seen to be right.

Everything here is written down from the vendors' documents a second time, and shares nothing with the library.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import quote

Answer: TypeAlias = "dict[str, Any]"
TOKEN = "KeystoneCreateUserTokenByPassword"
BY_TOKEN = "x_subject_token"  # stands in a header of the answer


def sgw_params(params: Mapping[str, Any]) -> dict[str, str]:
    return {"".join(part.capitalize() for part in name.split("_")): _text(value) for name, value in params.items()}


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return json.dumps({name: ",".join(entries) for name, entries in value.items()})
    if isinstance(value, str | bool | int):
        return str(value).lower() if isinstance(value, bool) else str(value)
    return ",".join(value)


def sgw_answer(answer: Mapping[str, Any]) -> Answer:
    found: Answer = {}
    for name, value in answer.items():
        if isinstance(value, dict):
            (items,) = value.values()
            found["items"] = [sgw_answer(item) for item in items]
        else:
            found[re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()] = value
    return found


class Rest(NamedTuple):
    method: str
    path: str
    query: dict[str, str]
    body: dict[str, Any] | None


ROUTES = {
    "CreateSyncTask": ("POST", ""),
    "ListSyncTasks": ("GET", ""),
    "ShowSyncTask": ("GET", "/{sync_task_id}"),
    "DeleteSyncTask": ("DELETE", "/{sync_task_id}"),
    "StartSyncTask": ("POST", "/{sync_task_id}/start"),
    "StopSyncTask": ("POST", "/{sync_task_id}/stop"),
    "CreateSyncEvents": ("POST", "/{sync_task_id}/events"),
    "ListSyncTaskStatistic": ("GET", "/{sync_task_id}/statistics"),
}


def rest(operation: str, **params: Any) -> Rest:
    """A path of OMS stands below the project's, which is left open."""
    if operation == "KeystoneListProjects":
        return Rest("GET", "/v3/projects", params, None)
    if operation == TOKEN:
        user = {"name": params["user_name"], "password": params["password"], "domain": {"name": params["domain_name"]}}
        identity = {"methods": ["password"], "password": {"user": user}}
        scope = {"project": {"name": params["project_name"]}}
        document = {"auth": {"identity": identity, "scope": scope}}
        return Rest("POST", "/v3/auth/tokens", {"nocatalog": "true"}, document)
    method, below = ROUTES[operation]
    path = "/v2/{project_id}/sync-tasks" + below.replace("{sync_task_id}", params.pop("sync_task_id", ""))
    if "object_keys" in params:
        params["object_keys"] = [quote(key, safe="") for key in params["object_keys"]]
    if method == "GET":
        return Rest(method, path, {name: _text(value) for name, value in params.items()}, None)
    return Rest(method, path, {}, params or None)


def method_of(operation: str) -> str:
    """What the vendors' SDKs call it."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower()


def oms_answer(value: Any) -> Any:
    """What an SDK's object says, as its users read it."""
    if isinstance(value, list):
        return [oms_answer(item) for item in value]
    if hasattr(value, "openapi_types"):
        return {name: oms_answer(getattr(value, name)) for name in value.openapi_types}
    return value
