"""Creates one thing, or has shares join a GROUP, for tests to kill: KIND URL-of-the-clouds BACKLOG [GROUP]."""

from __future__ import annotations

import asyncio
import sys

from engine import Account, Credentials, Engine
from engine.changes import Changes
from engine.clouds.alibaba.changes import shares_added
from engine.creates import Creates
from tests.creates.conftest import SCALED, SHARES, group_creation, task_creation


async def main(kind: str, url: str, backlog: str, group: str = "") -> None:
    key = Credentials("emulator-ak", "emulator-sk")
    accounts = [
        Account("alibaba-emulator", "alibaba", "cn-shanghai", key, {"sgw": url}),
        Account("huawei-emulator", "huawei", "cn-north-4", key, {"oms": url, "iam": url}),
    ]
    async with Engine(accounts, backlog) as engine:
        if group:
            await Changes(engine, SCALED).bring(shares_added(group, SHARES))
        else:
            await Creates(engine, SCALED).create(task_creation() if kind == "task" else group_creation())
    print("done", flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
