"""Whatever is said while the daemon serves is a line of JSON."""

from __future__ import annotations

import asyncio
import gc
import io
import logging
import signal
import warnings
from typing import Any

import orjson
import pytest

from engine.daemon.foreign_log import take_in
from engine.daemon.log import Log
from tests.cli.conftest import Clouds
from tests.daemon.conftest import LISTENER, Serve, event


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """Of a log that takes in what others say, while a test lasts."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    told = io.StringIO()
    take_in(Log(told))
    return told


class Mute:
    """Nothing can be said of it."""

    def __init__(self, why: object = "") -> None:
        self._why = why

    def __str__(self) -> str:
        raise ValueError(self._why)

    __repr__ = __str__


def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave no handler but ours."""
    (handler,) = [each for each in logging.getLogger().handlers if type(each).__module__.startswith("engine.")]
    monkeypatch.setattr(logging.getLogger(), "handlers", [handler])


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    found = [orjson.loads(line) for line in stream.getvalue().splitlines()]
    for line in found:
        del line["at"]
    return found


def test_records_from_warnings_on_are_lines(stream: io.StringIO) -> None:
    log = logging.getLogger("syncmux.credentials")
    log.debug("no matter")
    log.warning("account %s", "main")
    assert lines(stream) == [{"event": "warning", "logger": "syncmux.credentials", "message": "account main"}]


def test_a_record_that_cannot_be_told_harms_nobody(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    alone(monkeypatch)  # pytest's own would raise
    log = logging.getLogger("some.library")
    log.error("no %d", "number")
    log.error("%(one)s %(two)s", {"one": 1})
    log.error("no text: %s", Mute())
    log.error("worse: %s", Mute(Mute()))
    told = lines(stream)
    assert [(line["event"], line["logger"]) for line in told] == [("bug", "some.library")] * 4
    assert [line["error"].partition(":")[0] for line in told] == ["TypeError", "KeyError", "ValueError", "ValueError"]
    assert "in __str__" in told[2]["trace"]


def test_what_utf_8_cannot_hold_is_told_all_the_same(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    alone(monkeypatch)  # pytest's own would have it in its report
    logging.getLogger("some.library").error("no text: \ud800")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning("\udcff", UserWarning, __file__, 1)
        warnings.showwarning(Mute(), UserWarning, __file__, 1)  # type: ignore[arg-type]
    told = lines(stream)
    assert [line.get("message") for line in told] == ["no text: \\ud800", "\\udcff", None]
    assert told[-1]["event"] == "bug"


async def test_what_the_event_loop_complains_of_is_a_line(stream: io.StringIO) -> None:
    async def fail() -> None:
        raise ValueError("nobody asks for it")

    task = asyncio.create_task(fail())
    await asyncio.wait((task,))
    del task
    gc.collect()
    (line,) = lines(stream)
    assert (line["event"], line["logger"]) == ("error", "asyncio")
    assert "never retrieved" in line["message"]
    assert line["error"] == "ValueError('nobody asks for it')"
    assert f'{__file__}", line' in line["trace"], "where"
    assert "in fail" in line["trace"]


def test_warnings_are_lines(stream: io.StringIO) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning("it is old", DeprecationWarning, __file__, 1)
    assert lines(stream) == [{"event": "warning", "logger": "DeprecationWarning", "message": "it is old"}]


def test_the_daemon_says_all_in_lines(serve: Serve, cloud: Clouds) -> None:
    """Of a setting that nothing reads, and of a clock that is wrong."""
    cloud.set(clock_skew_s=3600.0)
    serve.environ = {**serve.environ, "SYNCMUX_REGIONS": "x"}
    serve.configure(LISTENER, serve.route(), serve.push(), linger_s=0.0)
    serve.start()
    assert serve.post(event("k")).status == 202
    serve.until(lambda: cloud.keys == {"k": 1})
    serve.signal(signal.SIGTERM)
    assert serve.process.stderr
    told = [orjson.loads(line) for line in serve.process.stderr]
    assert serve.process.wait(20) == 0
    (clock,) = [line for line in told if line["event"] == "warning"]
    assert clock["logger"] == "syncmux.clock"
    assert "account huawei: the cloud's clock is +3" in clock["message"]
