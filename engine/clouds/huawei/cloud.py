"""Huawei Cloud as the engine sees it: rows are object keys, and a job pushes some of them into a sync task."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from engine.clouds import Planned, Sign, TaskPage
from engine.clouds.constraints import Rule, an_id
from engine.clouds.examination import Examination
from engine.clouds.huawei import codes, credentials, endpoints, pushes
from engine.clouds.huawei.credentials import PROJECT_ID_VARIABLE
from engine.clouds.huawei.doctor import OmsExamination
from engine.clouds.huawei.events import event_call
from engine.clouds.huawei.oms import NAME, STOPPED
from engine.clouds.huawei.projects import KeystoneListProjects
from engine.clouds.huawei.pushes import Push
from engine.clouds.huawei.sync_tasks import show_call, sync_task
from engine.clouds.huawei.token import TokenSigner
from engine.clouds.replies import json_object
from engine.clouds.sources import Describe
from engine.errors import ConfigError, CredentialsError, TargetError
from engine.model import Account, AuthToken, Call, Job, Reply, Row
from signers import Credentials
from signers.huawei import AkSkSigner


class Huawei:
    name = NAME
    verb = pushes.VERB
    row: type[Any] = Push
    noun = "keys"
    start_operation = "CreateSyncEvents"
    poll_operation: str | None = None  # an event has no id: the task's monthly counters are all there is
    page_size = 0
    default_rate = 100.0
    services: Mapping[str, str] = {"oms": "endpoint", "iam": "iam_endpoint", "metadata": "metadata_endpoint"}
    callable_services: Sequence[str] = ("oms", "iam")
    domains: Sequence[str] = (".myhuaweicloud.com", ".myhuaweicloud.eu")
    credential_variables: Sequence[tuple[str, str, str]] = credentials.VARIABLES
    credential_sources: Mapping[str, Describe] = credentials.SOURCES
    credential_chain: Sequence[str] = ("federated", "environment", "profile", "metadata")
    setting_variables: Mapping[str, str] = {"project_id": PROJECT_ID_VARIABLE}
    settings: Mapping[str, Rule] = {"project_id": an_id(1024)}
    regions: Collection[str] = endpoints.OMS_REGIONS
    examination: Examination = OmsExamination()

    def endpoints(self, region: str, settings: Mapping[str, str]) -> Mapping[str, str]:
        return {"oms": endpoints.oms(region), "iam": endpoints.iam(region), "metadata": credentials.METADATA}

    def plan(self, rows: Sequence[Any], accounts: Sequence[str], batch: int) -> Planned:
        return pushes.plan(rows, accounts, batch)

    def rows(self, job: Job) -> Sequence[Row]:
        return [Push(unquote(key), job.target.name, job.target.account) for key in pushes.encoded_keys(job)]

    def row_keys(self, job: Job) -> Sequence[bytes]:
        return pushes.row_keys(job)

    def part(self, job: Job, rows: Sequence[int]) -> Job:
        return pushes.part(job, rows)

    def split(self, job: Job) -> tuple[Job, ...]:
        return pushes.split(job)

    def start(self, job: Job, account: Account) -> Call:
        return event_call(account, job.target.name, job.payload)

    def started(self, reply: Reply) -> str:
        return ""

    def poll(self, target: str, task: str | None, page: int) -> Call:
        raise NotImplementedError("OMS has no events to poll")

    def polled(self, reply: Reply) -> TaskPage:
        raise NotImplementedError("OMS has no events to poll")

    def inspect(self, target: str, account: Account, now: float) -> Call | None:
        return show_call(account, target, int(now * 1000))

    def inspected(self, reply: Reply) -> None:
        if sync_task(json_object(reply)).status == STOPPED:
            raise TargetError("the sync task is stopped; start it, then run again", code=STOPPED)

    def lookup(self, account: Account) -> Call | None:
        if account.settings.get("project_id"):
            return None
        if not account.region:
            raise ConfigError(f"account {account.name}: set its region or project_id ({PROJECT_ID_VARIABLE})")
        return KeystoneListProjects(account.region).call(account)

    def looked_up(self, account: Account, reply: Reply) -> Account:
        projects = KeystoneListProjects(account.region).read(reply)
        if len(projects) != 1:
            found = f"IAM names {len(projects)} projects" if projects else "IAM names no project"
            raise ConfigError(
                f"account {account.name}: {found} for region {account.region}; set project_id ({PROJECT_ID_VARIABLE})"
            )
        return replace(account, settings={**account.settings, "project_id": projects[0].id})

    def check(self, call: Call, reply: Reply) -> None:
        codes.check(reply)

    def signer(self, account: Account) -> Sign:
        signers = {
            service: _signer(account, service, account.settings.get("project_id") if service == "oms" else None)
            for service in ("oms", "iam")
        }

        def sign(call: Call, now: float, nonce: str) -> Any:
            signer = signers[call.service or "oms"]
            return signer.sign(call.method, call.path, tuple(call.params.items()), call.body, now=now)

        return sign


def _signer(account: Account, service: str, project_id: str | None) -> AkSkSigner | TokenSigner:
    match account.credentials:
        case AuthToken() as token:
            return TokenSigner(token, account.endpoints[service], project_id)
        case Credentials() as key:
            return AkSkSigner(key, account.endpoints[service], project_id)
    raise CredentialsError(f"account {account.name}: its credentials have not been fetched")


CLOUD = Huawei()
