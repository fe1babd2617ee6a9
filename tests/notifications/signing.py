"""Keys and certificates to sign with, made by an independent implementation."""

from __future__ import annotations

from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from engine.notifications import public_key

DIGESTS: dict[str, hashes.HashAlgorithm] = {"sha1": hashes.SHA1(), "sha256": hashes.SHA256()}  # noqa: S303


class Signer:
    """Somebody who holds a private key, and has a certificate of it."""

    def __init__(self, bits: int = 2048, exponent: int = 65537) -> None:
        self._key = rsa.generate_private_key(exponent, bits)
        self.modulus = self._key.public_key().public_numbers().n
        self.pem = certificate(self._key)

    def sign(self, message: bytes, digest: str) -> bytes:
        return self._key.sign(message, padding.PKCS1v15(), DIGESTS[digest])


def certificate(key: rsa.RSAPrivateKey | EllipticCurvePrivateKey) -> bytes:
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "组织 " + "o" * 50),  # a length of two bytes
            x509.NameAttribute(NameOID.COMMON_NAME, "notify"),
        ]
    )
    built = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    built = built.not_valid_before(datetime(2015, 7, 2, tzinfo=UTC)).not_valid_after(datetime(2016, 7, 1, tzinfo=UTC))
    return built.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def elliptic_certificate() -> bytes:
    return certificate(generate_private_key(SECP256R1()))


SIGNER = Signer()
KEY = public_key(SIGNER.pem)
