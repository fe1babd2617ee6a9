"""Runs our commands, then our library, in the directory where it is started, with everything logged.

The commands come as a JSON list on standard input, or one of them in the arguments.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import orjson

from tests.secrets.watched import Witness, speak

speak()
sys.modules["uvloop"] = None  # type: ignore[assignment]  # asyncio's own loop says more in debug mode

import engine.clouds.alibaba.operations as sgw  # noqa: E402
import engine.clouds.huawei.operations as oms  # noqa: E402
from engine import Engine  # noqa: E402
from engine.cli.app import main  # noqa: E402
from engine.clouds.change import once  # noqa: E402
from engine.clouds.huawei.changes import started  # noqa: E402
from engine.clouds.huawei.creation import SyncTaskCreation  # noqa: E402
from engine.clouds.operation import Untyped  # noqa: E402
from engine.config import accounts, load  # noqa: E402
from engine.errors import SyncmuxError  # noqa: E402
from tests.clouds.samples import BUCKETS, CDN  # noqa: E402
from tests.secrets.marks import BODY, BUCKET_KEYS, CDN_KEY, PASSWORD  # noqa: E402
from tests.secrets.stranger import TASK  # noqa: E402

MANY = {"a-environment", "a-rpc", "h-environment", "h-token"}  # one for each way to sign
BODY_OF_A_CALL = {"bucket": {"names": ["a"], "sk": BODY.value}}
SECRETS: dict[str, Any] = {name: mark.value for name, mark in BUCKET_KEYS.items()}


async def library(witness: Witness) -> None:
    """Every operation with a secret in it and some without, and two of each account."""
    callers = accounts(load(Path("syncmux.toml")))
    create = oms.CreateSyncTask(**BUCKETS, **SECRETS, source_cdn=oms.SourceCdn(**CDN, authentication_key=CDN_KEY.value))
    start = oms.StartSyncTask(sync_task_id=TASK, **SECRETS, source_cdn_authentication_key=CDN_KEY.value)
    sign_in = oms.KeystoneCreateUserTokenByPassword("marked-user", PASSWORD.value, "company", "cn-north-4")
    wanted = {
        "alibaba": [
            sgw.DescribeRegions(),
            sgw.TriggerGatewayRemoteSync("gw-1", "NFSa", "/"),
            Untyped("alibaba", "DescribeGateway", {"GatewayId": "gw-1"}),
        ],
        "huawei": [
            oms.ListSyncTasks(),
            oms.CreateSyncEvents(TASK, ["a"]),
            create,
            start,
            sign_in,
            once(start),
            SyncTaskCreation(create).marked("0" * 26),
            Untyped("huawei", "CreateTask", {}, path="/v2/{project_id}/tasks", body=BODY_OF_A_CALL),
        ],
    }
    witness.things(create, start, sign_in, started(start), SyncTaskCreation(create), *callers)
    for caller in callers:
        try:
            async with Engine([caller], ":memory:") as engine:
                for operation in wanted[caller.cloud][: None if caller.name in MANY else 2]:
                    try:
                        await engine.do(operation)
                    except SyncmuxError as error:
                        witness.error(error)
                witness.things(engine)
        except SyncmuxError as error:
            witness.error(error)


def everything() -> int:
    for arguments in orjson.loads(sys.stdin.buffer.read()):
        print("$", *arguments, file=sys.stderr, flush=True)
        print("=", main(arguments), file=sys.stderr, flush=True)
    asyncio.run(library(Witness(Path(), ("engine", "signers"))))
    return 0


if __name__ == "__main__":
    sys.exit(main() if sys.argv[1:] else everything())
