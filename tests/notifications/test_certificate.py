"""RSA signatures: an independent implementation makes them, and every way to be nearly right is wrong."""

from __future__ import annotations

from base64 import b64encode
from binascii import a2b_base64
from hashlib import sha1, sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.notifications import NotificationError, PublicKey, public_key
from tests.notifications.signing import KEY, SIGNER, Signer, elliptic_certificate

PREFIXES = {
    "sha1": bytes.fromhex("3021300906052b0e03021a05000414"),
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
}

# Made with `openssl req -x509 -newkey rsa:512` and `openssl dgst -sha1 -sign`: SMQ's own key is as short.
SHORT_PEM = b"""-----BEGIN CERTIFICATE-----
MIIBdzCCASGgAwIBAgIUX/pUH+BraVFbuPoNKOJbTxCEbPUwDQYJKoZIhvcNAQEL
BQAwEDEOMAwGA1UEAwwFc2hvcnQwHhcNMjYxMTIxMTIxMzMyWhcNMzYxMTE4MTIx
MzMyWjAQMQ4wDAYDVQQDDAVzaG9ydDBcMA0GCSqGSIb3DQEBAQUAA0sAMEgCQQCi
qOLQs1/gc+TcKKDdUhx2KVzmsc1Hp2ekJKrbAL7OyS1Ty6HrOOs0RW5Bop+NucT5
fqfrgDw4dd+wVN0//lojAgMBAAGjUzBRMB0GA1UdDgQWBBQar0yWTXhfbUAIGD0j
WPQAZIewQjAfBgNVHSMEGDAWgBQar0yWTXhfbUAIGD0jWPQAZIewQjAPBgNVHRMB
Af8EBTADAQH/MA0GCSqGSIb3DQEBCwUAA0EAB4VVs4BRylLq/VrhH45UfSRp8n7x
vz0O95IKZilVkDTNtXbagghK0ZVvPQ8+2s6ReTOzJnrJvS8JRtzb/gIKwg==
-----END CERTIFICATE-----"""
DER = a2b_base64(SIGNER.pem.split(b"-----")[2])
SHORT_SIGNATURE = bytes.fromhex(
    "2f0b3e8d6406e4a2b52c7120ccbc2a1f5a2ed79d33d79223fc439a2418fc0f82f6efffd992cd9fb463917ca4a15abf3ea3e3886f18218114343d4f90f74a4627"
)


@pytest.mark.parametrize("digest", ["sha1", "sha256"])
@settings(max_examples=30, deadline=None)
@given(message=st.binary(max_size=200), other=st.binary(max_size=200))
def test_what_the_key_signed(digest: str, message: bytes, other: bytes) -> None:
    signature = SIGNER.sign(message, digest)
    assert KEY.signed(message, signature, digest)
    assert KEY.signed(other, signature, digest) == (other == message)
    assert not KEY.signed(message, signature, "sha1" if digest == "sha256" else "sha256")


@settings(max_examples=60, deadline=None)
@given(at=st.integers(0, 2047))
def test_no_bit_of_a_signature_can_change(at: int) -> None:
    signature = int.from_bytes(SIGNER.sign(b"x", "sha256")) ^ (1 << at)
    assert not KEY.signed(b"x", signature.to_bytes(256), "sha256")


def test_a_signature_has_one_form() -> None:
    signature = SIGNER.sign(b"x", "sha256")
    number = int.from_bytes(signature)
    assert KEY.signed(b"x", signature, "sha256")
    assert not KEY.signed(b"x", b"\0" + signature, "sha256")
    assert not KEY.signed(b"x", signature[1:], "sha256")
    assert not KEY.signed(b"x", b"", "sha256")
    if number + KEY.modulus < 1 << 2048:
        assert not KEY.signed(b"x", (number + KEY.modulus).to_bytes(256), "sha256")


@pytest.mark.parametrize("digest", ["sha1", "sha256"])
def test_a_forgery_without_the_key(digest: str) -> None:
    """Bleichenbacher 2006: with exponent 3, a cube root whose cube begins right and ends in rubbish."""
    signer = Signer(exponent=3)
    key = public_key(signer.pem)
    assert key.exponent == 3
    assert key.signed(b"x", signer.sign(b"x", digest), digest)
    hashed = (sha1 if digest == "sha1" else sha256)(b"x", usedforsecurity=False).digest()
    start = b"\0\1" + b"\xff" * 8 + b"\0" + PREFIXES[digest] + hashed
    wanted = int.from_bytes(start.ljust(256, b"\xff"))
    root = cube_root(wanted)
    assert (root**3).to_bytes(256).startswith(start), "the forgery is a good one"
    assert not key.signed(b"x", root.to_bytes(256), digest)


@pytest.mark.parametrize("digest", ["sha1", "sha256"])
def test_a_forgery_that_ends_right(digest: str) -> None:
    """With exponent 3, every odd ending is that of some cube too small to be reduced."""
    key = public_key(Signer(exponent=3).pem)
    algorithm = sha1 if digest == "sha1" else sha256
    message = next(m for m in (b"a", b"b", b"c", b"d", b"e", b"f") if algorithm(m).digest()[-1] % 2)
    ending = b"\0" + PREFIXES[digest] + algorithm(message).digest()
    bits = 8 * len(ending)
    root = pow(int.from_bytes(ending), pow(3, -1, 1 << (bits - 2)), 1 << bits)
    assert (root**3).to_bytes(256).endswith(ending), "the forgery is a good one"
    assert not key.signed(message, root.to_bytes(256), digest)


def cube_root(number: int) -> int:
    low, high = 0, 1 << (number.bit_length() // 3 + 2)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**3 <= number else (low, middle - 1)
    return low


def test_a_key_is_read_from_its_certificate() -> None:
    for bits in (1024, 2048, 3072):
        signer = Signer(bits)
        assert public_key(signer.pem) == PublicKey(signer.modulus, 65537)
    assert public_key(b"Bag Attributes: x\r\n" + SIGNER.pem.replace(b"\n", b"\r\n") + SIGNER.pem) == KEY


def test_a_short_key() -> None:
    key = public_key(SHORT_PEM)
    assert key.bits == 512
    assert key.signed(b"message", SHORT_SIGNATURE, "sha1")
    assert not key.signed(b"messagf", SHORT_SIGNATURE, "sha1")


@pytest.mark.parametrize(
    ("pem", "wrong"),
    [
        (b"", "not a PEM file"),
        (b"<html>", "not a PEM file"),
        (SIGNER.pem.replace(b"CERTIFICATE", b"PUBLIC KEY"), "not a PEM file"),
        (b"-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----", "cannot be read"),
        (b"-----BEGIN CERTIFICATE-----\n=\n-----END CERTIFICATE-----", "cannot be read"),
        (elliptic_certificate(), "not an RSA key"),
    ],
)
def test_what_holds_no_key(pem: bytes, wrong: str) -> None:
    with pytest.raises(NotificationError, match=wrong):
        public_key(pem)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_any_certificate_gives_a_key_or_the_error(data: st.DataObject) -> None:
    der = bytearray(DER)
    for _ in range(data.draw(st.integers(1, 4))):
        der[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(der)) | st.just(len(der)))
    try:
        key = public_key(b"-----BEGIN CERTIFICATE-----" + b64encode(bytes(der[:cut])) + b"-----END CERTIFICATE-----")
    except NotificationError:
        return
    assert isinstance(key.signed(b"x", SIGNER.sign(b"x", "sha256"), "sha256"), bool)
