"""The law of every reader: any status, headers and bytes give a value or a `CallError`, nothing else.

And a value is what its type says: an id that is there is an id.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from types import NoneType
from typing import Any, get_args, get_type_hints

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.clouds import clouds
from engine.clouds.alibaba.sgw import Listing
from engine.clouds.operation import Untyped
from engine.errors import CallError, ConfigError
from engine.model import Account, Call, Reply
from signers import Credentials
from tests.clouds.samples import OMS, SGW, Oms, Sgw, name_of
from tests.json_paths import paths, replaced

SAMPLES: list[Sgw | Oms] = [*SGW, *OMS]
ACCOUNT = Account("a", "huawei", "cn-north-4", Credentials("k", "s"), {"oms": "https://x", "iam": "https://x"})
ENVELOPE = {"Success": True, "Code": "200", "RequestId": "R-1"}

# Another way to run a reader: the engine's own, and the untyped operation's.
READERS: Mapping[str, tuple[str, Callable[[Reply], Any]]] = {
    "started": ("alibaba", clouds()["alibaba"].started),
    "polled": ("alibaba", clouds()["alibaba"].polled),
    "inspected": ("huawei", clouds()["huawei"].inspected),
    "looked_up": ("huawei", lambda reply: clouds()["huawei"].looked_up(ACCOUNT, reply)),
    "untyped alibaba": ("alibaba", Untyped("alibaba", "x").read),
    "untyped huawei": ("huawei", Untyped("huawei", "x").read),
    **{name_of(sample): (sample.operation.cloud, sample.operation.read) for sample in SAMPLES},
}

TOKEN = {"x-subject-token": "a-token"}  # where the body only tells of what the header holds

NASTY: list[Any] = [
    *("", "\n", "x" * 257, "ok", "\x00", "200", "١", "task.state.FAILED", "STOPPED"),
    *(None, True, 0, -1, 10**400, math.nan, math.inf, [], {}, [None], [{}]),
]
nasty = st.sampled_from(NASTY)
scalars = st.one_of(nasty, st.integers(), st.floats(), st.text())
lists_and_objects = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)
junk = nasty | lists_and_objects
statuses = st.sampled_from([200, 201, 204, 301, 400, 401, 403, 404, 429, 500, 503]) | st.integers(-1, 999)
headers = st.dictionaries(
    st.sampled_from(["content-type", "retry-after", "x-acs-retry-after", "x-request-id"]),
    st.sampled_from(["application/json", "application/json; charset=utf-8", "text/html", "", "5", "9" * 40, "-1", "٣"])
    | st.text(),
)


def encoded(value: Any) -> bytes:
    """JSON as a careless server writes it: NaN and huge integers too."""
    if isinstance(value, dict):
        return b"{" + b",".join(encoded(str(name)) + b":" + encoded(inner) for name, inner in value.items()) + b"}"
    if isinstance(value, list):
        return b"[" + b",".join(encoded(inner) for inner in value) + b"]"
    if isinstance(value, float) and not math.isfinite(value):
        return b"NaN" if math.isnan(value) else b"1e999"
    if isinstance(value, int) and not isinstance(value, bool):
        return hex(value).encode() if abs(value) >= 10**300 else str(value).encode()
    try:
        return orjson.dumps(value)
    except TypeError:  # a lone surrogate
        return b'"\\ud800"'


def holds(value: Any, hint: Any) -> bool:
    """Whether a value is what a field's type promises."""
    if NoneType in get_args(hint):
        (hint,) = (each for each in get_args(hint) if each is not NoneType)
        if value is None:
            return True
        return isinstance(value, hint) and (hint is not int or not isinstance(value, bool))
    if hint is str:
        return isinstance(value, str) and 0 < len(value) <= 256 and value.isprintable()
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return True


def sound(answer: Any) -> bool:
    if isinstance(answer, tuple):
        return all(sound(each) for each in answer)
    if not is_dataclass(answer) or isinstance(answer, type):
        return True
    hints = get_type_hints(type(answer))
    inner = [(getattr(answer, field.name), hints[field.name]) for field in fields(answer)]
    return all(holds(value, hint) and sound(value) for value, hint in inner)


def keeps_the_law(name: str, reply: Reply) -> None:
    cloud, read = READERS[name]
    allowed = (CallError, ConfigError) if name == "looked_up" else (CallError,)
    try:
        clouds()[cloud].check(Call(name), reply)
        answer = read(reply)
    except allowed as error:
        str(error)
    else:
        assert 200 <= reply.status < 300
        assert sound(answer)


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=50, deadline=None)
@given(status=statuses, headers=headers, body=st.binary())
def test_any_bytes(name: str, status: int, headers: dict[str, str], body: bytes) -> None:
    keeps_the_law(name, Reply(status, headers, body))


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=50, deadline=None)
@given(status=statuses, headers=headers, value=junk)
def test_any_json(name: str, status: int, headers: dict[str, str], value: Any) -> None:
    keeps_the_law(name, Reply(status, headers, encoded(value)))


def good_headers(sample: Sgw | Oms) -> dict[str, str]:
    return {"content-type": "application/json", **(sample.answer_headers if isinstance(sample, Oms) else {})}


@pytest.mark.parametrize("sample", SAMPLES, ids=name_of)
@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_good_answers_with_junk_in_them(sample: Sgw | Oms, data: st.DataObject) -> None:
    good = {**ENVELOPE, **(sample.answer or {})}
    path = data.draw(st.sampled_from(paths(good)))
    reply = Reply(200, good_headers(sample), encoded(replaced(good, path, data.draw(junk))))
    for name in [name_of(sample), "started", "polled", "inspected", "looked_up"]:
        if READERS[name][0] == sample.operation.cloud:
            keeps_the_law(name, reply)


@pytest.mark.parametrize("sample", SAMPLES, ids=name_of)
def test_good_answers_are_read(sample: Sgw | Oms) -> None:
    """Or the law would be kept by refusing everything."""
    body = b"" if sample.answer is None else orjson.dumps({**ENVELOPE, **sample.answer})
    reply = Reply(200, good_headers(sample), body)
    clouds()[sample.operation.cloud].check(Call("x"), reply)
    answer = sample.operation.read(reply)
    assert sound(answer)
    assert answer is None if sample.answer is None else answer
    if isinstance(answer, Listing):
        assert len(answer.items) == 1
        assert answer.request_id == "R-1"


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("depth", [900, 1_000, 200_000])
def test_nested_too_deeply(name: str, depth: int) -> None:
    nest = b"[" * depth + b"]" * depth
    keeps_the_law(name, Reply(200, {}, nest))
    names = (b"TaskId", b"Tasks", b"ExpressSyncId", b"sync_task_id", b"tasks", b"projects", b"token", b"Code", b"error")
    for field in names:
        keeps_the_law(name, Reply(200, TOKEN, b'{"Success":true,"' + field + b'":' + nest + b"}"))
        keeps_the_law(name, Reply(400, {}, b'{"' + field + b'":' + nest + b"}"))
    keeps_the_law(name, Reply(200, TOKEN, b'{"token":{"expires_at":' + nest + b"}}"))
    for parents, child in ((b"Tasks", b"SimpleTask"), (b"Shares", b"Share"), (b"Regions", b"Region")):
        keeps_the_law(name, Reply(200, {}, b'{"Success":true,"' + parents + b'":{"' + child + b'":' + nest + b"}}"))
