"""The ways in which an operation can be performed. All take the library's parameters, and answer in one form.

That form is the vendor's JSON with names in snake_case; a list is called `items` where the vendor wraps it twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote

import huaweicloudsdkiam.v3 as iam_models
import huaweicloudsdkoms.v2 as oms_models
from aiohttp import ClientSession

import engine.clouds.alibaba.operations as sgw
import engine.clouds.huawei.operations as oms
from tests.emulator import sdks
from tests.emulator.signed import SignedClient

from .forms import BY_TOKEN, TOKEN, Answer, method_of, oms_answer, rest, sgw_answer, sgw_params
from .here import Here

LONGEST_WORD = 100  # in what a command may say; tokens are longer


class Way(Protocol):
    async def __call__(self, here: Here, operation: str, **params: Any) -> Answer: ...


async def library(here: Here, operation: str, **params: Any) -> Answer:
    """`engine.do(Operation(...))`"""
    kind = getattr(sgw, operation, None) or getattr(oms, operation)
    answer = await here.see(kind(**params))
    if operation == TOKEN:
        return {BY_TOKEN: answer.token.value, "token": {"project": {"id": answer.project_id}}}
    if isinstance(answer, tuple):
        return {"projects": [asdict(item) for item in answer]}
    return asdict(answer) if answer is not None else {}


async def call(here: Here, operation: str, **params: Any) -> Answer:
    """`syncmux call`"""
    if hasattr(sgw, operation):
        given = [f"{name}={value}" for name, value in sgw_params(params).items()]
        (event,) = here.run("call", "alibaba", operation, *given)
        return sgw_answer(event["answer"])
    wanted = rest(operation, **params)
    given = [f"{name}={value}" for name, value in wanted.query.items()]
    words = ["call", "huawei", operation, *given, "--path", wanted.path, "--method", wanted.method]
    if wanted.path.startswith("/v3/"):
        words += ["--service", "iam"]
    if wanted.body:
        words += ["--body", "-"]
    (event,) = here.run(*words, stdin=json.dumps(wanted.body).encode())
    assert max(len(word) for word in json.dumps(event).split('"')) < LONGEST_WORD
    answer: Answer = event["answer"]
    return answer


async def http(here: Here, operation: str, **params: Any) -> Answer:
    """A request that is signed by the test itself: what the emulator is without anybody's library."""
    async with ClientSession() as session:
        client = SignedClient(session, here.process.alibaba, here.key)
        if hasattr(sgw, operation):
            given: dict[str, Any] = {**sgw_params(params)}
            seen = await client.alibaba(operation, **given)
            return sgw_answer(seen.json)
        wanted = rest(operation, **params)
        if operation == TOKEN:
            body = json.dumps(wanted.body).encode()
            headers = {"content-type": "application/json;charset=utf8"}
            seen = await client.send("POST", f"{wanted.path}?nocatalog=true", headers, body)
            return {**seen.json, BY_TOKEN: seen.headers["X-Subject-Token"]}
        path = wanted.path
        if "{project_id}" in path:
            path = path.replace("{project_id}", await here.project_id())
        query = "&".join(f"{name}={quote(wanted.query[name], safe='~')}" for name in sorted(wanted.query))
        seen = await client.huawei(wanted.method, path, wanted.body, query=query)
        answer: Answer = seen.json if seen.body else {}
        return answer


def of_alibaba(name: str) -> Way:
    async def perform(here: Here, operation: str, **params: Any) -> Answer:
        return sgw_answer(
            await sdks.ALIBABA_SDKS[name](here.process.alibaba, here.key)(operation, **sgw_params(params))
        )

    return perform


def of_oms(*, asynchronous: bool) -> Way:
    bodies = {
        "CreateSyncTask": oms_models.CreateSyncTaskReq,
        "StartSyncTask": oms_models.StartSyncTaskReq,
        "CreateSyncEvents": oms_models.SyncObjectReq,
    }

    async def perform(here: Here, operation: str, **params: Any) -> Answer:
        client = sdks.Oms(here.process.huawei, here.key, await here.project_id(), asynchronous=asynchronous)
        given: dict[str, Any] = {name: params[name] for name in ("sync_task_id",) if name in params}
        wanted = rest(operation, **params)
        given |= wanted.query
        if wanted.body:
            given["body"] = bodies[operation](**wanted.body)
        return _answer(client(method_of(operation), getattr(oms_models, f"{operation}Request")(**given)))

    return perform


def of_iam(*, asynchronous: bool) -> Way:
    async def perform(here: Here, operation: str, **params: Any) -> Answer:
        wanted = rest(operation, **params)
        request = (
            sdks.token_request(wanted.body, **wanted.query)
            if wanted.body
            else iam_models.KeystoneListProjectsRequest(**wanted.query)
        )
        client = sdks.Iam(here.process.iam, here.key, asynchronous=asynchronous)
        return _answer(client(method_of(operation), request))

    return perform


def _answer(response: Any) -> Answer:
    answer: Answer = oms_answer(response)
    return answer


class Column(NamedTuple):
    title: str
    way: Way
    has: Callable[[str], bool] = lambda operation: True


def _among(client: type[Any], suffix: str = "") -> Callable[[str], bool]:
    return lambda operation: hasattr(client, method_of(operation) + suffix)


OURS = {"library": Column("library", library), "call": Column("`syncmux call`", call), "http": Column("emulator", http)}
ALIBABA: Mapping[str, Column] = {
    **OURS,
    "core": Column("aliyun-python-sdk-core", of_alibaba("core")),
    "sgw20180511": Column("alibabacloud-sgw20180511", of_alibaba("tea-v3")),
    "sgw20180511-async": Column("the same, async", of_alibaba("tea-v3-async")),
}
HUAWEI: Mapping[str, Column] = {
    **OURS,
    "oms": Column("huaweicloudsdkoms", of_oms(asynchronous=False), _among(oms_models.OmsClient)),
    "oms-async": Column("the same, async", of_oms(asynchronous=True), _among(oms_models.OmsAsyncClient, "_async")),
    "iam": Column("huaweicloudsdkiam", of_iam(asynchronous=False), _among(iam_models.IamClient)),
    "iam-async": Column("the same, async", of_iam(asynchronous=True), _among(iam_models.IamAsyncClient, "_async")),
}


def columns(operation: str) -> Mapping[str, Column]:
    return ALIBABA if operation in sgw.__all__ else HUAWEI


def cells(operations: Sequence[str]) -> list[tuple[str, str]]:
    """Every operation, each in every way that there is to perform it."""
    return [(each, name) for each in operations for name, column in columns(each).items() if column.has(each)]
