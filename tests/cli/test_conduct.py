"""What a command's work comes to."""

from __future__ import annotations

import signal

import orjson
import pytest

from .conftest import Clouds, Syncmux, until


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_which_all_ends_has_interrupted_nothing(
    syncmux: Syncmux, cloud: Clouds, sync_task: str, number: signal.Signals
) -> None:
    cloud.set(operations={"CreateSyncEvents": {"delay_s": 1.0}})
    process = syncmux.start("push", syncmux.file("few.txt", "a\nb\n"), "--sync-task", sync_task, "--json")
    until(lambda: cloud.calls("CreateSyncEvents") == 1, process)  # with all there is
    process.send_signal(number)
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    summary = [orjson.loads(line) for line in out.splitlines()][-1]
    assert (summary["accepted"], summary["interrupted"], summary["exit"]) == (2, False, 0)
    assert cloud.keys == {"a": 1, "b": 1}
