"""Signatures of each vendor's kind, ours against the function that its SDK signs with.

Each request is another one: a path or keys of its own, a nonce of its own. What the sides are given differs a little,
as their functions do: aliyun-python-sdk-core makes its own nonce and time, those of tea-openapi and huaweicloudsdkcore
are given a request that has them, and sign it without building anything more; ours builds the whole request.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from statistics import median
from types import SimpleNamespace
from typing import Any

from benchmarks.accounts import KEY, PROJECT_ID, SYNC_TASK
from benchmarks.memory import peak_rss_bytes
from benchmarks.meter import Meter
from benchmarks.model import RSS_MB, Benchmark, Figure, Goal, Quick, Setup, Side, Turns
from benchmarks.pushing import key
from engine.clouds.huawei.events import encode_key, event_body
from signers import Acs3Signer, AkSkSigner, RpcSigner
from signers.canonical import EMPTY_SHA256

SGW, OMS = "https://sgw.cn-shanghai.aliyuncs.com", "https://oms.cn-north-4.myhuaweicloud.com"
VERSION, ACTION = "2018-05-11", "TriggerGatewayRemoteSync"
EVENTS = f"/v2/{PROJECT_ID}/sync-tasks/{SYNC_TASK}/events"
NOW = 1_795_000_000.0
KEYS = 10

US = Figure("us", "CPU us/signature", ",.2f")


def directory(number: int) -> dict[str, str]:
    return {"GatewayId": f"gw-{number % 100:04}", "IndexId": "NFSphotos", "Path": f"/photos/2026/{number:08}"}


def keys_from(number: int) -> bytes:
    return event_body([encode_key(key(number * KEYS + i)) for i in range(KEYS)])


def nonce(number: int) -> str:
    return f"{number:032x}"


def timed(make: Callable[[], Callable[[int], tuple[Any, ...]]], sign: Callable[..., Any]) -> Callable[[Setup], Turns]:
    """Prepare the arguments of a thousand signatures, time those, and so on."""

    def turns(setup: Setup) -> Turns:
        prepare = make()
        numbers = count()
        while True:
            times = []
            for _ in range(setup.size(60, quick=1)):
                given = [prepare(next(numbers)) for _ in range(1_000)]
                with Meter() as meter:
                    for arguments in given:
                        sign(*arguments)
                times.append(meter.cpu_s * 1000)
            yield {US.key: median(times), RSS_MB.key: peak_rss_bytes() / 1e6}

    return turns


def rpc() -> Callable[[int], tuple[Any, ...]]:
    signer = RpcSigner(KEY, SGW, VERSION)
    return lambda number: (signer, directory(number), nonce(number))


def acs3() -> Callable[[int], tuple[Any, ...]]:
    signer = Acs3Signer(KEY, SGW, VERSION)
    return lambda number: (signer, directory(number), nonce(number))


def ours_of_alibaba(signer: RpcSigner | Acs3Signer, params: dict[str, str], nonce: str) -> None:
    signer.sign(ACTION, params, now=NOW, nonce=nonce)


def aksk() -> Callable[[int], tuple[Any, ...]]:
    signer = AkSkSigner(KEY, OMS, PROJECT_ID)
    return lambda number: (signer, keys_from(number))


def ours_of_huawei(signer: AkSkSigner, body: bytes) -> None:
    signer.sign("POST", EVENTS, body=body, now=NOW)


def core() -> Callable[[int], tuple[Any, ...]]:
    from aliyunsdkcore.auth.composer.rpc_signature_composer import get_signed_url

    return lambda number: (get_signed_url, directory(number) | {"Action": ACTION, "Version": VERSION})


def core_sign(get_signed_url: Callable[..., Any], params: dict[str, str]) -> None:
    get_signed_url(params, KEY.access_key_id, KEY.secret, "JSON", "POST", {})


def tea() -> Callable[[int], tuple[Any, ...]]:
    from alibabacloud_tea_openapi.utils import Utils

    fixed = {
        "Action": ACTION,
        "Format": "json",
        "Version": VERSION,
        "Timestamp": "2026-11-18T00:00:00Z",
        "SignatureMethod": "HMAC-SHA1",
        "SignatureVersion": "1.0",
        "AccessKeyId": KEY.access_key_id,
    }
    return lambda number: (Utils.get_rpcsignature, directory(number) | fixed | {"SignatureNonce": nonce(number)})


def tea_sign(get_rpcsignature: Callable[..., Any], params: dict[str, str]) -> None:
    get_rpcsignature(params, "POST", KEY.secret)


def tea3() -> Callable[[int], tuple[Any, ...]]:
    from alibabacloud_tea_openapi.utils import Utils

    headers = {
        "host": "sgw.cn-shanghai.aliyuncs.com",
        "x-acs-version": VERSION,
        "x-acs-action": ACTION,
        "user-agent": "AlibabaCloud (Linux; x86_64) Python/3 Core/0.4 TeaDSL/2",
        "x-acs-date": "2026-11-18T00:00:00Z",
        "accept": "application/json",
        "x-acs-content-sha256": EMPTY_SHA256,
    }

    def prepare(number: int) -> tuple[Any, ...]:
        query, mine = directory(number), headers | {"x-acs-signature-nonce": nonce(number)}
        return Utils.get_authorization, SimpleNamespace(method="POST", pathname="/", query=query, headers=mine)

    return prepare


def tea3_sign(get_authorization: Callable[..., Any], request: Any) -> None:
    get_authorization(request, "ACS3-HMAC-SHA256", EMPTY_SHA256, KEY.access_key_id, KEY.secret)


def oms() -> Callable[[int], tuple[Any, ...]]:
    from huaweicloudsdkcore.auth.credentials import BasicCredentials
    from huaweicloudsdkcore.sdk_request import SdkRequest
    from huaweicloudsdkcore.signer.signer import Signer

    signer = Signer(BasicCredentials(KEY.access_key_id, KEY.secret, PROJECT_ID))

    def prepare(number: int) -> tuple[Any, ...]:
        headers = {
            "Content-Type": "application/json;charset=utf-8",
            "User-Agent": "huaweicloud-usdk-python/3.0",
            "X-Project-Id": PROJECT_ID,
            "X-Sdk-Date": "20261118T000000Z",
        }
        request = SdkRequest(
            method="POST", schema="https", host=OMS.removeprefix("https://"), resource_path=EVENTS, query_params=[],
            header_params=headers, body=keys_from(number),
        )  # fmt: skip
        return signer, request

    return prepare


def oms_sign(signer: Any, request: Any) -> None:
    signer.sign(request)


BENCHMARK = Benchmark(
    "signers",
    "one signature of each kind",
    Quick("1,000 a turn", rounds=30),
    sides=(
        Side("RPC 1.0", timed(rpc, ours_of_alibaba)),
        Side("RPC 1.0, aliyun-python-sdk-core", timed(core, core_sign)),
        Side("RPC 1.0, tea-openapi", timed(tea, tea_sign)),
        Side("ACS3", timed(acs3, ours_of_alibaba)),
        Side("ACS3, tea-openapi", timed(tea3, tea3_sign)),
        Side("Huawei", timed(aksk, ours_of_huawei)),
        Side("Huawei, huaweicloudsdkcore", timed(oms, oms_sign)),
    ),
    figures=(US, RSS_MB),
    goals=(
        Goal("us, RPC 1.0", "RPC 1.0", US, 12, form=".1f"),
        Goal("us, ACS3", "ACS3", US, 5, form=".1f"),
        Goal("us, Huawei", "Huawei", US, 4, form=".1f"),
        Goal(
            "RPC 1.0, of the fastest SDK's",
            "RPC 1.0",
            US,
            None,
            of=("RPC 1.0, aliyun-python-sdk-core", "RPC 1.0, tea-openapi"),
        ),
        Goal("ACS3, of the SDK's", "ACS3", US, None, of=("ACS3, tea-openapi",)),
        Goal("Huawei, of the SDK's", "Huawei", US, None, of=("Huawei, huaweicloudsdkcore",)),
    ),
)
