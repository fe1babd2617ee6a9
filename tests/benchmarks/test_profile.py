from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import profile

STACKS = """\
<module> (benchmarks/side.py:1);run (asyncio/runners.py:118);_start (engine/starter.py:10);sign (signers/huawei.py:7) 30
main (benchmarks/side.py:1);send (engine/transport.py:1);_request (/v/python3.11/site-packages/aiohttp/client.py:7) 50
<module> (benchmarks/side.py:1);run (uvloop/__init__.py:9);data_received (aiohttp/client_proto.py:7) 20
"""


def test_a_sample_belongs_to_our_innermost_module(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stacks = tmp_path / "stacks.txt"
    stacks.write_text(STACKS)
    assert profile.main([str(stacks)]) == 0
    told = [line.split(maxsplit=2) for line in capsys.readouterr().out.splitlines()]
    assert [(share, module) for share, module, _ in told] == [
        ("50.0%", "engine.transport"),
        ("30.0%", "signers.huawei"),
        ("20.0%", "(the"),
    ]
    assert told[0][2] == "aiohttp"
    assert told[1][2] == "itself"


def test_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert profile.main([]) == 2
    assert "py-spy record" in capsys.readouterr().err
