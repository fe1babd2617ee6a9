"""The way to a cloud: names, certificates, and who does not answer."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.clouds.examination import Status
from engine.errors import TransportError

from .between import between
from .certificates import Authority
from .conftest import Emulated, diagnosed, diagnoses, keys


@contextlib.contextmanager
def behind_tls(emulated: Emulated, authority: Authority, days: float, host: str = "127.0.0.1") -> Iterator[str]:
    with between(emulated.url, authority.server(days, host)) as server:
        yield server.url


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch, authority: Authority) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize(("days", "status"), [(60, Status.OK), (3, Status.WARN)])
async def test_a_certificate_and_its_days(
    emulated: Emulated, authority: Authority, days: float, status: Status
) -> None:
    with behind_tls(emulated, authority, days) as url:
        report = await diagnosed(emulated.environ("alibaba", "huawei", url=url))
    for cloud in ("alibaba", "huawei"):
        tls = report.the("tls", cloud)
        assert tls.status is status
        assert tls.facts["days_left"] == pytest.approx(days, abs=0.2)
        assert tls.facts["version"] == "TLSv1.3"
        assert report.bad(cloud) == (set() if status is Status.OK else {("tls", "127.0.0.1")})
        assert report.all("identity", cloud)[0].status is Status.OK


async def test_a_certificate_of_nobody_known(emulated: Emulated, authority: Authority) -> None:
    with behind_tls(emulated, authority, 60) as url:
        report = await diagnosed(emulated.environ("alibaba", "huawei", url=url))
    for cloud in ("alibaba", "huawei"):
        assert report.bad(cloud) == {("tls", "127.0.0.1")}
        tls = report.the("tls", cloud)
        assert tls.status is Status.FAIL
        assert "the certificate is not accepted: unable to get local issuer certificate" in tls.seen
        assert "SSL_CERT_FILE" in tls.advice
        assert report.the("identity", cloud).seen == "127.0.0.1 cannot be reached"
        assert report.the("credentials", cloud).status is Status.OK
    assert emulated.ledger()["refused"] == {}, "nothing is sent to who cannot be trusted"


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize(
    ("days", "host", "why"), [(-1, "127.0.0.1", "has expired"), (60, "127.0.0.2", "not valid for '127.0.0.1'")]
)
async def test_a_certificate_that_does_not_hold(
    emulated: Emulated, authority: Authority, days: float, host: str, why: str
) -> None:
    with behind_tls(emulated, authority, days, host) as url:
        report = await diagnosed(emulated.environ("alibaba", url=url))
    assert report.bad("alibaba") == {("tls", "127.0.0.1")}
    assert why in report.the("tls").seen


async def test_tls_where_there_is_none(emulated: Emulated) -> None:
    url = emulated.url.replace("http://", "https://")
    report = await diagnosed(emulated.environ("alibaba", url=url))
    assert report.bad("alibaba") == {("tls", "127.0.0.1")}
    assert "TLS cannot be set up" in report.the("tls").seen


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_where_nobody_listens(emulated: Emulated, nobody: str, scheme: str) -> None:
    report = await diagnosed(emulated.environ("alibaba", url=f"{scheme}://{nobody}"))
    check = "clock" if scheme == "http" else "tls"
    assert report.bad("alibaba") == {(check, "127.0.0.1")}
    assert isinstance(report.the(check).error, TransportError)
    assert "cannot connect" in report.the(check).seen


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_who_does_not_answer_has_a_deadline(emulated: Emulated, silent: str, scheme: str) -> None:
    report = await diagnosed(emulated.environ("huawei", url=f"{scheme}://{silent}"), deadline_s=0.2)
    check = "clock" if scheme == "http" else "tls"
    assert report.bad("huawei") == {(check, "127.0.0.1")}
    assert "no answer" in report.the(check).seen or "no whole answer within 0.2 s" in report.the(check).seen


async def test_who_does_not_answer_holds_nobody_up(emulated: Emulated, silent: str) -> None:
    """The deadline is far away: the test's own would strike first."""
    environ = emulated.environ("alibaba") | emulated.environ("huawei", url=f"http://{silent}")
    found = diagnoses(environ, deadline_s=1000)
    first = await anext(found)
    assert (first.account, {finding.status for finding in first.findings} & {Status.WARN, Status.FAIL}) == (
        "alibaba",
        set(),
    )
    await found.aclose()


async def test_a_source_that_hangs_has_a_deadline(emulated: Emulated, silent: str) -> None:
    environ = emulated.environ("alibaba") | {
        "SYNCMUX_ALIBABA_CREDENTIALS": "metadata",
        "SYNCMUX_ALIBABA_METADATA_ENDPOINT": f"http://{silent}",
    }
    report = await diagnosed(environ, deadline_s=1)
    assert report.bad("alibaba") == {("credentials", "")}
    assert isinstance(report.the("credentials").error, TransportError)


HOST = "sgw.nowhere.invalid"


@pytest.fixture
def nowhere(emulated: Emulated, tmp_path: Path) -> tuple[dict[str, str], Path]:
    """The environment and settings of two accounts: one is well, the other's host is not on this machine."""
    config = tmp_path / "syncmux.toml"
    config.write_text(f"""
        allow_hosts = ["{HOST}"]
        [accounts.lost]
        cloud = "alibaba"
        region = "cn-shanghai"
        endpoint = "https://{HOST}"
        credentials = "LOST_"
    """)
    return emulated.environ("huawei") | keys("alibaba", "well", prefix="LOST_"), config


async def test_a_name_that_stands_for_nothing(
    nowhere: tuple[dict[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve = socket.getaddrinfo

    def without(host: Any, *rest: Any, **more: Any) -> Any:
        if host == HOST:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return resolve(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", without)
    report = await diagnosed(*nowhere)
    assert report.bad() == {("dns", HOST)}
    dns = report.the("dns", "lost")
    assert dns.seen == "the name cannot be resolved: Name or service not known"
    assert isinstance(dns.error, TransportError)


async def test_a_resolver_that_hangs_holds_nobody_up(
    nowhere: tuple[dict[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor the end of the loop: its own threads would have to be waited for."""
    resolve, released = socket.getaddrinfo, threading.Event()

    def hanging(host: Any, *rest: Any, **more: Any) -> Any:
        if host == HOST:
            released.wait(60)
        return resolve("127.0.0.1" if host == HOST else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", hanging)
    try:
        report = await diagnosed(*nowhere, deadline_s=1)
        assert report.bad() == {("dns", HOST)}
        assert report.the("dns", "lost").seen == "no answer within 1 s"
        async with asyncio.timeout(5):
            await asyncio.get_running_loop().shutdown_default_executor()
    finally:
        released.set()
