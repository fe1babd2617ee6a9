"""A pushed message counts only if SMQ signed it, just now, for one of our topics, with the vendor's certificate."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import md5

import pytest

from engine.notifications import NotificationError, UntrustedError, smq_push
from engine.notifications.smq import unwrapped
from engine.notifications.smq_push import certificate_url
from signers.mns import string_to_sign
from tests.notifications.samples import (
    NOW,
    SIMPLIFIED,
    TOPIC,
    json_envelope,
    oss_message,
    push_headers,
    push_request,
    pushed,
    xml_envelope,
)
from tests.notifications.signing import KEY, SIGNER, Signer

GOOD = push_request(xml_envelope(oss_message("k")), push_headers())
SIMPLE = push_request(oss_message("k"), push_headers(**SIMPLIFIED))


def test_the_string_to_sign_of_the_vendors_sample() -> None:
    """help/en/mns: verify HTTP push message signatures."""
    headers = {
        "content-type": "text/xml;charset=utf-8",
        "content-md5": "ZDgxNjY5ZjFlMDQ5MGM0YWMwMWE5ODlmZDVlYmQxYjI=",
        "date": "Wed, 25 May 2016 10:46:14 GMT",
        "host": "example.com",
        "authorization": "Mko2Azg9fhCw8qR6G7AeAFMyzjO9qn7LDA5/t9E+6X5XURXTqBUuhpK+K55UNhrnlE2UdDkRrwDxsaDP5ajQ****",
        "x-mns-version": "2015-06-06",
        "x-mns-request-id": "57458276F0E3D56D7C00054B",
        "x-mns-signing-cert-url": "aHR0cDovL21uc3Rlc3Qub3NzLWNuLWhhbmd6aG91LmFsaXl1bmNzLmNvbS94NTA5X3B1YmxpY19jZXJ0aWZpY2F0ZS5wZW0=",  # noqa: E501
    }
    assert string_to_sign("POST", headers, "/notifications") == (
        "POST\nZDgxNjY5ZjFlMDQ5MGM0YWMwMWE5ODlmZDVlYmQxYjI=\ntext/xml;charset=utf-8\nWed, 25 May 2016 10:46:14 GMT\n"
        "x-mns-request-id:57458276F0E3D56D7C00054B\n"
        f"x-mns-signing-cert-url:{headers['x-mns-signing-cert-url']}\n"
        "x-mns-version:2015-06-06\n/notifications"
    )


@pytest.mark.parametrize("request_", [GOOD, SIMPLE], ids=["envelope", "simplified"])
def test_a_good_request(request_: smq_push.Request) -> None:
    (event,) = pushed(request_)
    assert event.id == "e-1#0"


@pytest.mark.parametrize(
    "spelling",
    [
        lambda body: md5(body, usedforsecurity=False).hexdigest(),
        lambda body: md5(body, usedforsecurity=False).hexdigest().upper(),
        lambda body: b64encode(md5(body, usedforsecurity=False).digest()).decode(),
        lambda body: b64encode(md5(body, usedforsecurity=False).hexdigest().upper().encode()).decode(),
    ],
)
def test_the_digest_in_each_spelling(spelling: object) -> None:
    assert callable(spelling)
    headers = {**GOOD.headers, "content-md5": spelling(GOOD.body)}
    signature = SIGNER.sign(string_to_sign("POST", headers, "/notifications").encode(), "sha1")
    headers["authorization"] = b64encode(signature).decode()
    assert pushed(GOOD._replace(headers=headers))


def test_the_content_type_is_signed_in_lower_case() -> None:
    assert pushed(GOOD._replace(headers={**GOOD.headers, "content-type": "text/xml;charset=UTF-8"}))


@pytest.mark.parametrize("name", ["date", "content-md5", "authorization", "x-mns-signing-cert-url"])
def test_what_a_request_must_have(name: str) -> None:
    headers = {key: value for key, value in GOOD.headers.items() if key != name}
    with pytest.raises(UntrustedError, match=f"there is no {name} header"):
        pushed(GOOD._replace(headers=headers))


@pytest.mark.parametrize(
    "forged",
    [
        GOOD._replace(method="PUT"),
        GOOD._replace(target="/notifications?x=1"),
        GOOD._replace(headers={**GOOD.headers, "x-mns-more": "1"}),
        GOOD._replace(headers={**GOOD.headers, "x-mns-request-id": "57458276F0E3D56D7C00054C"}),
        GOOD._replace(headers={**GOOD.headers, "date": "Fri, 01 May 2026 12:00:01 GMT"}),
        GOOD._replace(headers={**GOOD.headers, "content-type": "text/plain"}),
        GOOD._replace(headers={**GOOD.headers, "authorization": b64encode(b"\0" * 256).decode()}),
        GOOD._replace(headers={**GOOD.headers, "authorization": b64encode(b"\xff" * 256).decode()}),
        SIMPLE._replace(headers={**SIMPLE.headers, "x-mns-topic-owner": "124"}),
    ],
)
def test_whatever_is_signed_cannot_be_changed(forged: smq_push.Request) -> None:
    with pytest.raises(UntrustedError, match="signature is not the vendor's"):
        pushed(forged)


def test_another_body_is_not_what_was_signed() -> None:
    """The signature covers its digest alone."""
    with pytest.raises(UntrustedError, match="content-md5 is not the body's"):
        pushed(GOOD._replace(body=xml_envelope(oss_message("other"))))


def test_another_key_does_not_sign_for_the_vendor() -> None:
    other = Signer()
    text = string_to_sign("POST", GOOD.headers, "/notifications").encode()
    headers = {**GOOD.headers, "authorization": b64encode(other.sign(text, "sha1")).decode()}
    with pytest.raises(UntrustedError, match="signature"):
        pushed(GOOD._replace(headers=headers))


@pytest.mark.parametrize("off_s", [-901, 901, 1e9])
def test_an_old_request_is_a_replay(off_s: float) -> None:
    assert smq_push.events(GOOD, KEY, {TOPIC}, now=NOW + 899)
    with pytest.raises(UntrustedError, match="off our clock"):
        smq_push.events(GOOD, KEY, {TOPIC}, now=NOW + off_s)


@pytest.mark.parametrize("date", ["yesterday", "Fri, 01 May 99999 12:00:00 GMT", "Fri, 32 May 2026 12:00:00 GMT"])
def test_a_date_is_a_time(date: str) -> None:
    with pytest.raises(UntrustedError, match="not a time"):
        pushed(push_request(GOOD.body, push_headers(date=date)))


@pytest.mark.parametrize("topics", [set(), {"123/other"}, {"124/oss-events"}, {"/"}], ids=str)
def test_anybody_can_push_from_a_topic_of_their_own(topics: set[str]) -> None:
    for request in (GOOD, SIMPLE, push_request(json_envelope(oss_message("k")), push_headers())):
        with pytest.raises(UntrustedError, match="not one of ours"):
            smq_push.events(request, KEY, topics, now=NOW)


def test_a_message_that_names_no_topic_is_of_none_of_ours() -> None:
    request = push_request(oss_message("k"), push_headers(**{"x-mns-message-id": "e-1"}))
    with pytest.raises(UntrustedError, match="not one of ours"):
        pushed(request)


@pytest.mark.parametrize(
    "url",
    [
        "https://mnstest.oss-cn-hangzhou.aliyuncs.com/x509_public_certificate.pem",
        "https://mns-cert.oss-cn-shanghai.aliyuncs.com/x509-2.pem",
        "https://mns-cert.oss-ap-southeast-1.aliyuncs.com/x509.pem",
    ],
)
def test_where_the_vendor_keeps_its_certificates(url: str) -> None:
    assert certificate_url({"x-mns-signing-cert-url": b64encode(url.encode()).decode()}) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://mnstest.oss-cn-hangzhou.aliyuncs.com/x509_public_certificate.pem",
        "https://mnstest.oss-cn-shanghai.aliyuncs.com/x509.pem",
        "https://mnstest.oss-cn-hangzhou.aliyuncs.com.evil.example/x509.pem",
        "https://evil.oss-cn-hangzhou.aliyuncs.com/x509.pem",
        "https://mns-cert.oss-cn-hangzhou.aliyuncs.com@evil.example/x509.pem",
        "https://mns-cert.oss-cn-hangzhou.aliyuncs.com:8443/x509.pem",
        "https://mns-cert.oss-cn-hangzhou.aliyuncs.com/../x509.pem",
        "https://mns-cert.oss-cn-hangzhou.aliyuncs.com/x509.pem?x-oss-process=style",
        "https://mns-cert.oss-cn-hangzhou.aliyuncs.com/x509.pem#",
        "https://mns-cert.oss-cn-hangzhou.aliyuncs.com/x509.pem\n",
        "https://mns-certXoss-cn-hangzhou.aliyuncs.com/x509.pem",
        "https://169.254.169.254/x509.pem",
        "",
    ],
)
def test_where_it_keeps_none(url: str) -> None:
    headers = {**GOOD.headers, "x-mns-signing-cert-url": b64encode(url.encode()).decode()}
    with pytest.raises(UntrustedError):
        certificate_url(headers)
    with pytest.raises(UntrustedError, match="signing-cert-url"):
        pushed(push_request(GOOD.body, headers))


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        (b"", "not valid JSON"),
        (b"*", "not valid base64"),
        (b"<a", "cannot be read as XML: it is not well-formed"),
        (b"<a/>", "the envelope has no Message"),
        (b"<Notification><Message>e30=</Message></Notification>", "MessageId is None"),
        (b'{"Message": 7, "MessageId": "e"}', "Message is not text"),
        (b'{"Message": "{}", "MessageId": "e"}', "no list 'events'"),
        (b'{"events": []}', "x-mns-message-id is ''"),
    ],
)
def test_bad_messages(body: bytes, wrong: str) -> None:
    with pytest.raises(NotificationError, match=re.escape(wrong)):
        unwrapped(body).events()


@pytest.mark.parametrize("body", [b"<a>" * 20 + b"</a>" * 20, b"<a>" + b"<b/>" * 20_000 + b"</a>"])
def test_a_message_has_few_elements(body: bytes) -> None:
    """A body of 1 MiB could hold a quarter of a million, each a hundred times as large in memory."""
    with pytest.raises(NotificationError, match="more elements than any message has"):
        unwrapped(body, "id")


def test_entities_are_not_expanded() -> None:
    """The laughs of a billion, and a file's content."""
    laughs = b'<!DOCTYPE n [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><Notification><Message>&b;</Message></Notification>'
    outside = b'<!DOCTYPE n SYSTEM "file:///etc/passwd"><n/>'
    for body in (laughs, outside):
        with pytest.raises(NotificationError, match="it declares a document type"):
            unwrapped(body, "id")
    with pytest.raises(NotificationError, match="undefined entity"):
        unwrapped(b"<n>&a;</n>", "id")
