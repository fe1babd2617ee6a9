"""`syncmux call`: any operation of either API."""

from __future__ import annotations

import re
from pathlib import Path

import orjson
import pytest

from .conftest import Clouds, Syncmux


def test_an_operation_by_name(syncmux: Syncmux, cloud: Clouds) -> None:
    done = syncmux("call", "alibaba", "DescribeGatewayFileStatus", "GatewayId=gw-1", "IndexId=NFSa", "FilePath=a=b")
    assert done.code == 0
    assert orjson.loads(done.out)["Success"] is True
    (event,) = syncmux("call", "alibaba", "DescribeRegions", "--json").events
    assert event["answer"]["Regions"]["Region"]
    assert cloud.calls("DescribeRegions") == 1


def test_an_operation_by_path(syncmux: Syncmux, cloud: Clouds, sync_task: str) -> None:
    path = "/v2/{project_id}/sync-tasks"
    listed = orjson.loads(syncmux("call", "huawei", "ListSyncTasks", "--path", path, "limit=1").out)
    assert listed["tasks"][0]["sync_task_id"] == sync_task
    events = ["call", "huawei", "CreateSyncEvents", "--path", f"{path}/{sync_task}/events", "--body"]
    assert syncmux(*events, "-", stdin=b'{"object_keys": ["a"]}').code == 0
    assert syncmux(*events, syncmux.file("body.json", '{"object_keys": ["b"]}')).code == 0
    assert set(cloud.keys) == {"a", "b"}
    projects = syncmux("call", "huawei", "KeystoneListProjects", "--path", "/v3/projects", "--service", "iam")
    assert "projects" in orjson.loads(projects.out)


def test_a_call_is_sent_once_unless_it_may_be_repeated(syncmux: Syncmux, cloud: Clouds) -> None:
    cloud.set(operations={"DescribeRegions": {"unavailable": 1.0}})
    assert syncmux("call", "alibaba", "DescribeRegions").code == 1
    assert cloud.calls("DescribeRegions") == 1
    cloud.set(seed=1, operations={"DescribeRegions": {"unavailable": 0.5}})
    assert syncmux("call", "alibaba", "DescribeRegions", "--repeatable").code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "named"),
    [
        (["nonsense", "X"], 2, "there is alibaba, huawei"),
        (["alibaba", "NoSuchOperation"], 1, "InvalidApi"),
        (["alibaba", "DescribeRegions", "novalue"], 2, "KEY=VALUE"),
        (["alibaba", "DescribeRegions", "a=1", "a=2"], 2, "twice"),
        (["huawei", "X", "--path", "no-slash"], 2, "path"),
        (["huawei", "X", "--path", "/x", "--body", "nothing.json"], 2, "nothing.json"),
        (["alibaba"], 2, "operation"),
        (["alibaba", ""], 2, "operation"),
        (["alibaba", "two words"], 2, "operation"),
        (["alibaba", "X", "--service", "nope"], 2, "there is sgw"),
        (["huawei", "X", "--service", "nope", "--path", "/v3/projects"], 2, "there is oms, iam"),
        (["huawei", "X", "--method", "FOO BAR", "--path", "/x"], 2, "method"),
        (["huawei", "X", "--path", "/a b"], 2, "path"),
        (["huawei", "X", "--path", "/a\nb"], 2, "path"),
        (["huawei", "X", "--path", "/a?b=c"], 2, "path"),
        (["huawei", "X", "--path", "/x", "--body", "/dev/zero"], 2, "larger than 1,048,576 bytes"),
    ],
)
def test_what_is_wrong_is_named(syncmux: Syncmux, arguments: list[str], code: int, named: str) -> None:
    done = syncmux("call", *arguments)
    assert done.code == code
    assert named.lower() in done.err.lower()


def test_what_is_called_like_a_secret_is_not_shown(syncmux: Syncmux) -> None:
    body = syncmux.file("body.json", '{"a": 1}')
    for more in ([], ["--json"]):
        done = syncmux("call", "alibaba", "X", "UserPassword=marked", "Name=plain", "--body", body, "--dry-run", *more)
        assert done.code == 0
        assert "marked" not in done.out + done.err
        assert "plain" in done.out
        assert "8" in done.out.split("body_bytes")[1]


def test_the_example_in_the_readme_works_on_the_emulator(syncmux: Syncmux) -> None:
    (example,) = re.findall(r"`syncmux (call .*?)`", (Path(__file__).parents[2] / "README.md").read_text())
    assert syncmux(*example.split()).code == 0


def test_the_first_service_by_its_name(syncmux: Syncmux) -> None:
    path = "/v2/{project_id}/sync-tasks"
    assert syncmux("call", "huawei", "ListSyncTasks", "--path", path, "--service", "oms").code == 0
    assert syncmux("call", "alibaba", "DescribeRegions", "--service", "sgw").code == 0


def test_a_dry_run_sends_nothing(syncmux: Syncmux, cloud: Clouds) -> None:
    assert syncmux("call", "alibaba", "DescribeRegions", "--dry-run").code == 0
    assert cloud.ledger()["calls"] == {}
