"""Huawei Cloud Object Storage Migration Service (OMS, v2): object names pushed into sync tasks.

Sources: the vendor's pages of CreateSyncEvents and ShowSyncTask, its table of gateway errors, and its SDK.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, NoReturn
from urllib.parse import quote, unquote

import orjson

from engine.clouds import Planned, Sign, TaskPage
from engine.clouds.keys import job_key
from engine.clouds.replies import excerpt, json_object, text
from engine.errors import (
    CallError,
    ConfigError,
    InputError,
    ProtocolError,
    QuotaError,
    RejectedError,
    TargetError,
    ThrottledError,
    UnauthorizedError,
    UnavailableError,
)
from engine.model import Account, Call, Job, Reply, Row, Target
from signers.huawei import AkSkSigner

PROJECT_ID_VARIABLE = "HUAWEICLOUD_SDK_PROJECT_ID"
MAX_KEY_BYTES = 1024  # of an object key in OBS, and in the clouds that it is read from


class Push(NamedTuple):
    """Have one object synchronised by a sync task. The key is the object's name, not URL-encoded."""

    key: str
    sync_task_id: str = ""
    account: str = ""  # "" is the default account


class Huawei:
    name = "huawei"
    verb = "push"
    row: type[Any] = Push
    noun = "keys"
    start_operation = "CreateSyncEvents"
    poll_operation: str | None = None  # an event has no id: the task's monthly counters are all there is
    page_size = 0
    default_rate = 100.0
    services: Mapping[str, str] = {"oms": "endpoint", "iam": "iam_endpoint"}
    domains: Sequence[str] = (".myhuaweicloud.com", ".myhuaweicloud.eu")
    credential_variables: Sequence[tuple[str, str, str]] = (
        ("HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK", "HUAWEICLOUD_SDK_SECURITY_TOKEN"),
        ("CLOUD_SDK_AK", "CLOUD_SDK_SK", "CLOUD_SDK_SECURITY_TOKEN"),  # what the vendor's own samples read
    )
    setting_variables: Mapping[str, str] = {"project_id": PROJECT_ID_VARIABLE}
    settings: Sequence[str] = ()

    def endpoints(self, region: str) -> Mapping[str, str]:
        return {
            "oms": f"https://oms.{region}.myhuaweicloud.com",
            "iam": f"https://iam.{region}.myhuaweicloud.com",
        }

    def plan(self, rows: Sequence[Any], accounts: Sequence[str], batch: int) -> Planned:
        keys: dict[tuple[str, str], dict[str, None]] = {}
        rejected: list[tuple[int, InputError]] = []
        repeated: list[int] = []
        for index, (key, sync_task_id, account) in enumerate(rows):
            try:
                encoded = encode_key(key)
                known = keys.get((account, sync_task_id))
                if known is None:
                    known = keys[_checked(account, sync_task_id, accounts)] = {}
            except InputError as error:
                rejected.append((index, error))
                continue
            if encoded in known:
                repeated.append(index)
            known[encoded] = None
        jobs: list[Job] = []
        for (account, sync_task_id), unique in keys.items():
            target = Target(self.name, account or accounts[0], sync_task_id)
            encoded_keys = list(unique)
            jobs += [_job(target, encoded_keys[i : i + batch]) for i in range(0, len(encoded_keys), batch)]
        return Planned(jobs, rejected, repeated)

    def rows(self, job: Job) -> Sequence[Row]:
        return [Push(unquote(key), job.target.name, job.target.account) for key in _encoded_keys(job)]

    def split(self, job: Job) -> tuple[Job, ...]:
        keys = _encoded_keys(job)
        half = len(keys) // 2
        return (_job(job.target, keys[:half]), _job(job.target, keys[half:])) if half else ()

    def start(self, job: Job, account: Account) -> Call:
        path = f"{_tasks_path(account)}/{quote(job.target.name, safe='')}/events"
        return Call(self.start_operation, "POST", path, body=job.payload)

    def started(self, reply: Reply) -> str:
        return ""

    def poll(self, target: str, task: str | None, page: int) -> Call:
        raise NotImplementedError("OMS has no events to poll")

    def polled(self, reply: Reply) -> TaskPage:
        raise NotImplementedError("OMS has no events to poll")

    def inspect(self, target: str, account: Account, now: float) -> Call | None:
        path = f"{_tasks_path(account)}/{quote(target, safe='')}"
        return Call("ShowSyncTask", "GET", path, {"query_time": str(int(now * 1000))})

    def inspected(self, reply: Reply) -> None:
        status = text(json_object(reply).get("status"))
        if status == "STOPPED":
            raise TargetError("the sync task is stopped; start it, then run again", code=status)

    def lookup(self, account: Account) -> Call | None:
        if account.settings.get("project_id"):
            return None
        if not account.region:
            raise ConfigError(f"account {account.name}: set its region or project_id ({PROJECT_ID_VARIABLE})")
        return Call("KeystoneListProjects", "GET", "/v3/projects", {"name": account.region}, service="iam")

    def looked_up(self, account: Account, reply: Reply) -> Account:
        projects = json_object(reply).get("projects")
        listed = projects if isinstance(projects, list) else []
        ids = [text(project.get("id")) for project in listed if isinstance(project, dict)]
        if len(ids) != 1 or not ids[0]:
            found = f"IAM names {len(ids)} projects" if ids else "IAM names no project"
            raise ConfigError(
                f"account {account.name}: {found} for region {account.region}; set project_id ({PROJECT_ID_VARIABLE})"
            )
        return replace(account, settings={**account.settings, "project_id": ids[0]})

    def check(self, call: Call, reply: Reply) -> None:
        if 200 <= reply.status < 300:
            kind = reply.headers.get("content-type", "").split(";")[0].strip().lower()
            if reply.body and "json" not in kind:
                raise ProtocolError(f"the answer is {kind or 'of no type'}: {excerpt(reply.body)}", status=reply.status)
            if reply.body and not {"error_code", "error_msg", "error"}.isdisjoint(json_object(reply)):
                _fail(reply)
            return
        if 300 <= reply.status < 400:
            raise ProtocolError("the endpoint redirects; redirects are not followed", status=reply.status)
        _fail(reply)

    def signer(self, account: Account) -> Sign:
        signers = {
            service: AkSkSigner(
                account.credentials,
                account.endpoints[service],
                account.settings.get("project_id") if service == "oms" else None,
            )
            for service in self.services
        }

        def sign(call: Call, now: float, nonce: str) -> Any:
            signer = signers[call.service or "oms"]
            return signer.sign(call.method, call.path, tuple(call.params.items()), call.body, now=now)

        return sign


