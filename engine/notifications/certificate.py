"""The public RSA key in an X.509 certificate, and what was signed with it (PKCS #1 v1.5).

Whether a certificate is to be trusted is not told here: one is pinned, the other comes from a pinned address. Dates are
not looked at: the certificate that SMQ signs with ran out in 2016. By hand, because checking a signature holds no
secret and no choice, and the alternative is a dependency on OpenSSL's bindings for this alone.
"""

from __future__ import annotations

import re
from binascii import a2b_base64
from dataclasses import dataclass
from hashlib import sha1, sha256
from hmac import compare_digest
from typing import NamedTuple

from engine.notifications.event import NotificationError

MAX_PEM_BYTES = 64 * 1024
MIN_BITS, MAX_BITS = 512, 8192  # SMQ's own key has 512

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----").search

_INTEGER, _BITS, _OBJECT_ID, _SEQUENCE, _VERSION = 0x02, 0x03, 0x06, 0x30, 0xA0
_RSA = bytes.fromhex("2a864886f70d010101")  # 1.2.840.113549.1.1.1

# What stands before a digest in a signature (RFC 8017, 9.2, note 1).
_DIGESTS = {
    "sha1": (sha1, bytes.fromhex("3021300906052b0e03021a05000414")),
    "sha256": (sha256, bytes.fromhex("3031300d060960864801650304020105000420")),
}


@dataclass(frozen=True, slots=True)
class PublicKey:
    modulus: int
    exponent: int

    @property
    def bits(self) -> int:
        return self.modulus.bit_length()

    def signed(self, message: bytes, signature: bytes, digest: str) -> bool:
        """Whether the holder of the private key signed this. `digest` is sha1 or sha256."""
        size = (self.bits + 7) // 8
        number = int.from_bytes(signature)
        if len(signature) != size or number >= self.modulus:
            return False
        algorithm, prefix = _DIGESTS[digest]
        tail = b"\0" + prefix + algorithm(message).digest()
        # The one block that is right is made and compared as a whole. Taking one apart is how forgeries pass.
        expected = b"\0\1" + b"\xff" * (size - 2 - len(tail)) + tail
        return compare_digest(pow(number, self.exponent, self.modulus).to_bytes(size), expected)


def public_key(pem: bytes) -> PublicKey:
    """The key of the first certificate in a PEM file.

    Raises:
        NotificationError: there is none, or its key is not a usable RSA key.
    """
    found = _PEM(pem[:MAX_PEM_BYTES])
    if not found:
        raise NotificationError("the certificate is not a PEM file")
    try:
        key = _rsa_key(a2b_base64(found[1]))
    except (ValueError, IndexError):  # not base64, not DER, or too few values in it
        raise NotificationError("the certificate cannot be read, or its key is not an RSA key") from None
    if not MIN_BITS <= key.bits <= MAX_BITS or key.modulus % 2 == 0:
        raise NotificationError(f"the certificate's key cannot be used: {key.bits} bits")
    if not 3 <= key.exponent < 2**32 or key.exponent % 2 == 0:
        raise NotificationError("the certificate's key cannot be used: its exponent is none")
    return key


def _rsa_key(der: bytes) -> PublicKey:
    """RFC 5280: in the certificate, after the version (if any) and five other fields, stands the key."""
    fields = _values(_values(der)[0].within(_SEQUENCE))[0].values()
    skipped = 6 if fields[0].tag == _VERSION else 5
    algorithm, bits = fields[skipped].values()[:2]
    if algorithm.values()[0].within(_OBJECT_ID) != _RSA:
        raise ValueError("not an RSA key")
    key = bits.within(_BITS)
    if key[:1] != b"\0":  # how many bits of the last byte are unused
        raise ValueError("not whole bytes")
    modulus, exponent = _values(_values(key[1:])[0].within(_SEQUENCE))[:2]
    return PublicKey(_number(modulus), _number(exponent))


class _Value(NamedTuple):
    tag: int
    content: bytes

    def within(self, tag: int) -> bytes:
        if self.tag != tag:
            raise ValueError("another value stands there")
        return self.content

    def values(self) -> list[_Value]:
        return _values(self.within(_SEQUENCE))


def _number(value: _Value) -> int:
    return int.from_bytes(value.within(_INTEGER), signed=True)


def _values(der: bytes) -> list[_Value]:
    """The values that stand one after the other (X.690, of definite length)."""
    found, at = [], 0
    while at < len(der):
        tag, size, at = der[at], der[at + 1], at + 2
        if size >= 0x80:
            count = size & 0x7F
            if not 1 <= count <= 4:
                raise ValueError("no definite length")
            size, at = int.from_bytes(der[at : at + count]), at + count
        if at + size > len(der):
            raise ValueError("cut off")
        found.append(_Value(tag, der[at : at + size]))
        at += size
    return found
