"""IAM's projects: an account has one in each region, and every path of OMS names it."""

from __future__ import annotations

from dataclasses import dataclass

from engine.clouds.constraints import NonEmpty
from engine.clouds.huawei.oms import OmsOperation
from engine.clouds.records import objects, record
from engine.clouds.replies import json_object
from engine.model import Account, Call, Reply


@dataclass(frozen=True, slots=True)
class Project:
    id: str
    name: str | None
    """The region, and what follows it in the name of a sub-project."""
    description: str | None
    domain_id: str | None
    parent_id: str | None
    enabled: bool | None
    is_domain: bool | None


@dataclass(frozen=True, slots=True)
class KeystoneListProjects(OmsOperation[tuple[Project, ...]]):
    """List the account's projects, or the one of that name; a region's own project has the name of the region.

    https://support.huaweicloud.com/api-iam/
    """

    name: NonEmpty | None = None

    repeatable = True
    service = "iam"

    def call(self, account: Account) -> Call:
        params = {} if self.name is None else {"name": self.name}
        return Call("KeystoneListProjects", "GET", "/v3/projects", params, service=self.service)

    def read(self, reply: Reply) -> tuple[Project, ...]:
        return tuple([record(Project, item) for item in objects(json_object(reply).get("projects"), "projects")])
