"""Nothing secret is ever seen: in a repr, in a message, whatever a cloud or a stranger answers."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

import engine.clouds.huawei.operations as oms
from engine import Engine, InputError
from engine.clouds.operation import Operation
from engine.errors import ProtocolError, RejectedError
from engine.model import Reply
from tests.clouds.recorder import Recorder, Seen, recording
from tests.clouds.samples import BUCKETS, CDN, SECRETS, TASK, huawei_account

MARKERS = [*SECRETS.values(), "cdn-key-marker"]
CREATE = oms.CreateSyncTask(**BUCKETS, **SECRETS, source_cdn=oms.SourceCdn(**CDN, authentication_key="cdn-key-marker"))
START = oms.StartSyncTask(sync_task_id=TASK, **SECRETS, source_cdn_authentication_key="cdn-key-marker")


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    with recording() as running:
        yield running


def leaked(text: str) -> list[str]:
    return [marker for marker in MARKERS if marker in text]


async def test_a_password_and_its_token_are_not_shown(recorder: Recorder) -> None:
    sign_in = oms.KeystoneCreateUserTokenByPassword("me", "password-marker", "company", "cn-north-4")
    assert "marker" not in f"{sign_in!r} {sign_in.call(huawei_account(recorder.url))!r}"
    answer = Reply(201, {"x-subject-token": "token-marker"}, b'{"token": {"expires_at": "2020-01-04T09:08:49Z"}}')
    issued = sign_in.read(answer)
    assert (issued.token.value, issued.expires_at, issued.project_id) == ("token-marker", 1578128929.0, None)
    assert "marker" not in repr(issued)
    recorder.answer = echo
    async with Engine([huawei_account(recorder.url)], ":memory:") as engine:
        with pytest.raises(RejectedError, match="not so") as failed:
            await engine.do(sign_in)
    assert "password-marker" in recorder.seen[0].body.decode()
    assert "marker" not in "".join(traceback.format_exception(failed.value))


@pytest.mark.parametrize("operation", [CREATE, START])
def test_repr_shows_no_secret(operation: Operation[Any]) -> None:
    assert not leaked(f"{operation!r} {operation}")
    assert sorted(operation.secrets()) == sorted(MARKERS)


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("value", ["", "marker" * 30, 7, None, "\ud800marker"])
def test_a_refused_secret_is_not_shown(name: str, value: Any) -> None:
    for make in (
        lambda: oms.CreateSyncTask(**{**BUCKETS, **SECRETS, name: value}),
        lambda: oms.StartSyncTask(**{"sync_task_id": TASK, **SECRETS, name: value}),
    ):
        with pytest.raises(InputError, match=f"^{name} must|^{name} is") as refused:
            make()
        assert "marker" not in str(refused.value)


def echo(seen: Seen) -> tuple[int, str, bytes]:
    return 400, "application/json", orjson.dumps({"error_code": "OMS.0064", "error_msg": f"not so: {seen.body!r}"})


def echo_in_a_page(seen: Seen) -> tuple[int, str, bytes]:
    return 200, "text/html", b"<p>" + seen.body[-100:]


@pytest.mark.parametrize("operation", [CREATE, START], ids=["create", "start"])
async def test_an_echo_in_a_refusal_is_not_repeated(recorder: Recorder, operation: Operation[Any]) -> None:
    recorder.answer = echo
    async with Engine([huawei_account(recorder.url)], ":memory:") as engine:
        with pytest.raises(RejectedError, match="not so") as failed:
            await engine.do(operation)
    assert leaked(recorder.seen[0].body.decode()) == MARKERS  # there was something to leak
    assert not leaked("".join(traceback.format_exception(failed.value)) + repr(failed.value.args))


async def test_an_echo_in_a_page_is_not_repeated(recorder: Recorder) -> None:
    recorder.answer = echo_in_a_page
    async with Engine([huawei_account(recorder.url)], ":memory:") as engine:
        with pytest.raises(ProtocolError, match="text/html") as failed:
            await engine.do(CREATE)
    assert not leaked("".join(traceback.format_exception(failed.value)) + repr(failed.value.args))
