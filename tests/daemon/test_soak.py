"""Months in an hour: five senders, and faults, reloads, restarts and SIGKILLs at random moments.

`make soak` runs it. It takes an hour, or `SYNCMUX_SOAK_S`, and goes by `SYNCMUX_SOAK_SEED`. `SYNCMUX_SOAK_DIR` names a
directory in which everything lies, `samples.csv` among it, which can be looked at while it runs.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random
from signal import SIGHUP

import pytest

from engine.emulator import EmulatorProcess
from tests.cli.conftest import Clouds
from tests.daemon.drift import drift, floor_rise
from tests.daemon.latency import moments
from tests.daemon.load import Acknowledged
from tests.daemon.messages import directory, keys
from tests.daemon.service import LoadProcess, Sample, Service
from tests.daemon.smq import SmqClient
from tests.daemon.spools import drop, lying
from tests.daemon.unrest import FAULTS, FLOOD, WARM_UP, plan

SOAK_S = float(os.environ.get("SYNCMUX_SOAK_S", "3600"))
SEED = int(os.environ.get("SYNCMUX_SOAK_SEED", "1"))
MIB = 1 << 20
MORE_BLOCKS = 4_000  # of 64 bytes, as most are: 250 KiB, of the 15 MiB that are in use
LONG_ENOUGH_S = 600.0  # for what grows to be told from what fluctuates

# sender -> events in a message, events/s. Those of HTTP are sent by processes of their own.
HTTP = {"lines": (5, 30.0), "s3": (3, 18.0), "eventbridge": (1, 12.0)}
SPOOLED, SPOOL_EVERY_S = 60, 6.0
FLOOD_MANIFESTS = 300
QUEUED, QUEUE_EVERY_S = 8, 1.0


@pytest.fixture
def service(tmp_path: Path, environ: dict[str, str], sync_task: str, emulator: EmulatorProcess) -> Iterator[Service]:
    place = Path(os.environ.get("SYNCMUX_SOAK_DIR", tmp_path)) / time.strftime("%Y%m%dT%H%M%S")
    (place / "spool").mkdir(parents=True)
    # A rate that were learnt would climb all the time, and each flood put more in flight than the one before.
    told = {"SYNCMUX_ALIBABA_MNS_ENDPOINT": emulator.alibaba, "SYNCMUX_RATE": "300"}
    daemon = Service(place.resolve(), environ | told, sync_task)
    yield daemon
    if hasattr(daemon, "process"):
        daemon.close()


class Soak:
    """What is done to the daemon, what is given to it, and what is seen of it."""

    def __init__(self, service: Service, cloud: Clouds, queue: SmqClient) -> None:
        self.did: Counter[str] = Counter()
        self.samples: list[Sample] = []
        self.given: dict[str, list[Acknowledged]] = {"spool": [], "queue": []}
        self._service = service
        self._cloud = cloud
        self._queue = queue
        self._chance = Random(SEED)
        self._file = service.directory / "samples.csv"
        self._file.write_text(",".join(Sample._fields) + "\n")

    def configure(self, *, wrong: bool = False) -> None:
        serve = self._service
        listeners = "".join(f'[[listeners]]\nname = "{name}"\nformat = "{name}"\n' for name in HTTP)
        sources = '[[spools]]\nname = "spool"\ndirectory = "spool"\nbucket = "b"\n[[queues]]\nname = "queue"\n'
        sources += f'queue = "{self._queue.path.rpartition("/")[2]}"\nwait_s = 5\n'
        serve.configure(
            listeners, sources, serve.route(suffix=7 if wrong else ".jpg"), serve.push(), serve.trigger(),
            linger_s=self._chance.choice((0.05, 0.2, 0.5)), grace_s=5.0, remember_s=300.0,
            keep_ended_s=60.0, upkeep_every_s=10.0,
        )  # fmt: skip

    def step(self, what: str) -> None:
        self.did[what or "clear"] += 1
        serve = self._service
        match what:
            case "kill":
                serve.kill()
                serve.start()
            case "restart":
                assert serve.end(timeout_s=30) == 0
                serve.start()
            case "reload" | "wrong reload":
                wrong = what == "wrong reload"
                self.configure(wrong=wrong)
                serve.signal(SIGHUP)
                serve.says("reload_refused" if wrong else "reloaded")
                if wrong:
                    self.configure()  # whoever starts it next would be refused, too
            case _:
                self._cloud.set(seed=self._chance.randrange(1 << 30), record_arrivals=True, **FAULTS.get(what, {}))
        if what == FLOOD:
            for _ in range(FLOOD_MANIFESTS):
                self.spool()

    def spool(self) -> None:
        given = self._next("spool")
        named = keys("spool", given.number, SPOOLED)
        drop(self._service.directory / "spool", f"{given.number}.txt", "\n".join(named))

    def send_to_queue(self) -> None:
        given = self._next("queue")
        assert self._queue.send_keys(*keys("queue", given.number, QUEUED)).status == 201

    def look(self) -> None:
        self.samples.append(self._service.sample())
        with self._file.open("a") as file:
            file.write(",".join(map(str, self.samples[-1])) + "\n")

    def _next(self, sender: str) -> Acknowledged:
        """Whoever gives it is told at once, by an answer or by a rename, that it was taken; else the test fails."""
        now = time.monotonic()
        self.given[sender].append(Acknowledged(len(self.given[sender]), now, now, now, again=False))
        return self.given[sender][-1]


class Growth:
    """What became of one process in the time in which it was left alive. Only a long time tells."""

    def __init__(self, samples: list[Sample]) -> None:
        self.lasted_s = samples[-1].at - samples[0].at
        self.rss = drift([(each.at, each.rss_bytes / MIB) for each in samples], self.lasted_s / 25)
        self.files = floor_rise([each.files for each in samples])
        self.coroutines = floor_rise([each.coroutines for each in samples])
        self.blocks = floor_rise([each.blocks for each in samples])
        self.database_mib = floor_rise([each.database_bytes for each in samples]) / MIB
        self._samples = samples

    def __str__(self) -> str:
        rss, database = (
            f"{min(sizes) / MIB:.1f} to {max(sizes) / MIB:.1f} MiB"
            for sizes in ([each.rss_bytes for each in self._samples], [each.database_bytes for each in self._samples])
        )
        files, coroutines, blocks = (
            f"{min(numbers)} to {max(numbers)} (floor {rise:+d})"
            for numbers, rise in (
                ([each.files for each in self._samples], self.files),
                ([each.coroutines for each in self._samples], self.coroutines),
                ([each.blocks for each in self._samples], self.blocks),
            )
        )
        return (
            f"one process for {self.lasted_s / 60:.1f} min after its warm-up: RSS {rss} (MiB: {self.rss}); "
            f"files {files}, coroutines {coroutines}, blocks of memory {blocks}, "
            f"database {database} (floor {self.database_mib:+.1f})"
        )


def run(calls: list[tuple[float, float, Callable[[], object]]], until_s: float) -> None:
    """Call each at its time, and again every so often if that is not 0."""
    began = time.monotonic()
    while calls:
        calls.sort(key=lambda each: each[0])
        at_s, every_s, call = calls.pop(0)
        if at_s >= until_s:
            continue
        time.sleep(max(0.0, began + at_s - time.monotonic()))
        call()
        if every_s:
            calls.append((at_s + every_s, every_s, call))


@pytest.mark.soak
@pytest.mark.timeout(SOAK_S + 1200)
def test_months(service: Service, cloud: Clouds, emulator: EmulatorProcess, capsys: pytest.CaptureFixture[str]) -> None:
    queue = SmqClient(emulator.alibaba, f"soak-{os.getpid()}")
    assert queue.create(visibility_s=30).status == 201
    soak = Soak(service, cloud, queue)
    calm, steps = plan(SEED, SOAK_S)
    soak.configure()
    soak.step("")
    service.start()
    began = time.monotonic()
    with ExitStack() as stack:
        loads = {}
        for name, (events, rate) in HTTP.items():
            options: dict[str, object] = {"format": name, "listener": name, "rate": rate, "connections": 4}
            load = LoadProcess(service, name, events, options | {"seconds": SOAK_S})
            loads[name] = stack.enter_context(load)
        run(
            [
                *[(step.at_s, 0.0, lambda what=step.what: soak.step(what)) for step in steps],
                (2.5, 5.0, soak.look),
                (1.0, SPOOL_EVERY_S, soak.spool),
                (0.5, QUEUE_EVERY_S, soak.send_to_queue),
            ],
            SOAK_S,
        )
        soak.step("")
        for load in loads.values():
            load.process.terminate()  # nothing more falls due: outages have put it off
        summaries = {name: load.summary(120) for name, load in loads.items()}
    given = soak.given | {name: load.acknowledged for name, load in loads.items()}
    number = {name: events for name, (events, _) in HTTP.items()} | {"spool": SPOOLED, "queue": QUEUED}
    wanted = {
        key for tag, messages in given.items() for each in messages for key in keys(tag, each.number, number[tag])
    }
    service.until(lambda: not lying(service.directory / "spool") and queue.left() == 0)
    lost = service.missing(wanted, cloud, within_s=300)
    failed = service.metrics()["syncmux_backlog_jobs"].value(state="failed")
    assert service.end() == 0

    last = {name.partition("|")[2]: last for name, (_, last) in moments(emulator.alibaba).items()}
    changed = {directory(tag, each.number): each.sent for tag, messages in given.items() for each in messages}
    stale = [name for name, sent in changed.items() if last.get(f"NFSx|/{name}", 0.0) < sent]
    events = cloud.ledger()["events"]
    still = [each for each in soak.samples if calm[0] + SOAK_S * WARM_UP <= each.at - began < calm[1]]
    growth = Growth(still)
    with capsys.disabled():
        print(f"\nsoak of {SOAK_S:g} s, seed {SEED}: {dict(soak.did)}")
        for name, summary in summaries.items():
            print(f"  {name}: {summary}")
        print(
            f"  {len(wanted):,} events acknowledged, {len(lost)} lost; {len(changed):,} directories, {len(stale)} not "
            f"triggered after their last event; {sum(events.values()) - len(events):,} pushed again; {failed:g} failed"
        )
        print(f"  {growth}")
    assert not lost
    assert not stale
    assert not failed
    assert not list((service.directory / "spool" / "failed").iterdir())
    assert soak.did["kill"]
    assert soak.did["reload"]
    assert len({each.pid for each in still}) == 1
    if growth.lasted_s >= LONG_ENOUGH_S:
        assert growth.rss.per_hour <= 1.0
        assert growth.files <= 2
        assert growth.coroutines <= 2
        assert growth.blocks <= MORE_BLOCKS
        assert growth.database_mib <= 4.0
