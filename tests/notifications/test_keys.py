"""A key is decoded exactly once, in every format: whatever it is, it comes out as it is in the store."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.clouds import clouds
from engine.clouds.huawei import Push
from engine.notifications import Kind, NotificationError
from tests.notifications.samples import FORMATS, NOW, Format

KEYS = {
    "plain": "a/b.jpg",
    "plus": "a+b",
    "encoded plus": "a%2Bb",
    "twice encoded slash": "a%252Fb",
    "encoded slash": "a%2Fb",
    "percent": "100%",
    "percent and more": "%zz%4",
    "space": "a b",
    "spaces around": " a ",
    "CJK": "照片/貓.jpg",
    "emoji": "🐈‍⬛/👍🏽",
    "composed": "é",
    "decomposed": "e\u0301",
    "control characters": "a\x01\t\n\r\x1f\x7fb",
    "line separators": "a\x85\u2028\u2029b",
    "markup": "<a>&amp;]]></a>",
    "quotes": "'\"\\",
    "slashes": "/a//b/",
    "dots": "./../a",
    "base64": "eyJldmVudHMiOltdfQ==",
    "long": "é" * 512,
    "directory": "a/b/",
    "byte order mark": "\ufeffa",
}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_a_key_comes_out_as_it_is(form: Format, key: str) -> None:
    (event,) = form.read(form.written(key))
    assert event.key == key
    assert (event.bucket, event.kind, event.source) == ("b", Kind.CREATED, form.source)


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(key=st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=256))
def test_any_key_comes_out_as_it_is(form: Format, key: str) -> None:
    (event,) = form.read(form.written(key))
    assert event.key == key


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_a_key_goes_out_encoded_once(key: str) -> None:
    """From an S3-style event into the body that is sent."""
    (event,) = FORMATS[1].read(FORMATS[1].written(key))
    (job,) = clouds()["huawei"].plan([Push(event.key, "1")], ["a"], 10).jobs
    assert job.payload == b'{"object_keys":["' + quote(key, safe="").encode() + b'"]}'


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_everything_else_that_is_told(form: Format) -> None:
    (event,) = form.read(form.written("k"))
    assert event.id
    assert form.read(form.written("k"))[0].id == event.id, "delivered again, it has the same id"
    if event.source != "lines":
        assert event.at == NOW
        assert (event.size_bytes, event.etag, event.version) == (7, "0A", "")
        assert event.name == ("ObjectCreated:PutObject" if event.source == "oss" else "ObjectCreated:Put")
    assert event.sequencer == ("00A" if event.source in {"s3", "obs"} else "")


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
@pytest.mark.parametrize("key", ["", "a\0b", "é" * 513], ids=["empty", "NUL", "long"])
def test_what_no_object_is_called(form: Format, key: str) -> None:
    with pytest.raises(NotificationError, match="key"):
        form.read(form.written(key))
