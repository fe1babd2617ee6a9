from __future__ import annotations

import stat
import sys
from collections.abc import Callable
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


def _installed(sampler: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = place / "py-spy"
    path.write_text(sampler.format(python=sys.executable))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(place))


def test_what_is_watched_is_what_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stacks = tmp_path / "stacks.txt"
    _installed(SAMPLER, tmp_path, monkeypatch)
    meters = []
    with profile.watched(stacks) as seen:
        assert not seen.shares
        for _ in range(2):
            with Meter() as meter:
                pass
            meters.append(meter)
    with Meter():
        pass
    assert seen.shares == {("six", "itself"): 500}
    assert seen.wall_s == sum(meter.wall_s for meter in meters)
    assert seen.cpu_s == sum(meter.cpu_s for meter in meters)


def test_as_many_turns_are_taken_as_tell_enough() -> None:
    seen = profile.Seen()
    assert seen.enough()  # nothing is measured, nor will be
    seen.wall_s = 9.0
    assert not seen.enough()
    seen.cpu_s = profile.ENOUGH_S
    assert seen.enough()


def test_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert profile.main([]) == 2
    assert "py-spy on the PATH" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "side", "says"),
    [
        ("unheard-of", "ours", "there is no unheard-of; there is calls, sdk"),
        ("start", "ours", "start has no 'ours'; it"),
    ],
)
def test_an_unknown_name_is_refused(name: str, side: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert profile.main([name, side]) == 2
    assert says in capsys.readouterr().err


def _metered(*side: object) -> None:
    with Meter():
        pass


def _unmetered(*side: object) -> None:
    pass


IDLE = """\
#!{python}
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
print("py-spy> Sampling process", flush=True)
signal.sigwait([signal.SIGINT])
"""
REFUSED = """\
#!{python}
raise SystemExit(3)
"""


@pytest.mark.parametrize(
    ("sampler", "by_hand", "says"),
    [
        (IDLE, _metered, "too short to be sampled"),
        (IDLE, _unmetered, "nothing of it is measured in this process"),
        (REFUSED, _metered, "py-spy ended with status 3"),
        ("", _metered, "there is no py-spy on the PATH"),
    ],
    ids=["no samples", "no meter", "refused", "not installed"],
)
def test_what_cannot_be_profiled_is_told(
    sampler: str,
    by_hand: Callable[..., None],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    signals: list[str] = []
    monkeypatch.setattr(profile, "exit_on_signals", lambda: signals.append("watched"))
    monkeypatch.setattr(profile, "by_hand", by_hand)
    monkeypatch.setenv("PATH", str(tmp_path))
    if sampler:
        _installed(sampler, tmp_path, monkeypatch)
    assert profile.main(["start", "python alone"]) == 1
    assert says in capsys.readouterr().err
    assert signals == ["watched"]
