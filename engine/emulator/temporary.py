"""Keys that end: what the metadata services and STS hand out."""

from __future__ import annotations

import secrets
import time

from .keys import AccessKey, AccessKeys
from .state import World

LIFE_S = 3600.0


class TemporaryKeys:
    """Issues keys, and hands the same one out to the same holder until half of its life is over."""

    def __init__(self, world: World, keys: AccessKeys) -> None:
        self._world = world
        self._keys = keys
        self._held: dict[tuple[str, str, float], AccessKey] = {}  # by cloud, holder and length of life

    def of(self, cloud: str, account: str, holder: str) -> AccessKey:
        key = self._held.get((cloud, holder, self._life_s))
        left_s = (key.expires or 0.0) - self._world.clock.now() if key else 0.0
        if key is None or not self._life_s / 2 <= left_s <= self._life_s:  # more: the clock was set back
            key = self._held[cloud, holder, self._life_s] = self.issue(cloud, account)
        return key

    def issue(self, cloud: str, account: str) -> AccessKey:
        expires = self._world.clock.now() + self._life_s
        key_id, secret, token = (secrets.token_urlsafe(size) for size in (12, 24, 90))
        key = AccessKey(f"STS.{key_id}", secret, token, account, cloud, expires=expires)
        self._keys.add(key)
        return key

    @property
    def _life_s(self) -> float:
        life_s = self._world.faults.knobs.temporary_s
        return LIFE_S if life_s is None else life_s


def iso(epoch: float) -> str:
    """In whole seconds, rounded down: a key never ends before it says so."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch))


def iso_exact(epoch: float) -> str:
    """In microseconds."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(epoch)) + f".{int(epoch % 1 * 1e6):06}Z"
