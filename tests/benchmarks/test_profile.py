from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from benchmarks import profile
from benchmarks.meter import Meter

STACKS = """\
<module> (/x/benchmarks/side.py:1);run (/lib/python3.11/asyncio/runners.py:118);sign (/x/signers/huawei.py:7) 30
main (/x/benchmarks/side.py:1);send (/x/engine/transport.py:1);_request (/v/site-packages/aiohttp/client.py:7) 20
main (/x/benchmarks/side.py:1);send (/x/engine/transport.py:1);_timeout (/lib/python3.11/asyncio/timeouts.py:7) 15
main (/x/benchmarks/side.py:1);wait (/lib/python3.11/asyncio/locks.py:7) 10
run (/v/site-packages/uvloop/__init__.py:9);data_received (/v/site-packages/aiohttp/client_proto.py:7) 8
call (/x/benchmarks/sdks.py:3);do (/v/site-packages/sdkcore/client.py:7);connect (/lib/python3.11/ssl.py:2) 7
call (/x/benchmarks/sdks.py:3);sleep (/v/site-packages/six.py:7) 6
call (/x/benchmarks/sdks.py:3);loads (/lib/python3.11/json/decoder.py:2) 4
main (/x/benchmarks/side.py:1);bare (/x/benchmarks/suite/backlog.py:3) 3
"""


def test_a_sample_belongs_to_our_innermost_module_or_to_the_package() -> None:
    assert profile.by_area(STACKS) == {
        ("signers.huawei", "itself"): 30,
        ("aiohttp", "itself"): 28,
        ("engine.transport", "asyncio"): 15,
        ("(the event loop)", "asyncio"): 10,
        ("sdkcore", "ssl"): 7,
        ("six", "itself"): 6,
        ("(nobody)", "json"): 4,
        ("(nobody)", "benchmarks.suite.backlog"): 3,
    }


SAMPLER = """\
#!{python}
import signal, sys, pathlib
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
print("py-spy> Sampling process", flush=True)
signal.sigwait([signal.SIGINT])
pathlib.Path(sys.argv[sys.argv.index("--output") + 1]).write_text("six (/v/site-packages/six.py:1) 250")
"""


def test_what_is_watched_is_what_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sampler, stacks = tmp_path / "py-spy", tmp_path / "stacks.txt"
    sampler.write_text(SAMPLER.format(python=sys.executable))
    sampler.chmod(sampler.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with profile.watched(stacks) as last:
        assert not stacks.exists()
        with Meter() as meter:
            pass
        assert profile.by_area(stacks.read_text()) == {("six", "itself"): 250}
    assert (last.wall_s, last.cpu_s) == (meter.wall_s, meter.cpu_s)
    stacks.unlink()
    with Meter():
        pass
    assert not stacks.exists()


def test_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert profile.main([]) == 2
    assert "py-spy on the PATH" in capsys.readouterr().err
