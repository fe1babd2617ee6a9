"""What one process reaches against the vendors' own SDKs, each at the concurrency that suits it best.

The server takes 50 ms over every answer and speaks TLS, as the clouds do. Both of the operations that the SDKs are
asked for are ours, too.
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

from benchmarks.best import at_its_best
from benchmarks.model import (
    CALLS_PER_S,
    CPU_US,
    RSS_MB,
    Benchmark,
    Figure,
    Goal,
    Quick,
    Server,
    Setup,
    Side,
    Turns,
)
from benchmarks.plot import Bar, bars
from benchmarks.pushing import push, trigger
from benchmarks.sdks import aliyun_core, oms_async, oms_threads, sgw_async
from benchmarks.statistic import values
from engine.run import Options

if TYPE_CHECKING:
    from benchmarks.stage import Result

SERVICE_S = 0.050
CONCURRENCY = Figure("concurrency", "in flight")
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


def ours_not_turned(setup: Setup) -> Turns:
    return push(setup, EXPECTED_PER_S * 5, url=setup.https, options=Options(batch=10))


OURS = ("ours, to Alibaba", "ours, to Huawei", "ours, concurrency not turned")
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
        Side(OURS[2], ours_not_turned, in_quick=False),
        Side(CORE, aliyun_core),
        Side(SGW, sgw_async, in_quick=False),
        Side(OMS, oms_threads),
        Side(OMS_ASYNC, oms_async, in_quick=False),
    ),
    figures=(CALLS_PER_S, CPU_US, RSS_MB, CONCURRENCY),
    goals=(
        Goal("calls/s, to Alibaba", OURS[0], CALLS_PER_S, 5_000, form=",.0f"),
        Goal("calls/s, to Huawei", OURS[1], CALLS_PER_S, 5_000, form=",.0f"),
        Goal("calls/s, concurrency not turned", OURS[2], CALLS_PER_S, 5_000, form=",.0f"),
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
