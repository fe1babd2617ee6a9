"""`demo`: both clouds on this machine, a manifest through each, and at the end the clouds' own count."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.request import urlopen

import orjson

from engine.cli.conduct import conduct
from engine.cli.everywhere import Everywhere
from engine.cli.exits import Exit
from engine.cli.interruption import Interruption
from engine.cli.loop import run, this_task
from engine.cli.output import Output
from engine.cli.session import Session
from engine.client import Client
from engine.clouds import clouds
from engine.clouds.alibaba import Trigger
from engine.clouds.huawei import Push
from engine.clouds.huawei.operations import CreateSyncTask
from engine.config import Settings, accounts
from engine.emulator import EmulatorProcess
from engine.engine import Engine
from engine.model import Account
from engine.rows import Manifest, write_manifest
from engine.run import Options
from engine.transport import Transport

GATEWAYS = 100
RATE = 250.0  # calls/s: both parts take about as long
FAULTS = {"seed": 1, "throttle": 0.01, "unavailable": 0.01, "task_s": [0.5, 2.0]}
SYNC_TASK = CreateSyncTask(
    src_cloud_type="AWS",
    src_region="us-east-1",
    src_bucket="demo-source",
    src_ak="demo-ak",
    src_sk="demo-sk",
    dst_region="cn-north-4",
    dst_bucket="demo-destination",
    dst_ak="demo-ak",
    dst_sk="demo-sk",
)


def demo(directories: int, keys: int, everywhere: Everywhere) -> Exit:
    """Run it. `Exit.ERROR` if the clouds' count is not ours."""
    output = Output(everywhere.json, everywhere.quiet)
    settings = Settings(rate=everywhere.settings().rate or RATE)

    async def alone(place: Path) -> Exit:
        with EmulatorProcess(faults=FAULTS) as emulator:
            output.note(f"both clouds, emulated: {emulator.alibaba}")
            callers = accounts(settings, _environment(emulator), only=set(clouds()))
            return await _demo(place, callers, settings, emulator.alibaba, directories, keys, output)

    async def cleaned_up() -> Exit:
        cancel = this_task().cancel  # however many signals come: the emulator must not outlive us
        with TemporaryDirectory(prefix="syncmux-demo-") as place, Interruption(cancel, cancel).watched():
            return await alone(Path(place))

    return run(cleaned_up())


def _environment(emulator: EmulatorProcess) -> Mapping[str, str]:
    """Everything that the demo knows of the world."""
    return {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": "emulator-ak",
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "emulator-sk",
        "HUAWEICLOUD_SDK_AK": "emulator-ak",
        "HUAWEICLOUD_SDK_SK": "emulator-sk",
        "SYNCMUX_ALIBABA_REGION": "cn-shanghai",
        "SYNCMUX_ALIBABA_ENDPOINT": emulator.alibaba,
        "SYNCMUX_HUAWEI_REGION": "cn-north-4",
        "SYNCMUX_HUAWEI_ENDPOINT": emulator.huawei,
        "SYNCMUX_HUAWEI_IAM_ENDPOINT": emulator.iam,
    }


async def _demo(
    place: Path, callers: list[Account], settings: Settings, url: str, directories: int, keys: int, output: Output
) -> Exit:
    sync_task = await create_sync_task(next(account for account in callers if account.cloud == "huawei"))
    triggers, pushes = place / "directories.csv", place / "keys.csv"
    write_manifest(
        triggers, (Trigger(f"gw-{i % GATEWAYS:04}", "NFSdemo", f"/photos/{i:06}") for i in range(directories))
    )
    write_manifest(pushes, (Push(f"photos/2026/{i:07}.jpg", sync_task) for i in range(keys)))
    output.note(f"{directories:,} directories on {GATEWAYS} gateways, and {keys:,} keys, with 2 % of all calls failing")
    async with Engine(callers, place / "backlog.db", options=Options(rate=settings.rate)) as engine:
        session = Session(engine, output, resumable=False)

        async def both(_goes_on: Callable[[], bool]) -> None:
            await session.run("demo", chain(_rows(Manifest(triggers, Trigger)), _rows(Manifest(pushes, Push))))

        code = await conduct(session, both)
    return _compared(session, url, {"triggers": directories, "events": keys}, output) if code is Exit.DONE else code


def _rows(manifest: Manifest[Any]) -> Iterator[Any]:
    for chunk in manifest.chunks():
        yield from chunk.rows


async def create_sync_task(account: Account) -> str:
    """The emulator begins without any."""
    async with Transport() as transport:
        client = Client(transport, [account])
        await client.prepare(account.name)
        call = SYNC_TASK.call(client.account(account.name))
        created = await client.insist(account.name, call, SYNC_TASK.read)
        return created.sync_task_id


def _compared(session: Session, url: str, wanted: Mapping[str, int], output: Output) -> Exit:
    """The ledger is the emulator's count of what took effect, whatever answers got through."""
    with urlopen(f"{url}/_emulator/ledger", timeout=30) as answer:  # noqa: S310 - our own, on loopback
        ledger = orjson.loads(answer.read())
    shares = session.snapshot().shares
    nouns = {"triggers": clouds()["alibaba"], "events": clouds()["huawei"]}
    agrees = True
    lines = []
    for effects, number in wanted.items():
        cloud = nouns[effects]
        counted = len(ledger[effects])
        share = shares.get(cloud.name)
        agrees = agrees and counted == number == (share.rows if share else 0)
        lines.append(f"{counted:,} of {number:,} {cloud.noun}")
    verdict = "agrees" if agrees else "DISAGREES"
    output.result(f"ledger {verdict}: {', '.join(lines)}")
    output.event("ledger", agrees=agrees, **{effects: len(ledger[effects]) for effects in wanted})
    return Exit.DONE if agrees else Exit.ERROR
