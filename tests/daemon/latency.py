"""How long it takes from an event to its effect, end to end.

    python -m tests.daemon.latency --rate 100 --rate 1000 --seconds 30

starts both clouds, emulated, and `syncmux serve`, and sends OSS events as EventBridge pushes them, one a request. An
event's time begins when its request is due in the client's process, and ends when the emulated OMS has carried out the
`CreateSyncEvents` that names its key, by the emulator's own record of that moment. All processes share the machine.
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from urllib.request import urlopen

import orjson

from engine.cli.demo import create_sync_task
from engine.config import accounts, load
from engine.emulator import EmulatorProcess
from tests.cli.conftest import Clouds, environment
from tests.daemon.load import quantile
from tests.daemon.messages import keys
from tests.daemon.service import LoadProcess, Service

LISTENER = '[[listeners]]\nname = "own"\nformat = "eventbridge"\n'


class Latency(NamedTuple):
    rate: float
    linger_s: float
    events: int
    p50_s: float
    p99_s: float
    max_s: float

    def __str__(self) -> str:
        p50, p99, most = (f"{each * 1000:.0f} ms" for each in (self.p50_s, self.p99_s, self.max_s))
        what = f"{self.rate:,.0f} events/s, linger {self.linger_s * 1000:.0f} ms, {self.events:,} events"
        return f"event in to effect at OMS: {what}: p50 {p50}, p99 {p99}, max {most}"


def moments(clouds_url: str) -> dict[str, tuple[float, float]]:
    """When each key, or directory, took effect for the first and for the last time, in monotonic seconds."""
    with urlopen(f"{clouds_url}/_emulator/moments", timeout=60) as answer:  # noqa: S310 - this machine
        told: dict[str, tuple[float, float]] = orjson.loads(answer.read())
        return told


def measure(service: Service, clouds: Clouds, clouds_url: str, rate: float, seconds: float, linger_s: float) -> Latency:
    """Raises AssertionError: an event was lost, or refused."""
    clouds.forget()
    clouds.set(task_s=0.05, record_arrivals=True)
    service.configure(LISTENER, service.route(), service.push(), linger_s=linger_s)
    service.start()
    tag = f"at-{rate:g}"
    with LoadProcess(service, tag, 1, {"format": "eventbridge", "rate": rate, "seconds": seconds}) as load:
        summary = load.summary(seconds + 60)
    assert not summary["refused"], summary
    assert not service.missing(load.keys, clouds, within_s=60)
    assert service.end() == 0
    first = {name.partition("|")[2]: first for name, (first, _) in moments(clouds_url).items()}
    took_s = sorted(first[key] - each.due for each in load.acknowledged for key in keys(tag, each.number, 1))
    return Latency(rate, linger_s, len(took_s), quantile(took_s, 0.5), quantile(took_s, 0.99), took_s[-1])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.daemon.latency", description=__doc__.partition("\n")[0])
    parser.add_argument("--rate", type=float, action="append", help="events/s; may be given several times")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--linger-s", type=float, default=0.2)
    options = parser.parse_args()
    for rate in options.rate or [100.0, 1000.0]:
        with EmulatorProcess() as emulator, TemporaryDirectory() as directory:
            environ = environment(emulator, "emulator-ak", "emulator-sk")
            (account,) = accounts(load(None, environ), environ, only={"huawei"})
            service = Service(Path(directory), environ, asyncio.run(create_sync_task(account)))
            try:
                clouds = Clouds(emulator.alibaba)
                print(measure(service, clouds, emulator.alibaba, rate, options.seconds, options.linger_s), flush=True)
            finally:
                if hasattr(service, "process"):
                    service.close()


if __name__ == "__main__":
    main()
