"""What the readers of lines, OSS events, CloudEvents and S3-style records make of good and bad documents."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest

from engine.notifications import Kind, NotificationError, cloudevents, lines, oss, records
from engine.notifications.event import kind_of
from engine.notifications.payload import instant
from tests.notifications.samples import NOW, cloud_event, line, oss_record, s3_document

# name -> kind; "-" is not about an object
NAMES = """
created ObjectCreated:PutObject ObjectCreated:PostObject ObjectCreated:CopyObject ObjectCreated:AppendObject
created ObjectCreated:CompleteMultipartUpload ObjectCreated:PutSymlink oss:ObjectCreated:PutObject
created ObjectCreated:Put ObjectCreated:Post ObjectCreated:Copy s3:ObjectCreated:Put
created ObjectReplication:ObjectCreated ObjectReplication:ObjectModified oss:ObjectReplication:ObjectCreated
removed ObjectRemoved:DeleteObject ObjectRemoved:DeleteObjects oss:ObjectRemoved:DeleteObject
removed ObjectRemoved:Delete ObjectRemoved:DeleteMarkerCreated s3:ObjectRemoved:Delete
removed ObjectReplication:ObjectRemoved LifecycleExpiration:Delete LifecycleExpiration:DeleteMarkerCreated
removed s3:ObjectLifecycle:Expiration:Current
other   ObjectCreated:InitiateMultipartUpload ObjectCreated:UploadPart ObjectCreated:UploadPartCopy
other   ObjectRemoved:AbortMultipartUpload oss:ObjectRemoved:AbortMultipartUpload ObjectModified:UpdateObjectMeta
other   ObjectRestore:FinishRestore ObjectDownloaded:GetObject ObjectTagging:Put ObjectAccessed:Head
-       BucketCreated:PutBucket oss:BucketRemoved:DeleteBucket oss:CloudMonitor:BucketEgressBandwidth
-       oss:ActionTrail:ApiCall ReducedRedundancyLostObject Replication:OperationFailedReplication created
"""


@pytest.mark.parametrize(
    ("kind", "name"), [(row.split()[0], name) for row in NAMES.split("\n") for name in row.split()[1:]]
)
def test_what_an_event_does(kind: str, name: str) -> None:
    assert kind_of(name) == (None if kind == "-" else Kind(kind))


def test_lines_are_read_in_order_and_empty_ones_skipped() -> None:
    body = b"\n" + line("a") + b"\r\n\n  \n" + line("b", op="removed", id=None) + b"\n" + line("c", op="other")
    events = lines.events(body)
    assert [(event.key, event.kind, event.id) for event in events] == [
        ("a", Kind.CREATED, "e-1"),
        ("b", Kind.REMOVED, ""),
        ("c", Kind.OTHER, "e-1"),
    ]
    assert lines.events(b"") == []
    full = line("a", time="2026-05-01T12:00:00Z", size=7, etag="e", version="v", sequencer="0A")
    assert lines.event(full)[6:] == (NOW, 7, "e", "v", "0A")


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (b'{"bucket":"b"}', "key is None"),
        (b'{"key":"k"}', "bucket is None"),
        (b'{"bucket":"","key":"k"}', "bucket is ''"),
        (b'{"bucket":"b\\n","key":"k"}', "bucket is 'b"),
        (b'{"bucket":"b","key":7}', "key is 7"),
        (b'{"bucket":"b","key":"k","op":"touched"}', "op is 'touched'; there is created, removed, other"),
        (b'{"bucket":"b","key":"k","op":["created"]}', "op is a list"),
        (b'{"bucket":"b","key":"k","id":""}', "id is ''"),
        (b'{"bucket":"b","key":"k","id":7}', "id is 7"),
        (b'{"bucket":"b","key":"k","id":"' + b"x" * 257 + b'"}', "id is 'xxx"),
        (b'{"bucket":"b","key":"k","id":"a\\nb"}', "id is 'a"),
        (b'{"bucket":"b","key":"k","key":"l"}', "the line has a name twice in one object"),
        (b'{"bucket":"b","key":"k","etag":{"a":1,"b":2,"\\u0061":3}}', "the line has a name twice in one object"),
        (b'{"bucket":"b","key":"k","object":"x"}', "unknown field 'object'; there is bucket, "),
        (b'{"bucket":"b","key":"\\ud800"}', "not valid JSON at character"),
        (b'{"bucket":"b","key":"\xff"}', "not valid JSON at character"),
        (b'["b","k"]', "the line is a list, not a JSON object"),
        (b'{"bucket":"b","key":"k"', "not valid JSON"),
    ],
)
def test_a_bad_line_is_named_and_none_is_taken(text: bytes, wrong: str) -> None:
    with pytest.raises(NotificationError, match=r"^line 3: ") as caught:
        lines.events(line("a") + b"\n\n" + text + b"\n" + line("b"))
    assert wrong in str(caught.value)


@pytest.mark.parametrize("key", ["a:b", 'a":"b', '":', "\\", '\\":', "a\tb", '{"bucket":"b"}', "key", "\u2028:"])
def test_a_colon_in_a_key_makes_no_name(key: str) -> None:
    """However the line is written."""
    for separators in ((",", ":"), (", ", " : ")):
        for ascii_only in (True, False):
            text = json.dumps(
                {"bucket": "b", "key": key, "etag": {"key": ["key:"]}}, ensure_ascii=ascii_only, separators=separators
            )
            assert lines.event(text.encode()).key == key
            doubled = text[:-1] + separators[0] + '"key"' + separators[1] + '"x"}'
            with pytest.raises(NotificationError, match="a name twice"):
                lines.event(doubled.encode())


def test_events_of_one_message_have_ids_of_their_own() -> None:
    body = json.dumps({"events": [oss_record("a"), oss_record("a"), oss_record("b")]}).encode()
    assert [event.id for event in oss.events(body, "m")] == ["m#0", "m#1", "m#2"]
    assert [event.id for event in records.events(s3_document("a", "b"), "m")] == ["m#0", "m#1"]


def test_events_without_a_message_are_told_apart_by_their_requests() -> None:
    """One request may remove many objects; two rules may tell of one change."""
    first, second, again = records.events(s3_document("a", "b", "a"))
    assert first.id == again.id != second.id
    (other,) = records.events(s3_document("a", name="ObjectRemoved:Delete"))
    assert other.id not in {first.id, second.id, ""}
    (nameless,) = records.events(s3_document("a").replace("x-amz-request-id", "x"))
    assert nameless.id == ""


def test_what_is_not_about_an_object_is_left_out() -> None:
    bucket = {"eventName": "BucketCreated:PutBucket", "oss": {"bucket": {"name": "b"}}}
    assert [event.key for event in oss.events(json.dumps({"events": [bucket, oss_record("a")]}).encode(), "m")] == ["a"]
    assert oss.events(b'{"events":[]}', "m") == []
    assert records.events(b'{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"b"}') == []
    alarm = cloud_event("a", type="oss:CloudMonitor:BucketEgressBandwidth", data={"anything": 1})
    other = cloud_event("a", type="ecs:Instance:StateChange", data=None)
    assert cloudevents.events({}, json.dumps([alarm, other]).encode()) == []


@pytest.mark.parametrize(
    ("document", "wrong"),
    [
        ({}, "has no list 'events'"),
        ({"events": {}}, "has no list 'events'"),
        ({"events": [7]}, "an event is 7, not an object"),
        ({"events": [{}]}, "has no eventName"),
        ({"events": [{"eventName": "ObjectCreated:PutObject"}]}, "ObjectCreated:PutObject has no object 'oss'"),
        ({"events": [{"eventName": "ObjectCreated:PutObject", "oss": {"object": {"key": "k"}}}]}, "no object 'bucket'"),
        (
            {"events": [{"eventName": "ObjectCreated:PutObject", "oss": {"bucket": {"name": "b"}}}]},
            "no object 'object'",
        ),
    ],
)
def test_bad_oss_documents(document: Any, wrong: str) -> None:
    with pytest.raises(NotificationError, match=wrong):
        oss.events(json.dumps(document).encode(), "m")


@pytest.mark.parametrize(
    ("document", "wrong"),
    [
        ({}, "has no list 'Records'"),
        ({"Records": [None]}, "a record is None"),
        ({"Records": [{}]}, "has no eventName"),
        ({"Records": [{"eventName": "ObjectCreated:Put"}]}, "has no object 's3'"),
        ({"Records": [{"eventName": "ObjectCreated:Put", "obs": 1}]}, "has no object 'obs'"),
    ],
)
def test_bad_records(document: Any, wrong: str) -> None:
    with pytest.raises(NotificationError, match=wrong):
        records.events(json.dumps(document))


@pytest.mark.parametrize("key", ["100%", "a%2", "%zz", "%FF", "%C3"])
def test_a_key_that_is_not_encoded_is_in_doubt(key: str) -> None:
    """Whoever does not encode a percent sign does not mean a space by a plus."""
    with pytest.raises(NotificationError, match="not URL-encoded"):
        records.events(s3_document("KEY").replace("KEY", key))


def test_cloud_events() -> None:
    event = cloud_event("a")
    encoded = cloud_event("b", data=None, data_base64=b64encode(json.dumps(oss_record("b")).encode()).decode())
    text = cloud_event("c", data=json.dumps(oss_record("c")))
    bare = cloud_event("d", data={"oss": oss_record("d")["oss"]})
    found = cloudevents.events({}, json.dumps([event, encoded, text, bare]).encode())
    assert [each.key for each in found] == ["a", "b", "c", "d"]
    assert {each.id for each in found} == {"acs.oss e-1"}
    assert {each.name for each in found} == {"ObjectCreated:PutObject"}
    assert {each.at for each in found} == {NOW}


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"specversion": None}, "specversion is None, not 1.0: is the complete event pushed?"),
        ({"specversion": "0.3"}, "not 1.0"),
        ({"id": ""}, "id is ''"),
        ({"source": None}, "source is None"),
        ({"data": None}, "an event is None"),
        ({"data": None, "data_base64": "*"}, "data_base64 is not valid base64"),
        ({"data": "{"}, "the data is not valid JSON"),
    ],
)
def test_bad_cloud_events(change: dict[str, Any], wrong: str) -> None:
    with pytest.raises(NotificationError, match=wrong.replace("?", r"\?")):
        cloudevents.events({}, json.dumps(cloud_event("a", **change)).encode())


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-05-01T12:00:00Z", 0),
        ("2026-05-01T12:00:00.5Z", 0.5),
        ("2026-05-01T12:00:00.123456789Z", 0.123456),
        ("2026-05-01 12:00:00.000000 UTC", 0),
        ("2026-05-01T20:00:00+08:00", 0),
        ("2026-05-01T20:00:00.000+0800[Asia/Shanghai]", 0),
        ("2026-05-01T07:30:00-04:30", 0),
    ],
)
def test_times(text: str, seconds: float) -> None:
    assert instant(text) == pytest.approx(NOW + seconds)


@pytest.mark.parametrize(
    "text",
    ["", "2026-05-01", "2026-05-01T12:00:00", "2026-05-01T12:00:00 Asia/Shanghai", "2026-13-01T12:00:00Z", 7, None],
)
def test_what_is_no_time_is_none(text: object) -> None:
    assert instant(text) is None