# Letters, digits and -._~ stay as they are; a slash is the one other character in most keys.
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_.~/-]{1,1024}").fullmatch


def encode_key(key: str) -> str:
    """An object's name as CreateSyncEvents wants it: URL-encoded once, a space as %20 and a plus as %2B.

    Raises:
        InputError: no cloud can hold an object of that name.
    """
    if _PLAIN_KEY(key):
        return key.replace("/", "%2F")
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        raise InputError(f"key {key!r:.80} is not valid Unicode (it contains a lone surrogate)") from None
    if not key:
        raise InputError("key is empty")
    if "\0" in key:
        raise InputError(f"key {key!r:.80} contains a NUL")
    if size > MAX_KEY_BYTES:
        raise InputError(f"key {key!r:.80} is {size:,} bytes long; {MAX_KEY_BYTES:,} is the most")
    return quote(key, safe="")


def _checked(account: str, sync_task_id: str, accounts: Sequence[str]) -> tuple[str, str]:
    if not sync_task_id:
        raise InputError("the row names no sync_task_id and no --sync-task was given")
    if not sync_task_id.isprintable() or " " in sync_task_id or len(sync_task_id) > 255:
        raise InputError(f"sync_task_id {sync_task_id!r:.60} is not an id")
    if account and account not in accounts:
        raise InputError(f"no account is called {account!r:.60}; there is {', '.join(accounts)}")
    return account, sync_task_id


