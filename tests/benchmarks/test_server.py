"""The neutral server: its answers are valid, however the bytes of a request come in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import orjson
import pytest

from benchmarks.accounts import SYNC_TASK, oms_account, sgw_account
from benchmarks.server.answers import constant, with_tasks
from benchmarks.server.connection import Connection
from benchmarks.server.tasks import Gateways, end_of
from engine.client import Client
from engine.clouds import clouds
from engine.clouds.huawei.sync_tasks import show_call
from engine.model import Account, Call
from engine.transport import Transport

EVENT = (
    b"POST /v2/p/sync-tasks/s/events HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n12345",
    b"GET /v2/p/sync-tasks/s?query_time=1 HTTP/1.1\r\nhost: x\r\n\r\n",
    b"POST /?GatewayId=gw-1 HTTP/1.1\r\nX-Acs-Action: TriggerGatewayRemoteSync\r\ncontent-length: 0\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: 32\r\n\r\nAction=DescribeTasks&TargetId=gw1",
)


class _Wire(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.written = asyncio.Event()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent += data
        self.written.set()

    def is_closing(self) -> bool:
        return False


def _connection(service_s: float = 0.0) -> tuple[Connection, _Wire]:
    wire = _Wire()
    connection = Connection(constant(), service_s)
    connection.connection_made(wire)
    return connection, wire


def _expected() -> bytes:
    names = (b"CreateSyncEvents", b"ShowSyncTask", b"TriggerGatewayRemoteSync", b"DescribeTasks")
    answers = constant()
    return b"".join([answer for name in names if isinstance(answer := answers[name], bytes)])


@pytest.mark.parametrize("size", [1, 7, 64, 100_000])
async def test_requests_in_pieces_of_any_size(size: int) -> None:
    connection, wire = _connection()
    stream = EVENT[0] + EVENT[1] + EVENT[2] + EVENT[3] + b"!"
    stream = stream.replace(b"Content-Length: 32", b"Content-Length: 33").rstrip(b"!")
    for start in range(0, len(stream), size):
        connection.data_received(stream[start : start + size])
    assert wire.sent == _expected()


async def test_an_operation_that_it_does_not_know() -> None:
    connection, wire = _connection()
    connection.data_received(b"POST /?Action=Unheard HTTP/1.1\r\n\r\n")
    assert wire.sent.startswith(b"HTTP/1.1 404")


async def test_answers_take_their_time() -> None:
    connection, wire = _connection(service_s=0.02)
    began = time.perf_counter()
    connection.data_received(EVENT[0])
    assert not wire.sent
    await wire.written.wait()
    assert time.perf_counter() - began >= 0.015


@pytest.fixture
async def url() -> AsyncIterator[str]:
    answers = with_tasks(Gateways(0.0, 0.0))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(answers, 0.0), "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


@pytest.mark.parametrize("signature", ["acs3", "rpc"])
async def test_the_engine_takes_its_answers_for_the_clouds(url: str, signature: str) -> None:
    sgw, oms = sgw_account(url), oms_account(url)
    sgw = Account(sgw.name, sgw.cloud, sgw.region, sgw.credentials, sgw.endpoints, {"signature": signature})
    alibaba, huawei = clouds()["alibaba"], clouds()["huawei"]
    async with Transport() as transport:
        client = Client(transport, [sgw, oms])
        trigger = Call("TriggerGatewayRemoteSync", params={"GatewayId": "gw-1", "IndexId": "NFS", "Path": "/a b"})
        task = await client.call("sgw", trigger, alibaba.started)
        page = await client.call("sgw", alibaba.poll("gw-1", None, 1), alibaba.polled)
        assert [(state.task, state.done) for state in page.tasks] == [(task, True)]
        job = huawei.plan([huawei.row("photos/1.jpg", SYNC_TASK)], ["oms"], 10).jobs[0]
        assert await client.call("oms", huawei.start(job, oms), huawei.started) == ""
        await client.call("oms", show_call(oms, SYNC_TASK, 0), huawei.inspected)


def test_gateways_list_their_newest_tasks_first() -> None:
    now = [1000.0]
    gateways = Gateways(5.0, 5.0, clock=lambda: now[0])
    names = [gateways.start("gw-1") for _ in range(5)]
    other = gateways.start("gw-2")

    def listed(**params: str) -> list[tuple[str, str]]:
        answer = orjson.loads(orjson.dumps(gateways.describe({name: [text] for name, text in params.items()})))
        return [(task["TaskId"], task["StateCode"]) for task in answer["Tasks"]["SimpleTask"]]

    assert [name for name, _ in listed(TargetId="gw-1", PageSize="2", PageNumber="1")] == [names[4], names[3]]
    assert [name for name, _ in listed(TargetId="gw-1", PageSize="2", PageNumber="3")] == [names[0]]
    assert listed(TargetId="gw-1", PageSize="2", PageNumber="4") == []
    assert listed(TargetId="gw-2", TaskId=other) == [(other, "task.state.Running")]
    assert end_of(other) == 1005.0
    now[0] = 1005.0
    assert listed(TargetId="gw-2", TaskId=other) == [(other, "task.state.completed")]
    assert (gateways.calls("gw-1"), gateways.calls("gw-2"), gateways.calls("gw")) == (3, 2, 5)
