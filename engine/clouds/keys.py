"""The stable key of a job."""

from __future__ import annotations

from hashlib import blake2b

from engine.model import Target


def job_key(verb: str, target: Target, payload: bytes) -> bytes:
    """16 bytes that are the same for the same work, in every run and on every machine."""
    head = "\0".join((verb, *target, "")).encode()
    return blake2b(head + payload, digest_size=16).digest()
