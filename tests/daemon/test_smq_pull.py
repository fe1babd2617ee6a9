"""Messages of a queue: pulled by a real daemon, deleted once they are durable, and never lost on the way."""

from __future__ import annotations

import itertools
from random import Random

import orjson
import pytest

from engine.emulator import EmulatorProcess
from tests.cli.conftest import Clouds
from tests.daemon.conftest import LISTENER, Serve
from tests.daemon.prometheus import parsed
from tests.daemon.smq import SmqClient, oss_message
from tests.daemon.test_operations import ask, status
from tests.daemon.test_serve import KEYS

_numbers = itertools.count()


@pytest.fixture
def queue(emulator: EmulatorProcess) -> SmqClient:
    client = SmqClient(emulator.alibaba, f"pulled-{next(_numbers)}")
    assert client.create(visibility_s=1).status == 201
    return client


def pulling(serve: Serve, queue: SmqClient, *more: str, table: str = "", **settings: object) -> None:
    pulled = f'[[queues]]\nname = "oss"\nqueue = "{queue.path.rpartition("/")[2]}"\nwait_s = 5\n{table}'
    serve.configure(pulled, serve.route(), serve.push(), *more, **settings)


def test_keys_come_through_as_they_are(serve: Serve, queue: SmqClient, cloud: Clouds) -> None:
    pulling(serve, queue, linger_s=0.0)
    serve.start()
    queue.send(oss_message(*KEYS))
    queue.send_keys("later", "latest")
    serve.until(lambda: len(cloud.keys) == len(KEYS) + 2)
    assert cloud.keys == dict.fromkeys([*KEYS, "later", "latest"], 1)
    serve.until(lambda: queue.left() == 0)
    assert serve.end() == 0


def test_a_message_that_could_not_be_deleted_is_not_done_again(serve: Serve, queue: SmqClient, cloud: Clouds) -> None:
    cloud.set(operations={"BatchDeleteMessage": {"unavailable": 1.0}})
    pulling(serve, queue, linger_s=0.0)
    serve.start()
    queue.send_keys("a", "b")
    serve.until(lambda: len(cloud.keys) == 2)
    assert serve.end() == 0, "well, or the push that was under way would be repeated"
    assert queue.left() == 2
    cloud.set()
    serve.start()
    serve.until(lambda: queue.left() == 0)
    queue.send_keys("last")
    serve.until(lambda: "last" in cloud.keys)
    assert cloud.keys == {"a": 1, "b": 1, "last": 1}, "they came again, and were known by their ids"
    assert serve.end() == 0


def test_what_there_is_no_room_for_stays_in_the_queue(serve: Serve, queue: SmqClient, cloud: Clouds) -> None:
    pulling(serve, queue, linger_s=60.0, max_waiting=3)
    queue.send_keys(*"abcdefgh")
    serve.start()
    assert serve.says("source_waits")["source"] == "oss"
    serve.kill()
    assert queue.left() >= 5
    assert cloud.keys == {}
    pulling(serve, queue, linger_s=0.0)
    serve.start()
    serve.until(lambda: set(cloud.keys) == set("abcdefgh") and queue.left() == 0)
    assert serve.end() == 0


def test_nothing_is_lost_by_sigkill_and_faults(serve: Serve, queue: SmqClient, cloud: Clouds) -> None:
    cloud.set(
        seed=7,
        operations={
            "BatchReceiveMessage": {"throttle": 0.1, "unavailable": 0.1, "reset_after": 0.1, "truncate": 0.1},
            "BatchDeleteMessage": {"unavailable": 0.2, "reset_after": 0.2},
        },
    )
    pulling(serve, queue, table="receivers = 3\n", linger_s=0.05)
    keys = [f"k{number}" for number in range(200)]
    for start in range(0, len(keys), 10):
        queue.send_keys(*keys[start : start + 10])
    chance = Random(3)
    for _ in range(4):
        pushed = len(cloud.keys)
        serve.start()
        wanted = min(len(keys), pushed + chance.randrange(1, 40))
        serve.until(lambda wanted=wanted: len(cloud.keys) >= wanted)  # type: ignore[misc]
        serve.kill()
    serve.start()
    serve.until(lambda: len(cloud.keys) == len(keys) and queue.left() == 0)
    assert serve.end() == 0


