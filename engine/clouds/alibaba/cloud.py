"""Alibaba Cloud as the engine sees it: rows are directories, and a job is the reverse sync of one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import orjson

from engine.clouds import Planned, Sign, TaskPage
from engine.clouds.alibaba import codes, credentials, endpoints, triggers
from engine.clouds.alibaba.doctor import SgwExamination
from engine.clouds.alibaba.remote_sync import started_task, task_page, tasks_call, trigger_call
from engine.clouds.alibaba.sgw import MAX_PAGE_SIZE, NAME, VERSION
from engine.clouds.alibaba.triggers import Trigger
from engine.clouds.constraints import Rule, one_of
from engine.clouds.examination import Examination
from engine.clouds.sources import Describe
from engine.errors import ConfigError, CredentialsError
from engine.model import Account, Call, Job, Reply, Row
from signers import Credentials, SignedRequest
from signers.alibaba import Acs3Signer, RpcSigner
from signers.mns import MnsSigner

SIGNERS: Mapping[str, type[Acs3Signer | RpcSigner]] = {"acs3": Acs3Signer, "rpc": RpcSigner}


class Alibaba:
    name = NAME
    verb = triggers.VERB
    row: type[Any] = Trigger
    noun = "directories"
    start_operation = "TriggerGatewayRemoteSync"
    poll_operation: str | None = "DescribeTasks"
    page_size = MAX_PAGE_SIZE
    default_rate = 50.0
    services: Mapping[str, str] = {
        "sgw": "endpoint",
        "sts": "sts_endpoint",
        "metadata": "metadata_endpoint",
        "mns": "mns_endpoint",  # its host begins with the account's number, so it is not known unless it is set
    }
    callable_services: Sequence[str] = ("sgw",)
    domains: Sequence[str] = (".aliyuncs.com",)
    credential_variables: Sequence[tuple[str, str, str]] = credentials.VARIABLES
    credential_sources: Mapping[str, Describe] = credentials.SOURCES
    credential_chain: Sequence[str] = ("environment", "oidc", "profile", "metadata", "uri")
    setting_variables: Mapping[str, str] = {}
    settings: Mapping[str, Rule] = {
        "signature": one_of(*SIGNERS),  # rpc is the older one
        "network": one_of(endpoints.PUBLIC, endpoints.VPC),
    }
    regions: Collection[str] = endpoints.SERVED_BY
    examination: Examination = SgwExamination()

    def endpoints(self, region: str, settings: Mapping[str, str]) -> Mapping[str, str]:
        network = settings.get("network", endpoints.PUBLIC)
        return {
            "sgw": endpoints.sgw(region, network),
            "sts": endpoints.sts(region, network),
            "metadata": credentials.METADATA,
        }

    def plan(self, rows: Sequence[Any], accounts: Sequence[str], batch: int) -> Planned:
        return triggers.plan(rows, accounts)

    def rows(self, job: Job) -> Sequence[Row]:
        index_id, path = orjson.loads(job.payload)
        return (Trigger(job.target.name, index_id, path, job.target.account),)

    def row_keys(self, job: Job) -> Sequence[bytes]:
        return (job.key,)

    def part(self, job: Job, rows: Sequence[int]) -> Job:
        return job

    def split(self, job: Job) -> tuple[Job, ...]:
        return ()

    def start(self, job: Job, account: Account) -> Call:
        index_id, path = orjson.loads(job.payload)
        return trigger_call(job.target.name, index_id, path)

    def started(self, reply: Reply) -> str:
        return started_task(reply)

    def poll(self, target: str, task: str | None, page: int) -> Call:
        return tasks_call(target, task, page, self.page_size)

    def polled(self, reply: Reply) -> TaskPage:
        return task_page(reply)

    def inspect(self, target: str, account: Account, now: float) -> Call | None:
        return None  # a missing gateway is told by the first trigger

    def inspected(self, reply: Reply) -> None:
        return

    def lookup(self, account: Account) -> Call | None:
        return None

    def looked_up(self, account: Account, reply: Reply) -> Account:
        return account

    def check(self, call: Call, reply: Reply) -> None:
        if call.service != "mns":  # whose answers are XML, and are judged by whoever reads them
            codes.check(reply)

    def signer(self, account: Account) -> Sign:
        if not isinstance(account.credentials, Credentials):
            raise CredentialsError(f"account {account.name}: only access keys can be used here")
        signature = account.settings.get("signature", "acs3")
        if wrong := self.settings["signature"](signature):
            raise ConfigError(f"account {account.name}: signature {signature!r:.40} {wrong}")
        signer = SIGNERS[signature](account.credentials, account.endpoints["sgw"], VERSION)
        mns = MnsSigner(account.credentials, account.endpoints["mns"]) if "mns" in account.endpoints else None

        def sign(call: Call, now: float, nonce: str) -> SignedRequest:
            if call.service == "mns" and mns:
                return mns.sign(call.method, call.path, call.params, call.body, now=now)
            return signer.sign(call.operation, call.params, now=now, nonce=nonce)

        return sign


CLOUD = Alibaba()
