"""`demo` and `emulate`: the product without an account."""

from __future__ import annotations

import signal
from urllib.request import urlopen

import orjson

from .conftest import Syncmux


def test_demo_needs_nothing_and_leaves_nothing(syncmux: Syncmux, environ: dict[str, str]) -> None:
    bare = {name: environ[name] for name in ("PATH", "PYTHONPATH")}
    done = syncmux("demo", "--directories", "200", "--keys", "2000", environ=bare)
    assert done.code == 0
    assert "ledger agrees: 200 of 200 directories, 2,000 of 2,000 keys" in done.out
    assert "200 succeeded" in done.out
    assert list(syncmux.directory.iterdir()) == []


def test_demo_can_be_left(syncmux: Syncmux) -> None:
    process = syncmux.start("demo")
    assert process.stderr
    while "directories on" not in (line := process.stderr.readline()):
        assert line
    while "in flight" not in line and "running" not in line:  # the first line of progress
        line = process.stderr.readline()
        assert line
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 5
    assert "Traceback" not in err
    assert "left" in out
    assert "resume" not in out  # there is nothing that could be


def test_emulate(syncmux: Syncmux) -> None:
    process = syncmux.start("emulate", "--port", "0")
    assert process.stdout
    urls = orjson.loads(process.stdout.readline())
    with urlopen(f"{urls['huawei']}/_emulator/ledger", timeout=10) as answer:  # noqa: S310
        assert orjson.loads(answer.read())["calls"] == {}
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 0