@pytest.mark.parametrize("message", ["no base64!", oss_message("elsewhere")])
def test_what_cannot_be_used_is_put_aside_after_some_deliveries(
    serve: Serve, queue: SmqClient, cloud: Clouds, message: str
) -> None:
    unreadable = message == "no base64!"
    pulling(serve, queue, table="max_deliveries = 2\n", linger_s=0.0, no_route="drop" if unreadable else "reject")
    if not unreadable:
        config = serve.directory / "serve.toml"
        config.write_text(config.read_text().replace('bucket = "b"\n', 'bucket = "b"\nprefix = "in/"\n'))
    queue.send(message)
    queue.send_keys("in/good")
    serve.start()
    assert serve.says("message_unusable")["deliveries"] == 1
    said = serve.says("message_put_aside")
    assert said["deliveries"] == 2
    serve.until(lambda: queue.left() == 0 and cloud.keys == {"in/good": 1})
    (file,) = (serve.directory / "put-aside" / "oss").iterdir()
    report = orjson.loads(file.read_bytes())
    assert report["body"] == message
    assert ("base64" if unreadable else "no route") in report["why"]
    assert file.stat().st_mode & 0o077 == 0
    assert serve.end() == 0


def test_credentials_are_renewed_while_it_is_pulled(
    serve: Serve, queue: SmqClient, cloud: Clouds, emulator: EmulatorProcess
) -> None:
    cloud.set(temporary_s=4.0, metadata="v2")  # with less a busy machine may send too late what it signed in time
    account = (
        f'[accounts.role]\ncloud = "alibaba"\nregion = "cn-hangzhou"\nendpoint = "{emulator.alibaba}"\n'
        'credentials = "metadata"\n'
    )
    pulling(serve, queue, account, table='account = "role"\n', linger_s=0.0)
    serve.start()
    before = cloud.calls("AlibabaMetadataKeys")
    keys: list[str] = []
    while cloud.calls("AlibabaMetadataKeys") < before + 3:
        keys.append(f"k{len(keys)}")
        queue.send_keys(keys[-1])
        serve.until(lambda: set(cloud.keys) == set(keys))
    assert cloud.ledger()["refused"] == {}, "nothing was signed with what had ended"
    cloud.set(temporary_s=4.0, metadata="v2", operations={"AlibabaMetadataKeys": {"unavailable": 1}})

    def told() -> bool:
        """While those in force still bring everything in."""
        found = status(serve)
        unrenewed = "the credentials of account role cannot be renewed, and end in "
        return found["sources"]["oss"] == "" and any(each.startswith(unrenewed) for each in found["warnings"])

    while not told():
        queue.send_keys("more")
    cloud.set(temporary_s=4.0, metadata="v2")
    serve.until(lambda: status(serve)["sources"]["oss"] == "" and queue.left() == 0)
    assert serve.end() == 0


def test_what_only_people_can_set_right_is_tried_now_and_then(serve: Serve, emulator: EmulatorProcess) -> None:
    nowhere = SmqClient(emulator.alibaba, f"pulled-{next(_numbers)}")
    pulling(serve, nowhere)
    serve.start()
    said = serve.says("queue_call_failed")
    assert "QueueNotExist" in said["error"]
    assert said["again_in_s"] == 60.0
    found = status(serve)
    assert (found["ready"], "QueueNotExist" in found["sources"]["oss"]) == (True, True)
    (warning,) = ask(serve, "/readyz").json["warnings"]
    assert warning.startswith("source oss is in trouble: ")
    assert "QueueNotExist" in warning
    told = parsed(ask(serve, "/metrics").body.decode())
    assert told["syncmux_source_troubled"].value(sender="oss") == 1
    assert serve.end() == 0, "it does not end the daemon, nor keep it from ending"


def test_settings_that_cannot_be_meant_are_named(serve: Serve, queue: SmqClient) -> None:
    for table, said in (
        ("receivers = 0\n", "queues.oss.receivers"),
        ("recievers = 1\n", "queues.oss.recievers"),
        ('account = "nobody"\n', "queues.oss.account"),
        ('routes = ["nowhere"]\n', "queues.oss.routes"),
    ):
        pulling(serve, queue, table=table)
        refused = serve.run("--check")
        assert (refused.returncode, said in refused.stderr) == (2, True), refused.stderr
    pulling(serve, queue, LISTENER.replace("own", "oss"))
    assert "another source or listener" in serve.run("--check").stderr
    pulling(serve, queue, f'[[queues]]\nname = "again"\nqueue = "{queue.path.rpartition("/")[2]}"\n')
    assert "queues.again.queue is that of queues.oss" in serve.run("--check").stderr
    pulling(serve, queue)
    assert "sources: oss" in serve.run("--check").stdout
