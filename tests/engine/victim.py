"""A migration script that pushes a manifest, for tests to kill: URL-of-huawei URL-of-iam MANIFEST SYNC-TASK BACKLOG."""

from __future__ import annotations

import asyncio
import sys

from engine import Account, Credentials, Engine, Manifest, Options, Push

CONCURRENCY = 32
RATE = 800.0  # calls/s, ten keys each: long enough to be killed in


async def main(oms: str, iam: str, manifest: str, sync_task: str, backlog: str) -> None:
    credentials = Credentials("emulator-ak", "emulator-sk")
    account = Account("buckets", "huawei", "cn-north-4", credentials, {"oms": oms, "iam": iam})
    rows = Manifest(manifest, Push, {"sync_task_id": sync_task}, chunk_rows=500)
    async with Engine([account], backlog, rate=RATE, options=Options(concurrency=CONCURRENCY)) as engine:
        print("open", flush=True)
        async for _ in engine.endings(rows):
            pass
    print("done", flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
