"""Huawei Cloud IAM: the projects of accounts."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Any

from .exchange import Call, Payload, RefusedError
from .faults import Verdict
from .state import Operation

REGIONS = ("cn-north-4", "cn-east-3", "cn-southwest-2")  # where sync tasks exist
_REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-\d+")


class Projects:
    """An account's project in a region always has the same id. Another id is whoever's uses it first."""

    def __init__(self) -> None:
        self._owners: dict[str, str] = {}  # project id -> account

    def operations(self) -> dict[str, Operation]:
        return {"KeystoneListProjects": self.list_projects}

    def list_projects(self, call: Call, _verdict: Verdict) -> Payload:
        name = call.params.get("name")
        regions = REGIONS if name is None else (name,) if _REGION.fullmatch(name) else ()
        projects = [_project(call.account, region) for region in regions]
        for project in projects:
            self._owners[project["id"]] = call.account
        links = {"self": "https://iam.myhuaweicloud.com/v3/projects", "previous": None, "next": None}
        return {"projects": projects, "links": links}

    def check(self, call: Call) -> None:
        """Whether the caller may act in the project that its path names. Raises RefusedError."""
        project_id = call.path_ids["project_id"]
        if not 1 <= len(project_id) <= 1024:
            raise RefusedError(400, "OMS.0064", "Invalid request parameters.")
        header = call.received.headers.get("x-project-id", project_id)
        owner = self._owners.setdefault(project_id, call.account) if header == project_id else ""
        if owner != call.account:
            raise RefusedError(403, "APIGW.0302", "The IAM user is not authorized to access the API.", gateway=True)


def project_id_of(account: str, region: str) -> str:
    return sha256(f"{account}/{region}".encode()).hexdigest()[:32]


def _project(account: str, region: str) -> dict[str, Any]:
    project_id = project_id_of(account, region)
    domain_id = project_id_of(account, "")
    return {
        "domain_id": domain_id,
        "is_domain": False,
        "parent_id": domain_id,
        "name": region,
        "description": "",
        "links": {"self": f"https://iam.myhuaweicloud.com/v3/projects/{project_id}"},
        "id": project_id,
        "enabled": True,
    }
