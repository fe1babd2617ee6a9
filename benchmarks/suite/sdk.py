"""What one process reaches against the vendors' own SDKs, each at the concurrency that suits it best.

The server takes 50 ms over every answer and speaks TLS, as the clouds do. The SDKs are used as their documents show,
with pools as large as the number of threads; both of the operations that they are asked for are ours, too.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count, repeat
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.accounts import KEY, PROJECT_ID, SYNC_TASK
from benchmarks.best import at_its_best
from benchmarks.meter import Meter
from benchmarks.model import (
    CALLS_PER_S,
    CPU_US,
    RSS_MB,
    Benchmark,
    Figure,
    Goal,
    Quick,
    Sample,
    Server,
    Setup,
    Side,
    Turns,
)
from benchmarks.plot import Bar, bars
from benchmarks.pushing import key, push, trigger
from benchmarks.statistic import values
from benchmarks.turns import in_loop
from engine.concurrency import MOST
from engine.run import Options

if TYPE_CHECKING:
    from benchmarks.stage import Result

SERVICE_S = 0.050
REGION = "cn-shanghai"
CONCURRENCY = Figure("concurrency", "in flight")
WARM_UP_S = 0.3
EXPECTED_PER_S = 5_000  # of ours: how many calls are worth a second


def ours_to_huawei(setup: Setup) -> Turns:
    def measure(concurrency: int, seconds: float) -> Turns:
        options = Options(batch=10, concurrency=concurrency)
        return push(setup, int(EXPECTED_PER_S * seconds), url=setup.https, options=options)

    return at_its_best(setup, "ours-huawei", (256, 384, 512, 1024), 128, measure)


def ours_to_alibaba(setup: Setup) -> Turns:
    def measure(concurrency: int, seconds: float) -> Turns:
        options = Options(wait=False, concurrency=concurrency)
        return trigger(setup, int(EXPECTED_PER_S * seconds), url=setup.https, options=options)

    return at_its_best(setup, "ours-alibaba", (256, 384, 512, 1024), 128, measure)


def ours_untouched(setup: Setup) -> Turns:
    for sample in push(setup, EXPECTED_PER_S * 5, url=setup.https, options=Options(batch=10)):
        yield sample | {"concurrency": MOST}


def aliyun_core(setup: Setup) -> Turns:
    from aliyunsdkcore.client import AcsClient
    from aliyunsdksgw.request.v20180511.TriggerGatewayRemoteSyncRequest import TriggerGatewayRemoteSyncRequest

    endpoint = setup.https.removeprefix("https://")

    def measure(concurrency: int, seconds: float) -> Turns:
        client = AcsClient(KEY.access_key_id, KEY.secret, REGION, pool_size=concurrency)

        def call(number: int) -> None:
            request = TriggerGatewayRemoteSyncRequest()
            request.set_endpoint(endpoint)
            request.set_protocol_type("https")
            request.set_GatewayId(f"gw-{number % 100:04}")
            request.set_IndexId("NFSphotos")
            request.set_Path(f"/photos/2026/{number:08}")
            assert b"TaskId" in client.do_action_with_exception(request)

        return threads(call, concurrency, seconds)

    return at_its_best(setup, "core", (16, 32, 64, 128), 32, measure)


def sgw_async(setup: Setup) -> Turns:
    from alibabacloud_sgw20180511.client import Client
    from alibabacloud_sgw20180511.models import TriggerGatewayRemoteSyncRequest
    from alibabacloud_tea_openapi.models import Config

    def measure(concurrency: int, seconds: float) -> Turns:
        endpoint = setup.https.removeprefix("https://")
        client = Client(Config(access_key_id=KEY.access_key_id, access_key_secret=KEY.secret, endpoint=endpoint))

        async def call(number: int) -> None:
            request = TriggerGatewayRemoteSyncRequest(f"gw-{number % 100:04}", "NFSphotos", f"/photos/2026/{number:08}")
            answer = await client.trigger_gateway_remote_sync_async(request)
            assert answer.body.task_id

        return in_loop(coroutines(call, concurrency, seconds))

    return at_its_best(setup, "sgw", (1, 8, 32), 8, measure)


def oms_threads(setup: Setup) -> Turns:
    from huaweicloudsdkoms.v2 import OmsClient

    def measure(concurrency: int, seconds: float) -> Turns:
        client, request = _oms(OmsClient, setup, concurrency)
        return threads(lambda number: client.create_sync_events(request(number)), concurrency, seconds)

    return at_its_best(setup, "oms", (16, 32, 64, 128), 32, measure)


def oms_async(setup: Setup) -> Turns:
    """Its futures are not awaitable, but can be waited for in a loop; eight threads do the work."""
    from huaweicloudsdkoms.v2 import OmsAsyncClient

    def measure(concurrency: int, seconds: float) -> Turns:
        client, request = _oms(OmsAsyncClient, setup, concurrency)
        return futures(lambda number: client.create_sync_events_async(request(number)), concurrency, seconds)

    return at_its_best(setup, "oms-async", (8, 16, 32), 16, measure)


def _oms(kind: Any, setup: Setup, concurrency: int) -> tuple[Any, Callable[[int], Any]]:
    from huaweicloudsdkcore.auth.credentials import BasicCredentials
    from huaweicloudsdkcore.http.http_config import HttpConfig
    from huaweicloudsdkoms.v2 import CreateSyncEventsRequest, SyncObjectReq

    config = HttpConfig(pool_connections=concurrency, pool_maxsize=concurrency)
    credentials = BasicCredentials(KEY.access_key_id, KEY.secret, PROJECT_ID)
    client = (
        kind.new_builder().with_credentials(credentials).with_endpoint(setup.https).with_http_config(config).build()
    )

    def request(number: int) -> Any:
        return CreateSyncEventsRequest(SYNC_TASK, SyncObjectReq([key(number * 10 + i) for i in range(10)]))

    return client, request


# How the SDKs are driven: callers that make one call after another until the time is over.


def threads(call: Callable[[int], object], concurrency: int, seconds: float) -> Turns:
    def caller(first: int, seconds: float) -> int:
        deadline = time.monotonic() + seconds
        number = first
        while time.monotonic() < deadline:
            call(number)
            number += concurrency
        return (number - first) // concurrency

    with ThreadPoolExecutor(concurrency) as pool:
        list(pool.map(caller, range(concurrency), repeat(WARM_UP_S)))
        while True:
            with Meter() as meter:
                calls = sum(pool.map(caller, range(concurrency), repeat(seconds)))
            yield meter.sample(calls)


async def coroutines(call: Callable[[int], Awaitable[None]], concurrency: int, seconds: float) -> AsyncIterator[Sample]:
    async def caller(first: int, deadline: float) -> int:
        number = first
        while time.monotonic() < deadline:
            await call(number)
            number += concurrency
        return (number - first) // concurrency

    while True:
        deadline = time.monotonic() + seconds
        with Meter() as meter:
            calls = sum(await asyncio.gather(*(caller(first, deadline) for first in range(concurrency))))
        yield meter.sample(calls)


def futures(begin: Callable[[int], Any], concurrency: int, seconds: float) -> Turns:
    """So many begun ahead; the oldest is waited for, and another begun."""
    numbers = count()
    begun: deque[Future[Any]] = deque()

    def calls_in(seconds: float) -> int:
        deadline = time.monotonic() + seconds
        first = next(numbers)
        while time.monotonic() < deadline:
            begun.append(begin(next(numbers)))
            if len(begun) >= concurrency:
                begun.popleft().result()
        return next(numbers) - first

    calls_in(WARM_UP_S)
    try:
        while True:
            with Meter() as meter:
                calls = calls_in(seconds)
            yield meter.sample(calls)
    finally:
        while begun:
            begun.popleft().result()


OURS = ("ours, to Alibaba", "ours, to Huawei", "ours, untouched")
CORE, SGW = "aliyun-python-sdk-core, threads", "alibabacloud-sgw20180511, async"
OMS, OMS_ASYNC = "huaweicloudsdkoms, threads", "huaweicloudsdkoms, async"


def plot(result: Result) -> str:
    sides = [
        Bar(side.name, median(values(result.rounds, side.name, CALLS_PER_S.key)), ours=side.name in OURS)
        for side in BENCHMARK.sides
    ]
    return bars("One process, https, 50 ms service time", "calls/s", sides)


BENCHMARK = Benchmark(
    "sdk",
    "one process over https to a server that takes 50 ms, each at its best concurrency",
    Quick("ours with 128 calls in flight, theirs with 32 threads, for a tenth of a second", rounds=30),
    sides=(
        Side(OURS[0], ours_to_alibaba),
        Side(OURS[1], ours_to_huawei),
        Side(OURS[2], ours_untouched, in_quick=False),
        Side(CORE, aliyun_core),
        Side(SGW, sgw_async, in_quick=False),
        Side(OMS, oms_threads),
        Side(OMS_ASYNC, oms_async, in_quick=False),
    ),
    figures=(CALLS_PER_S, CPU_US, RSS_MB, CONCURRENCY),
    goals=(
        Goal("calls/s, to Alibaba", OURS[0], CALLS_PER_S, 5_000, form=",.0f"),
        Goal("calls/s, to Huawei", OURS[1], CALLS_PER_S, 5_000, form=",.0f"),
        Goal("calls/s with nothing turned", OURS[2], CALLS_PER_S, 5_000, form=",.0f"),
        *(
            Goal(f"times {whose}", side, CALLS_PER_S, bound, of=of, form=".1f", held=False)
            for whose, side, bound, of in (
                ("the Alibaba async client's", OURS[0], 100, (SGW,)),
                ("the Huawei async client's", OURS[1], 30, (OMS_ASYNC,)),
                ("the best threaded SDK's, to Alibaba", OURS[0], 4, (CORE, OMS)),
                ("the best threaded SDK's, to Huawei", OURS[1], 4, (CORE, OMS)),
            )
        ),
        Goal("of the Alibaba SDK's CPU, threads", OURS[0], CPU_US, None, of=(CORE,)),
        Goal("of the Huawei SDK's CPU, threads", OURS[1], CPU_US, None, of=(OMS,)),
    ),
    server=Server(service_s=SERVICE_S),
    plot=plot,
)
