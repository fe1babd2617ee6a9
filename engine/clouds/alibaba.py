"""Alibaba Cloud Storage Gateway (`sgw`, version 2018-05-11): reverse sync of directories.

Sources: the vendor's pages of TriggerGatewayRemoteSync, DescribeTasks and the common error codes, and its SDKs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, NoReturn

import orjson

from engine.clouds import Planned, Sign, TaskPage, TaskState
from engine.clouds.keys import job_key
from engine.clouds.replies import identifier, json_object, text, whole
from engine.errors import (
    BusyError,
    CallError,
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
from signers.alibaba import Acs3Signer, RpcSigner

VERSION = "2018-05-11"
MAX_PATH_BYTES = 1024

# Regions that another region's endpoint serves; the vendor's documents, where its SDKs' tables differ in part.
SERVED_ELSEWHERE = {
    "cn-hangzhou": "cn-shanghai",
    "cn-qingdao": "cn-shanghai",
    "cn-beijing": "cn-shanghai",
    "cn-zhangjiakou": "cn-shanghai",
    "cn-huhehaote": "cn-shanghai",
    "cn-wulanchabu": "cn-shanghai",
    "cn-shenzhen": "cn-shanghai",
    "cn-heyuan": "cn-shanghai",
    "cn-heyuan-acdr-1": "cn-shanghai",
    "cn-guangzhou": "cn-shanghai",
    "cn-chengdu": "cn-shanghai",
    "cn-hongkong": "cn-shanghai",
    "cn-shenzhen-finance-1": "cn-shanghai-finance-1",
    "us-east-1": "us-west-1",
}


class Trigger(NamedTuple):
    """Refresh one directory of a share from its bucket (reverse sync)."""

    gateway_id: str
    index_id: str  # protocol and name of the share: NFSphotos, SMBhome
    path: str  # from the root of the share; / is the whole share
    account: str = ""  # "" is the default account


class Alibaba:
    name = "alibaba"
    verb = "trigger"
    row: type[Any] = Trigger
    noun = "directories"
    start_operation = "TriggerGatewayRemoteSync"
    poll_operation: str | None = "DescribeTasks"
    page_size = 50
    default_rate = 50.0
    services: Mapping[str, str] = {"sgw": "endpoint"}
    domains: Sequence[str] = (".aliyuncs.com",)
    credential_variables: Sequence[tuple[str, str, str]] = (
        ("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN"),
    )
    setting_variables: Mapping[str, str] = {}
    settings: Sequence[str] = ("signature",)  # acs3, or rpc for the older signature

    def endpoints(self, region: str) -> Mapping[str, str]:
        return {"sgw": f"https://sgw.{SERVED_ELSEWHERE.get(region, region)}.aliyuncs.com"}

    def plan(self, rows: Sequence[Any], accounts: Sequence[str], batch: int) -> Planned:
        jobs: dict[bytes, Job] = {}
        rejected: list[tuple[int, InputError]] = []
        repeated: list[int] = []
        for index, row in enumerate(rows):
            try:
                job = _job(row, accounts)
            except InputError as error:
                rejected.append((index, error))
                continue
            if job.key in jobs:
                repeated.append(index)
            jobs[job.key] = job
        return Planned(list(jobs.values()), rejected, repeated)

    def rows(self, job: Job) -> Sequence[Row]:
        index_id, path = orjson.loads(job.payload)
        return (Trigger(job.target.name, index_id, path, job.target.account),)

    def split(self, job: Job) -> tuple[Job, ...]:
        return ()

    def start(self, job: Job, account: Account) -> Call:
        index_id, path = orjson.loads(job.payload)
        return Call(self.start_operation, params={"GatewayId": job.target.name, "IndexId": index_id, "Path": path})

    def started(self, reply: Reply) -> str:
        return identifier(json_object(reply).get("TaskId"), "TaskId")

    def poll(self, target: str, task: str | None, page: int) -> Call:
        params = {"TargetId": target, "PageNumber": str(page), "PageSize": str(self.page_size)}
        return Call("DescribeTasks", params=params | ({"TaskId": task} if task else {}))

    def polled(self, reply: Reply) -> TaskPage:
        answer = json_object(reply)
        tasks = answer.get("Tasks")
        listed = tasks.get("SimpleTask") if isinstance(tasks, dict) else None
        total = whole(answer.get("TotalCount"))
        if not isinstance(listed, list) or total is None:
            raise ProtocolError("the answer has no list of tasks", status=reply.status)
        return TaskPage([_task_state(item) for item in listed if isinstance(item, dict)], total)

    def inspect(self, target: str, account: Account, now: float) -> Call | None:
        return None  # a missing gateway is told by the first trigger

    def inspected(self, reply: Reply) -> None:
        return

    def lookup(self, account: Account) -> Call | None:
        return None

    def looked_up(self, account: Account, reply: Reply) -> Account:
        return account

    def check(self, call: Call, reply: Reply) -> None:
        if 200 <= reply.status < 300:
            answer = json_object(reply)
            # An answer with HTTP 200 may carry a failure; the code is a string in most samples and a number in one.
            if answer.get("Success") is True and text(answer.get("Code", "200")) == "200":
                return
            _fail(answer, reply)
        if 300 <= reply.status < 400:
            raise ProtocolError("the endpoint redirects; redirects are not followed", status=reply.status)
        try:
            answer = json_object(reply)
        except ProtocolError as error:
            if reply.status >= 500:
                raise UnavailableError(error.message, status=reply.status) from None
            raise
        _fail(answer, reply)

    def signer(self, account: Account) -> Sign:
        kind = RpcSigner if account.settings.get("signature") == "rpc" else Acs3Signer
        signer = kind(account.credentials, account.endpoints["sgw"], VERSION)
        return lambda call, now, nonce: signer.sign(call.operation, call.params, now=now, nonce=nonce)


def _job(row: Any, accounts: Sequence[str]) -> Job:
    gateway_id, index_id, path, account = row
    for name, value in (("gateway_id", gateway_id), ("index_id", index_id)):
        if not value or not value.isprintable() or " " in value or len(value) > 128:
            raise InputError(f"{name} {value!r:.60} is not an id")
    account = account or accounts[0]
    if account not in accounts:
        raise InputError(f"no account is called {account!r:.60}; there is {', '.join(accounts)}")
    target = Target(CLOUD.name, account, gateway_id)
    payload = orjson.dumps([index_id, _path(path)])
    return Job(job_key(CLOUD.verb, target, payload), target, payload)


def _path(path: str) -> str:
    if not path:
        raise InputError("path is empty; / is the whole share")
    if ".." in re.split(r"[/\\]", path):
        raise InputError(f"path {path!r:.80} climbs out of its share with ..")
    if "\0" in path:
        raise InputError(f"path {path!r:.80} contains a NUL")
    try:
        size = len(path.encode())
    except UnicodeEncodeError:
        raise InputError(f"path {path!r:.80} is not valid Unicode (it contains a lone surrogate)") from None
    if size > MAX_PATH_BYTES:
        raise InputError(f"path is {size:,} bytes long; {MAX_PATH_BYTES:,} is the most")
    return path if path.startswith("/") else "/" + path


def _task_state(item: Mapping[str, Any]) -> TaskState:
    """States come in mixed case (`task.state.completed`, `task.state.Failed`). Progress only informs: -1 is a failure
    by the documents, and 100 without the state is not an end."""
    state = text(item.get("StateCode")).lower()
    failed = state == "task.state.failed" or (item.get("Progress") == -1 and state != "task.state.completed")
    done = False if failed else True if state == "task.state.completed" else None
    created, updated = whole(item.get("CreatedTime")), whole(item.get("UpdatedTime"))
    took = None if created is None or updated is None or done is None else max(0.0, float(updated - created))
    why = text(item.get("MessageKey")) or "the cloud gives no reason"
    return TaskState(text(item.get("TaskId")), done, "" if done else why, took)


THROTTLED = ("Throttling", "Rejected.Throttling")
BUSY = {"GatewayInOperation", "ExpressSyncInOperation"}
UNAVAILABLE = {"ServiceUnavailable", "InternalError", "UnknownError", "SignatureNonceUsed", "AssumeRoleFail"}
NO_SUCH_TARGET = {"GatewayNotExist", "StorageBundleNotExist", "ExpressSyncNotExist", "InvalidApi.NotFound"}
QUOTA = {"ExpressSyncNotificationEventLimitExceed"}
UNAUTHORIZED = (
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "IncompleteSignature",
    "InvalidSecurityToken",
    "InvalidTimeStamp",
    "Forbidden",
    "NoPermission",
    "RoleNotExist",
)


def _fail(answer: Mapping[str, Any], reply: Reply) -> NoReturn:
    code = text(answer.get("Code") or answer.get("code"))
    message = text(answer.get("Message") or answer.get("message")) or "no message"
    if "string to sign is" in message:  # it repeats the access key and, with temporary credentials, the token
        message = message.split("server string to sign is")[0].strip()
    if reply.status < 300 and code in {"", "200"}:
        raise ProtocolError("the answer says Success is not true and gives no reason", status=reply.status)
    error = _class_of(code, reply)(message, status=reply.status, code=code, request_id=text(answer.get("RequestId")))
    error.retry_after_s = _retry_after_s(reply)
    raise error


def _class_of(code: str, reply: Reply) -> type[CallError]:
    if code.startswith(THROTTLED) or reply.status == 429 or _retry_after_s(reply) is not None:
        return ThrottledError
    if code in BUSY:
        return BusyError
    if code in NO_SUCH_TARGET:
        return TargetError
    if code in QUOTA:
        return QuotaError
    if code.startswith(UNAUTHORIZED):
        return UnauthorizedError
    if code in UNAVAILABLE or reply.status >= 500:
        return UnavailableError
    if reply.status < 400:  # a failure that calls itself a success, for no reason we know, is nothing to build on
        return ProtocolError
    return UnauthorizedError if reply.status in {401, 403} else RejectedError


def _retry_after_s(reply: Reply) -> float | None:
    """The newest SDK takes this header, in milliseconds, on any error as the word to wait."""
    value = reply.headers.get("x-acs-retry-after", "")
    return int(value) / 1000 if value.isascii() and value.isdigit() and len(value) < 10 and int(value) else None


CLOUD = Alibaba()
