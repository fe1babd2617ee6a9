"""The stable key of a job."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b

from engine.model import Target


def job_keys(verb: str, target: Target) -> Callable[[bytes], bytes]:
    """Payload -> key, for the jobs of one target."""
    head = blake2b("\0".join((verb, *target, "")).encode(), digest_size=16)

    def key(payload: bytes) -> bytes:
        whole = head.copy()
        whole.update(payload)
        return whole.digest()

    return key


def job_key(verb: str, target: Target, payload: bytes) -> bytes:
    """16 bytes that are the same for the same work, in every run and on every machine."""
    return job_keys(verb, target)(payload)
