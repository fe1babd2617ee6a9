"""What SMN pushes counts only if its pinned key signed it, for one of our topics, of late."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.notifications import NotificationError, UntrustedError, public_key, smn
from tests.notifications.samples import NOW, URN, s3_document, smn_message, smn_signed
from tests.notifications.signing import KEY, Signer

MESSAGE = smn_message(s3_document("a b", "c", store="obs"))


def read(body: bytes, now: float = NOW) -> smn.Pushed:
    return smn.pushed(body, KEY, {URN}, now=now)


def test_the_string_to_sign_of_the_vendors_sample() -> None:
    """usermanual-smn/smn_ug_a9003: a name and its value take a line each."""
    fields = {
        "type": "Notification",
        "topic_urn": "urn:smn:regionId:74dc9e44d0cc4573adfce91cdfdd3ba9:xxxx",
        "message_id": "88c726942175432bac921eafd0036163",
        "subject": "demo",
        "timestamp": "2016-08-15T07:29:16Z",
        "message": "My test message",
    }
    lines = (
        "message\nMy test message\nmessage_id\n88c726942175432bac921eafd0036163\nsubject\ndemo\n"
        "timestamp\n2016-08-15T07:29:16Z\ntopic_urn\nurn:smn:regionId:74dc9e44d0cc4573adfce91cdfdd3ba9:xxxx\n"
        "type\nNotification\n"
    )
    assert smn.string_to_sign(fields) == lines
    for empty in ({**fields, "subject": ""}, {name: value for name, value in fields.items() if name != "subject"}):
        assert smn.string_to_sign(empty) == lines.replace("subject\ndemo\n", "")
    confirmation = {**fields, "type": "SubscriptionConfirmation", "subscribe_url": "https://x/y"}
    assert smn.string_to_sign(confirmation) == (
        lines.replace("subject\ndemo\n", "subscribe_url\nhttps://x/y\n").replace(
            "type\nNotification", "type\nSubscriptionConfirmation"
        )
    )


@pytest.mark.parametrize("subject", [None, "OBS event", "two\nlines"])
def test_a_notification(subject: str | None) -> None:
    fields = {**MESSAGE, **({} if subject is None else {"subject": subject})}
    found = read(smn_signed(fields))
    assert isinstance(found, smn.Notification)
    assert [(event.key, event.id, event.source) for event in found.events] == [
        ("a b", "e-1#0", "obs"),
        ("c", "e-1#1", "obs"),
    ]


def test_an_empty_subject_is_not_signed() -> None:
    body = json.loads(smn_signed(MESSAGE))
    for subject in ("", None):
        assert read(json.dumps({**body, "subject": subject}).encode()) == read(smn_signed(MESSAGE))


@pytest.mark.parametrize("kind", ["SubscriptionConfirmation", "UnsubscribeConfirmation"])
def test_subscriptions(kind: str) -> None:
    found = read(smn_signed(smn_message("You are invited", kind)))
    assert type(found) is (smn.Confirmation if kind == "SubscriptionConfirmation" else smn.Unsubscribed)
    assert (found.topic_urn, found.subscribe_url) == (URN, "https://console.huaweicloud.com/smn/subscription/x?t=1")


@pytest.mark.parametrize(
    "url",
    [
        "https://smn.cn-north-4.myhuaweicloud.com/smn/subscription/confirm?token=0",
        "https://sa-brazil-1-console.huaweicloud.com/smn/subscription/confirm?token=0&topic_urn=urn:smn:x",
        "https://console.huaweicloud.com/smn/subscription/confirm",
    ],
)
def test_where_subscriptions_are_confirmed(url: str) -> None:
    found = read(smn_signed(smn_message("", "SubscriptionConfirmation", subscribe_url=url)))
    assert isinstance(found, smn.Confirmation)


@pytest.mark.parametrize(
    "url",
    [
        "http://console.huaweicloud.com/smn/subscription/confirm",
        "https://bucket.obs.cn-north-4.myhuaweicloud.com/smn/subscription/confirm",
        "https://console.huaweicloud.com.evil.example/smn",
        "https://evilconsole.huaweicloud.com/smn",
        "https://console.huaweicloud.com@169.254.169.254/smn",
        "https://console.huaweicloud.com:8443/smn",
        "https://169.254.169.254/latest/meta-data",
        "https://smn.cn-north-4.myhuaweicloud.com",
    ],
)
def test_where_they_are_not(url: str) -> None:
    """Even where the signature is right: the URL may lead inside."""
    with pytest.raises(UntrustedError, match="confirms nothing"):
        read(smn_signed(smn_message("", "SubscriptionConfirmation", subscribe_url=url)))


@pytest.mark.parametrize(
    "name", ["message", "message_id", "timestamp", "topic_urn", "subject", "subscribe_url", "type"]
)
def test_whatever_is_signed_cannot_be_changed(name: str) -> None:
    for fields in ({**MESSAGE, "subject": "s"}, smn_message("x", "SubscriptionConfirmation")):
        if name not in fields:
            continue
        other = "UnsubscribeConfirmation" if name == "type" and fields["type"] != "Notification" else fields[name] + "x"
        with pytest.raises(NotificationError) as caught:
            read(json.dumps({**json.loads(smn_signed(fields)), name: other}).encode())
        assert name == "type" or "signature is not the vendor's" in str(caught.value)


def test_another_key_does_not_sign_for_the_vendor() -> None:
    with pytest.raises(UntrustedError, match="signature"):
        smn.pushed(smn_signed(MESSAGE), public_key(Signer().pem), {URN}, now=NOW)


def test_the_certificate_that_a_message_names_means_nothing() -> None:
    body = json.loads(smn_signed(MESSAGE))
    found = read(json.dumps({**body, "signing_cert_url": "https://evil.example/x.pem"}).encode())
    assert isinstance(found, smn.Notification)


def test_anybody_can_publish_to_a_topic_of_their_own() -> None:
    with pytest.raises(UntrustedError, match="not one of ours"):
        read(smn_signed({**MESSAGE, "topic_urn": URN + "2"}))
    with pytest.raises(UntrustedError, match="not one of ours"):
        smn.pushed(smn_signed(MESSAGE), KEY, (), now=NOW)


@pytest.mark.parametrize("off_s", [-901, 24 * 3600 + 1])
def test_an_old_message_is_a_replay(off_s: float) -> None:
    assert isinstance(read(smn_signed(MESSAGE), NOW + 24 * 3600 - 1), smn.Notification)
    with pytest.raises(UntrustedError, match="too far from now"):
        read(smn_signed(MESSAGE), NOW + off_s)
    with pytest.raises(UntrustedError, match="too far from now"):
        read(smn_signed({**MESSAGE, "timestamp": "today"}))


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"type": "Other"}, "type is 'Other'; there is Notification, "),
        ({"type": None}, "type is None"),
        ({"type": ["Notification"]}, "type is a list"),
        ({"signature_version": "v2"}, "signature_version is 'v2'"),
        ({"signature": None}, "signature is None"),
        ({"signature": "*"}, "signature is not valid base64"),
        ({"message": None}, "message is None"),
        ({"message_id": ""}, "message_id is ''"),
        ({"message_id": "a\nsubject\nb"}, "message_id is 'a"),
        ({"topic_urn": 7}, "topic_urn is 7"),
        ({"subject": {}}, "subject is a dict"),
    ],
)
def test_bad_messages(change: dict[str, Any], wrong: str) -> None:
    body = {**json.loads(smn_signed(MESSAGE)), **change}
    with pytest.raises(NotificationError) as caught:
        read(json.dumps(body).encode())
    assert wrong in str(caught.value)


@pytest.mark.parametrize("name", ["message_id", "timestamp", "topic_urn", "subscribe_url"])
def test_a_line_end_cannot_move_the_border_between_fields(name: str) -> None:
    """Or two messages had one string to sign."""
    fields = smn_message("", "SubscriptionConfirmation")
    moved = fields[name] + "\ntimestamp\n2026-05-01T12:00:00Z"
    with pytest.raises(NotificationError, match=f"{name} is '.*, not a line of text"):
        smn.pushed(smn_signed({**fields, name: moved}), KEY, {URN, moved}, now=NOW)
