"""Routes: read from TOML or refused by name, and an event takes exactly those that it should."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.clouds import clouds
from engine.clouds.alibaba import Trigger
from engine.clouds.huawei import Push
from engine.errors import ConfigError
from engine.model import Account
from engine.notifications import Kind, ObjectEvent
from engine.routes import Keys, Route, Routes, read_routes
from signers import Credentials

KEYS = Credentials("id", "secret")
HW, HW2 = (Account(name, "huawei", "cn-north-4", KEYS, {}) for name in ("hw", "hw2"))
ALI = Account("ali", "alibaba", "cn-shanghai", KEYS, {})
ACCOUNTS = [HW, ALI, HW2]

EXAMPLE = """
[[routes]]
name = "photos"
bucket = "camera"
prefix = "in/"
suffix = ".jpg"
events = ["created", "removed"]

[routes.push]
sync_task_id = "4711"

[routes.trigger]
gateway_id = "gw-1"
index_id = "NFSphotos"
strip_prefix = "in/"
trigger_depth = 2

[[routes]]
name = "copy of all"
bucket = "camera"
push = { account = "hw2", sync_task_id = "4712", add_prefix = "camera/" }
"""


def event(key: str, kind: Kind = Kind.CREATED, bucket: str = "camera") -> ObjectEvent:
    return ObjectEvent(bucket, key, kind, "ObjectCreated:Put", "s3")


def read(text: str, accounts: Any = ACCOUNTS, **top: Any) -> Routes:
    return read_routes(tomllib.loads(text)["routes"], accounts, **top)


def test_the_example() -> None:
    routes = read(EXAMPLE)
    made = routes.routed(event("in/2026/05/01/a b+%2F猫.jpg"))
    assert [route.name for route in made.routes] == ["photos", "copy of all"]
    assert made.rows == [
        Push("in/2026/05/01/a b+%2F猫.jpg", "4711", "hw"),
        Trigger("gw-1", "NFSphotos", "/2026/05", "ali"),
        Push("camera/in/2026/05/01/a b+%2F猫.jpg", "4712", "hw2"),
    ]
    assert made.left_out == 0
    assert [type(row) for row in made.rows] == [Push, Trigger, Push]
    assert routes.routed(event("in/a.png")).rows == [Push("camera/in/a.png", "4712", "hw2")]
    assert routes.routed(event("in/a.jpg", bucket="other")) == ([], [], 0)


def test_a_removal_is_no_key_to_push_but_changes_its_directory() -> None:
    made = read(EXAMPLE).routed(event("in/2026/a.jpg", Kind.REMOVED))
    assert made.rows == [Trigger("gw-1", "NFSphotos", "/2026", "ali")]
    assert made.left_out == 2, "both pushes, and the caller says so"


def test_other_events_are_taken_only_where_asked_for() -> None:
    assert read(EXAMPLE).routed(event("in/a.jpg", Kind.OTHER)).routes == []
    asked = read(EXAMPLE.replace('"removed"]', '"removed", "other"]'))
    assert [route.name for route in asked.routed(event("in/a.jpg", Kind.OTHER)).routes] == ["photos"]


@pytest.mark.parametrize(
    ("key", "depth", "path"),
    [
        ("a", None, "/"),
        ("a/b", None, "/a"),
        ("a/b/c/d", None, "/a/b/c"),
        ("a/b/", None, "/a"),
        ("a/", None, "/"),
        ("a/b/c/d", 0, "/"),
        ("a", 0, "/"),
        ("a/b/c/d", 1, "/a"),
        ("a/b/c/d", 2, "/a/b"),
        ("a/b/c/d", 3, "/a/b/c"),
        ("a/b/c/d", 9, "/a/b/c"),
        ("a b/猫+%2F/c", None, "/a b/猫+%2F"),
    ],
)
def test_the_directory_of_a_key(key: str, depth: int | None, path: str) -> None:
    text = EXAMPLE.replace("trigger_depth = 2", "" if depth is None else f"trigger_depth = {depth}")
    made = read(text.replace('suffix = ".jpg"', "")).routed(event(f"in/{key}"))
    assert made.rows[1] == Trigger("gw-1", "NFSphotos", path, "ali")


def test_the_marker_of_the_shares_root_changes_nothing_in_it() -> None:
    made = read(EXAMPLE.replace('suffix = ".jpg"', "")).routed(event("in/"))
    assert [type(row) for row in made.rows] == [Push, Push]
    assert made.left_out == 1


def test_rows_come_once_however_many_routes_lead_there() -> None:
    both = EXAMPLE.split("[[routes]]")[1].replace('suffix = ".jpg"', "").replace("photos", "all")
    made = read(EXAMPLE + "[[routes]]" + both.replace("NFSall", "NFSphotos")).routed(event("in/x/a.jpg"))
    assert len(made.routes) == 3
    assert len(made.rows) == 3


def test_mapped_keys() -> None:
    text = (
        '[[routes]]\nname="r"\nbucket="b"\nprefix="in/x"\npush={sync_task_id="1",strip_prefix="in/",add_prefix="out/"}'
    )
    assert read(text).routed(event("in/xy/z", bucket="b")).rows == [Push("out/xy/z", "1", "hw")]


def test_what_is_read_back_is_what_the_cloud_plans() -> None:
    rows = read(EXAMPLE).routed(event("in/a/b.jpg")).rows
    for cloud, accounts in ((clouds()["huawei"], ["hw", "hw2"]), (clouds()["alibaba"], ["ali"])):
        mine = [row for row in rows if type(row) is cloud.row]
        planned = cloud.plan(mine, accounts, 10)
        assert not planned.rejected
        assert sorted(row for job in planned.jobs for row in cloud.rows(job)) == sorted(mine)


def test_no_route() -> None:
    assert read(EXAMPLE).no_route == "drop"
    assert read(EXAMPLE, no_route="reject").no_route == "reject"
    with pytest.raises(ConfigError, match="no_route is 'ignore'; there is drop, reject"):
        read(EXAMPLE, no_route="ignore")
    assert read_routes([], ACCOUNTS).routed(event("a")) == ([], [], 0)


@pytest.mark.parametrize(
    ("before", "after", "wrong"),
    [
        ('name = "photos"', "", "route 1 has no name"),
        ('name = "photos"', 'name = " "', "route 1 has no name"),
        ('name = "photos"', "name = 7", "route 1 has no name"),
        ('name = "copy of all"', 'name = "photos"', "routes.photos: two routes are called that"),
        ('bucket = "camera"\nprefix', "prefix", "routes.photos.bucket is not set"),
        ('bucket = "camera"\nprefix', "bucket = 7\nprefix", "routes.photos.bucket is 7, not text"),
        ('bucket = "camera"\nprefix', 'bucket = "a\\nb"\nprefix', "routes.photos.bucket is 'a\\nb', not the name of"),
        ('bucket = "camera"\nprefix', f'bucket = "{"b" * 300}"\nprefix', "routes.photos.bucket is 'bbb"),
        ('prefix = "in/"\ns', "prefix = 7\ns", "routes.photos.prefix is 7, not text"),
        ('prefix = "in/"\ns', f'prefix = "{"é" * 513}"\ns', "routes.photos.prefix fits nothing: key 'éé"),
        ('suffix = ".jpg"', f'suffix = "{"s" * 1025}"', "routes.photos.suffix fits nothing: key 'ss"),
        ('add_prefix = "camera/"', f'add_prefix = "{"a" * 1025}"', "routes.copy of all.push.add_prefix: key 'aa"),
        (
            'sync_task_id = "4711"',
            f'sync_task_id = "4711"\nadd_prefix = "{"a" * 1022}"',
            "routes.photos.push.add_prefix: key 'aa",
        ),
        ('prefix = "in/"\ns', 'prefix = "in/../a"\ns', "routes.photos.trigger: path '/..' "),
        ("suffix =", "sufix =", "routes.photos.sufix is not a setting; there is bucket, events, name, prefix, push, s"),
        ('"removed"]', '"deleted"]', "routes.photos.events is ['created', 'deleted']; it must list some of created, r"),
        ('["created", "removed"]', "[]", "routes.photos.events is []"),
        ('["created", "removed"]', '"created"', "routes.photos.events is 'created'"),
        ('["created", "removed"]', "[[]]", "routes.photos.events is [[]]"),
        ('sync_task_id = "4711"', "", "routes.photos.push.sync_task_id is not set"),
        ('sync_task_id = "4711"', "sync_task_id = 4711", "routes.photos.push.sync_task_id is 4711, not text"),
        ('sync_task_id = "4711"', 'sync_task_id = "a b"', "routes.photos.push: sync_task_id 'a b' "),
        ('sync_task_id = "4711"', 'key = "k"', "routes.photos.push.key is not a setting"),
        (
            'sync_task_id = "4711"',
            'sync_task_id = "1"\naccount = "x"',
            "routes.photos.push.account is 'x'; there is hw, hw2",
        ),
        (
            'sync_task_id = "4711"',
            'sync_task_id = "1"\naccount = "ali"',
            "routes.photos.push.account is 'ali'; there is hw",
        ),
        (
            'sync_task_id = "4711"',
            'sync_task_id = "1"\ntrigger_depth = 1',
            "routes.photos.push.trigger_depth is not a s",
        ),
        (
            'sync_task_id = "4711"',
            'sync_task_id = "1"\nstrip_prefix = "x"',
            "routes.photos.push.strip_prefix is not what",
        ),
        ('gateway_id = "gw-1"', "", "routes.photos.trigger.gateway_id is not set"),
        ('gateway_id = "gw-1"', 'gateway_id = "g w"', "routes.photos.trigger: gateway_id 'g w' "),
        ('strip_prefix = "in/"', 'strip_prefix = "in"', "routes.photos.trigger.strip_prefix must end with a slash"),
        (
            'strip_prefix = "in/"',
            'strip_prefix = "in/a/"',
            "routes.photos.trigger.strip_prefix is not what the route's",
        ),
        ('strip_prefix = "in/"', 'add_prefix = "in/"', "routes.photos.trigger.add_prefix is not a setting"),
        ("trigger_depth = 2", "trigger_depth = -1", "routes.photos.trigger.trigger_depth is -1"),
        ("trigger_depth = 2", "trigger_depth = true", "routes.photos.trigger.trigger_depth is True"),
        ("trigger_depth = 2", 'trigger_depth = "2"', "routes.photos.trigger.trigger_depth is '2'"),
        (
            'push = { account = "hw2", sync_task_id = "4712", add_prefix = "camera/" }',
            "",
            "routes.copy of all leads no",
        ),
        ('push = { account = "hw2", sync_task_id = "4712", add_prefix = "camera/" }', "push = 1", "must be a table"),
        (
            'bucket = "camera"\npush',
            'bucket = "camera"\nevents = ["removed"]\npush',
            "routes.copy of all.events are removals alone",
        ),
    ],
)
def test_what_is_wrong_is_named(before: str, after: str, wrong: str) -> None:
    assert EXAMPLE.count(before) == 1
    with pytest.raises(ConfigError) as caught:
        read(EXAMPLE.replace(before, after))
    assert wrong in str(caught.value)


@pytest.mark.parametrize("tables", [None, {}, [1], "routes", {"name": "a"}])
def test_routes_are_tables(tables: object) -> None:
    with pytest.raises(ConfigError, match="routes must be tables"):
        read_routes(tables, ACCOUNTS)


def test_an_account_is_needed() -> None:
    with pytest.raises(ConfigError, match=r"routes\.photos\.trigger needs an account of alibaba, and there is none"):
        read(EXAMPLE, [HW, HW2])


def test_routes_that_repeat_another() -> None:
    push = 'push = {{ account = "{}", sync_task_id = "4712", add_prefix = "camera/" }}'
    again = '[[routes]]\nname = "again"\nbucket = "camera"\n{}\n' + push
    with pytest.raises(ConfigError, match=r"routes\.again repeats routes\.copy of all: created events go one way"):
        read(EXAMPLE + again.format('events = ["created"]', "hw2"))
    for other in (
        again.format('events = ["other"]', "hw2"),
        again.format('prefix = "a"', "hw2"),
        again.format("", "hw"),
    ):
        assert len(read(EXAMPLE + other).routes) == 3


texts = st.text("ab/", max_size=6)
routes = st.builds(
    lambda name, bucket, prefix, suffix, kinds: Route(name, bucket, (), prefix, suffix, kinds),
    st.text(max_size=3),
    st.sampled_from("xy"),
    texts,
    st.text("ab/", max_size=2),
    st.frozensets(st.sampled_from(list(Kind)), min_size=1),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(routes, max_size=30), texts, st.sampled_from(list(Kind)), st.sampled_from("xyz"))
def test_an_event_takes_exactly_the_routes_that_fit(all_: list[Route], key: str, kind: Kind, bucket: str) -> None:
    happened = event(key, kind, bucket)
    fit = [
        route
        for route in all_
        if route.bucket == bucket
        and key.startswith(route.prefix)
        and key.endswith(route.suffix)
        and kind in route.events
    ]
    taken = Routes(all_).taken_by(happened)
    assert sorted(map(id, taken)) == sorted(map(id, fit))
    lengths = [len(route.prefix) for route in taken]
    assert lengths == sorted(lengths, reverse=True)


class Watched(str):
    """A key that counts how often its beginning is looked at."""

    __slots__ = ("looks",)
    looks: int

    def startswith(self, *arguments: Any) -> bool:
        self.looks += 1
        return super().startswith(*arguments)


@pytest.mark.parametrize(
    "name", ["tenant-0500/in/2026/a.jpg", "tenant-0500/out/a.jpg", "zzz", "", "tenant-", "tenant-1/"]
)
def test_a_thousand_routes_are_no_slower_than_a_few(name: str) -> None:
    """What cannot fit is not looked at one by one: 10,000 events/s leave 100 us for each."""
    push = Keys(Push, {"sync_task_id": "1", "account": "hw"})
    prefixes = ["tenant-", *[f"tenant-{number:04}/in/" for number in range(1000)]]
    table = Routes([Route(prefix, "camera", (push,), prefix) for prefix in prefixes])
    key = Watched(name)
    key.looks = 0
    taken = table.taken_by(event(key))
    assert [route.prefix for route in taken] == [each for each in reversed(prefixes) if name.startswith(each)]
    assert key.looks <= 2
