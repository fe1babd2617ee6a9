"""How fast the daemon takes events, how soon they take effect, and what it does when that is not fast enough.

`make soak` runs these; `SYNCMUX_LOAD_S` makes them shorter or longer than a minute.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from engine.emulator import EmulatorProcess
from tests.cli.conftest import Clouds
from tests.daemon.conftest import LISTENER
from tests.daemon.latency import measure
from tests.daemon.service import LOOK_S, LoadProcess, Sample, Service

LOAD_S = float(os.environ.get("SYNCMUX_LOAD_S", "60"))
MIB = 1 << 20

pytestmark = [pytest.mark.soak, pytest.mark.timeout(5 * LOAD_S + 300)]


@pytest.fixture
def service(tmp_path: Path, environ: dict[str, str], sync_task: str) -> Iterator[Service]:
    daemon = Service(tmp_path, environ, sync_task)
    yield daemon
    if hasattr(daemon, "process"):
        daemon.close()


@pytest.mark.parametrize("rate", [100.0, 1000.0])
def test_how_soon_an_event_takes_effect(
    service: Service, cloud: Clouds, emulator: EmulatorProcess, capsys: pytest.CaptureFixture[str], rate: float
) -> None:
    measured = measure(service, cloud, emulator.alibaba, rate, LOAD_S / 2, linger_s=0.2)
    with capsys.disabled():
        print(f"\n{measured}")
    assert measured.events == rate * LOAD_S / 2
    assert measured.p50_s <= 0.2
    assert measured.p99_s <= 0.5


@pytest.mark.parametrize("events", [10, 1])
def test_ten_thousand_events_a_second_and_a_sigkill(
    service: Service, cloud: Clouds, capsys: pytest.CaptureFixture[str], events: int
) -> None:
    """What is asked for is asked of messages of ten lines; what comes of single ones is only told, but is not lost."""
    service.environ = {**service.environ, "SYNCMUX_BATCH": "100"}
    service.configure(LISTENER, service.route(), service.push())
    service.start()
    options: dict[str, object] = {"rate": 10_000, "seconds": LOAD_S, "connections": 48}
    with LoadProcess(service, f"by-{events}", events, options) as load:
        with pytest.raises(subprocess.TimeoutExpired):
            load.process.wait(LOAD_S / 2)
        service.kill()
        service.start()
        summary = load.summary(4 * LOAD_S + 60)
    peak = service.sample()
    acknowledged = load.keys
    missing = service.missing(acknowledged, cloud, within_s=LOAD_S + 120)
    with capsys.disabled():
        print(f"\n10,000 lines/s, {events} a request, for {LOAD_S:g} s, SIGKILL in the middle: {summary}")
        print(
            f"{len(acknowledged):,} events acknowledged, {len(missing)} lost; "
            f"at the end {peak.inbox_rows:,} waited, RSS {peak.rss_bytes / MIB:.0f} MiB"
        )
    assert not missing
    assert len(acknowledged) == 10_000 * LOAD_S
    assert not summary["refused"]
    assert len(summary["outages_s"]) == 1
    if events == 10:
        assert summary["events_per_s"] >= 9_900
        assert summary["answer_ms"]["p99"] <= 25.0
    assert service.end() == 0


def test_a_flood_faster_than_the_cloud_is_put_off_and_loses_nothing(
    service: Service, cloud: Clouds, capsys: pytest.CaptureFixture[str]
) -> None:
    """F103: the senders do not heed what they are told, and send on as fast as before."""
    most, batch_per_s = 20_000, 20
    cloud.set(rate={"CreateSyncEvents": batch_per_s})
    service.configure(LISTENER, service.route(), service.push(), max_waiting=most)
    service.start()
    full: list[Sample] = []
    options: dict[str, object] = {"rate": 5_000, "seconds": LOAD_S, "connections": 48}
    with LoadProcess(service, "flood", 50, options, drop=True) as load:
        while load.process.poll() is None:
            seen = service.sample()
            assert seen.inbox_rows <= most
            if seen.inbox_rows > 0.9 * most:
                full.append(seen)
            with suppress(subprocess.TimeoutExpired):
                load.process.wait(LOOK_S)
        summary = load.summary(60)
    cloud.clear()
    with LoadProcess(service, "after", 50, {"rate": 500, "seconds": 10, "connections": 4}) as after:
        recovered = after.summary(120)
    acknowledged = load.keys | after.keys
    missing = service.missing(acknowledged, cloud, within_s=300)
    grown = max(each.rss_bytes for each in full) - full[0].rss_bytes
    with capsys.disabled():
        print(f"\nflood of 5,000 events/s for {LOAD_S:g} s, cloud takes {10 * batch_per_s}/s: {summary}")
        print(
            f"RSS {full[0].rss_bytes / MIB:.1f} MiB when full, and {grown / MIB:.1f} MiB more at worst; "
            f"{len(acknowledged):,} acknowledged, {len(missing)} lost; afterwards: {recovered}"
        )
    assert not missing
    refused, (told, least_s, _) = summary["refused"], summary["retry_after_s"]
    assert list(refused) == ["429"]
    assert refused["429"] == told, "each with Retry-After"
    assert least_s >= 1
    assert grown <= 8 * MIB
    assert recovered["messages"] == 100
    assert not recovered["refused"].keys() - {"429"}
    assert service.end() == 0
