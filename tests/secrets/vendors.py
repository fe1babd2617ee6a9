"""Calls one of the vendors' SDKs at a URL, both in the arguments, with everything logged."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tests.secrets.marks import BUCKET_KEYS, CDN_KEY, ENVIRONMENT
from tests.secrets.stranger import PROJECT, TASK
from tests.secrets.watched import Witness, speak

KEY_ID, SECRET, TOKEN = (mark.value for mark in ENVIRONMENT)
SECRETS = {name: mark.value for name, mark in BUCKET_KEYS.items()}
BUCKETS = {"src_region": "cn-beijing", "src_bucket": "from", "dst_region": "cn-north-4", "dst_bucket": "to"}
Call = Callable[[], Any]
Made = Iterator[tuple[list[Any], Call]]  # what a caller holds, and a call


def core(url: str) -> Made:
    """aliyun-python-sdk-core and -sgw; its stream logger as the vendor's guide sets it."""
    from aliyunsdkcore.auth.credentials import StsTokenCredential
    from aliyunsdkcore.client import AcsClient
    from aliyunsdksgw.request.v20180511.DescribeRegionsRequest import DescribeRegionsRequest
    from aliyunsdksgw.request.v20180511.TriggerGatewayRemoteSyncRequest import TriggerGatewayRemoteSyncRequest

    credential = StsTokenCredential(KEY_ID, SECRET, TOKEN)
    client = AcsClient(region_id="cn-shanghai", credential=credential, max_retry_time=1)
    client.set_stream_logger(stream=sys.stderr)
    for make in (DescribeRegionsRequest, TriggerGatewayRemoteSyncRequest):
        request = make()
        request.set_endpoint(url.removeprefix("http://"))
        request.add_query_param("GatewayId", "gw-1")
        yield [client, credential, request], partial(client.do_action_with_exception, request)


def tea(url: str, algorithm: str | None = None) -> Made:
    """alibabacloud-sgw20180511, which logs at DEBUG when the environment says DEBUG=sdk."""
    from alibabacloud_sgw20180511 import models
    from alibabacloud_sgw20180511.client import Client
    from alibabacloud_tea_openapi.models import Config

    config = Config(
        access_key_id=KEY_ID, access_key_secret=SECRET, security_token=TOKEN, endpoint=url.removeprefix("http://"),
        protocol="http", signature_algorithm=algorithm,
    )  # fmt: skip
    client = Client(config)
    trigger = models.TriggerGatewayRemoteSyncRequest(gateway_id="gw-1", index_id="NFSa", path="/")
    yield (
        [client, config],
        client.describe_regions_with_options and (lambda: client.describe_regions(models.DescribeRegionsRequest())),
    )
    yield [trigger], lambda: client.trigger_gateway_remote_sync(trigger)


def oms(url: str) -> Made:
    """huaweicloudsdkoms, with its stream log at DEBUG."""
    from huaweicloudsdkcore.auth.credentials import BasicCredentials
    from huaweicloudsdkoms import v2

    credentials = BasicCredentials(KEY_ID, SECRET, PROJECT).with_security_token(TOKEN)
    builder = v2.OmsClient.new_builder().with_credentials(credentials).with_endpoint(url)
    client = builder.with_stream_log(stream=sys.stderr, log_level=logging.DEBUG).build()
    cdn = v2.SourceCdnReq("cdn.example", "NONE", "https", CDN_KEY.value)
    create = v2.CreateSyncTaskRequest(v2.CreateSyncTaskReq(**BUCKETS, **SECRETS, source_cdn=cdn))
    start = v2.StartSyncTaskRequest(TASK, v2.StartSyncTaskReq(**SECRETS))
    yield [client, credentials, create], partial(client.create_sync_task, create)
    yield [start], partial(client.start_sync_task, start)


SDKS: dict[str, Callable[[str], Made]] = {
    "aliyun core": core,
    "alibabacloud (ACS3)": tea,
    "alibabacloud (RPC)": partial(tea, algorithm="v2"),
    "huaweicloud": oms,
}
PACKAGES = (
    "aliyunsdkcore", "aliyunsdksgw", "alibabacloud_credentials", "alibabacloud_sgw20180511",
    "alibabacloud_tea_openapi", "darabonba", "Tea", "huaweicloudsdkcore", "huaweicloudsdkoms",
)  # fmt: skip


def run(sdk: str, url: str) -> None:
    speak()
    os.environ["DEBUG"] = "sdk"
    witness = Witness(Path(), PACKAGES)
    for held, call in SDKS[sdk](url):
        try:
            witness.things(*held, call())
        except Exception as error:
            witness.error(error)


if __name__ == "__main__":
    run(*sys.argv[1:])
