"""The vendors' own SDKs, used as their documents show, with pools as large as the number of threads.

Each is imported by its own side alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.accounts import KEY, PROJECT_ID, SYNC_TASK
from benchmarks.best import at_its_best
from benchmarks.callers import coroutines, futures, threads
from benchmarks.model import Setup, Turns
from benchmarks.pushing import key
from benchmarks.turns import in_loop

REGION = "cn-shanghai"


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
