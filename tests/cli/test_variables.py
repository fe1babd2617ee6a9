"""A variable that nothing reads is told of, by its name and never by its value."""

from __future__ import annotations

import pytest

from engine.cli.variables import unread

from .conftest import Syncmux


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("SYNCMUX_RAET", "SYNCMUX_RAET is not a setting; did you mean SYNCMUX_RATE?"),
        ("SYNCMUX_HUAWEI_ENDPIONT", "SYNCMUX_HUAWEI_ENDPIONT is not a setting; did you mean SYNCMUX_HUAWEI_ENDPOINT?"),
        ("SYNCMUX_BUCKETS_KEY", "SYNCMUX_BUCKETS_KEY is not a setting; did you mean SYNCMUX_BUCKET_KEYS?"),
        ("SYNCMUX_NOTHING_LIKE_IT", "SYNCMUX_NOTHING_LIKE_IT is not a setting"),
    ],
)
def test_a_variable_that_nothing_reads(name: str, said: str) -> None:
    assert list(unread({name: "5", "HOME": "/", "RATE": "1"})) == [said]


def test_variables_that_are_read(environ: dict[str, str]) -> None:
    read = ["BACKLOG", "RATE", "CONCURRENCY", "BATCH", "ALLOW_HOSTS", "ALIBABA_REGION", "ALIBABA_SIGNATURE"]
    read += ["ALIBABA_STS_ENDPOINT", "HUAWEI_CREDENTIALS", "HUAWEI_METADATA_ENDPOINT", "SRC_AK", "BUCKET_KEYS"]
    assert list(unread(environ | {f"SYNCMUX_{name}": "" for name in read})) == []


def test_the_command_says_so_once_and_goes_on(syncmux: Syncmux) -> None:
    syncmux.file("keys.txt", "a\n")
    done = syncmux("push", "keys.txt", "--sync-task", "t", "--dry-run", "--json", environ={
        **syncmux.environ, "SYNCMUX_BATHC": "marker-5"
    })  # fmt: skip
    assert done.code == 0
    assert done.err == "syncmux: SYNCMUX_BATHC is not a setting; did you mean SYNCMUX_BATCH?\n"
    assert "marker-5" not in done.out