def _job(target: Target, encoded_keys: Sequence[str]) -> Job:
    """The payload is the body as it is sent. Encoded keys are ASCII without quotes, so joining them is JSON."""
    payload = ('{"object_keys":["' + '","'.join(encoded_keys) + '"]}').encode()
    return Job(job_key(CLOUD.verb, target, payload), target, payload, len(encoded_keys))


def _encoded_keys(job: Job) -> list[str]:
    keys: list[str] = orjson.loads(job.payload)["object_keys"]
    return keys


def _tasks_path(account: Account) -> str:
    return f"/v2/{quote(account.settings['project_id'], safe='')}/sync-tasks"


# By the remedies that the vendor gives. Codes of the gateway come as APIG and as APIGW.
UNAUTHORIZED = {"OMS.0068", "OMS.0072", "OMS.1005", "OMS.1014", "OMS.1016", "OMS.1020", "OMS.1041"} | {
    f"OMS.020{n}" for n in range(1, 7)
}
NO_SUCH_TARGET = {"OMS.0053", "OMS.0054", "OMS.1009"}
QUOTA = {"OMS.0075", "OMS.0076", "OMS.0077", "OMS.1021", "OMS.1037", "APIG.0501"}
UNAVAILABLE = {"OMS.0086", "OMS.0152", "OMS.0153", "OMS.0155", "OMS.1001", "OMS.1026", "OMS.2004"}


def _fail(reply: Reply) -> NoReturn:
    try:
        answer = json_object(reply)
    except ProtocolError as error:
        if reply.status >= 500:
            raise UnavailableError(error.message, status=reply.status) from None
        if reply.status == 429:
            raise ThrottledError("too many requests", status=429, retry_after_s=_retry_after_s(reply)) from None
        raise
    nested = answer.get("error")
    body = nested if isinstance(nested, dict) else answer  # IAM nests what the others give at the top
    code = text(body.get("error_code") or body.get("errorCode") or body.get("code")).replace("APIGW.", "APIG.")
    message = text(body.get("error_msg") or body.get("errorMsg") or body.get("message")) or "no message"
    if "canonicalRequest:" in message:  # it repeats the signed headers, with temporary credentials also the token
        message = message.split("canonicalRequest:")[0].rstrip(" ,")
    request_id = reply.headers.get("x-request-id") or reply.headers.get("x-iam-trace-id") or ""
    failure = _class_of(code, reply.status)(message, status=reply.status, code=code, request_id=request_id)
    failure.retry_after_s = _retry_after_s(reply)
    if isinstance(failure, ThrottledError):
        failure.limit_per_s = _limit_per_s(message)
    raise failure


def _class_of(code: str, status: int) -> type[CallError]:
    if status == 429 or code == "APIG.0308":
        return ThrottledError
    if code in QUOTA:
        return QuotaError
    if code in UNAUTHORIZED or status in {401, 403}:
        return UnauthorizedError
    if code in NO_SUCH_TARGET or status == 404:
        return TargetError
    if code in UNAVAILABLE or status >= 500:
        return UnavailableError
    # A refusal that calls itself a success is no answer to build on.
    return RejectedError if status >= 400 else ProtocolError


def _retry_after_s(reply: Reply) -> float | None:
    value = reply.headers.get("retry-after", "")
    return float(value) if value.isascii() and value.isdigit() and len(value) < 10 else None


_LIMIT = re.compile(r"limit:(\d{1,9}),\s*time:(\d{1,6}) (second|minute|hour|day)")
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}


def _limit_per_s(message: str) -> float | None:
    """The quota in a gateway's throttling message: ``policy user over ratelimit,limit:200,time:1 second``."""
    found = _LIMIT.search(message)
    if not found or not int(found[1]) or not int(found[2]):
        return None
    return int(found[1]) / (int(found[2]) * _SECONDS[found[3]])


CLOUD = Huawei()
