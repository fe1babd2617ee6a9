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
        self._held: dict[tuple[str, str], tuple[float, AccessKey]] = {}  # (cloud, holder) -> issued, key

    def of(self, cloud: str, account: str, holder: str) -> AccessKey:
        issued, key = self._held.get((cloud, holder), (0.0, None))
        now = self._world.clock.now()
        if key is None or key.expires is None or now > (issued + key.expires) / 2:
            key = self.issue(cloud, account)
            self._held[cloud, holder] = now, key
        return key

    def issue(self, cloud: str, account: str) -> AccessKey:
        life_s = self._world.faults.knobs.temporary_s
        expires = self._world.clock.now() + (LIFE_S if life_s is None else life_s)
        key_id, secret, token = (secrets.token_urlsafe(size) for size in (12, 24, 90))
        key = AccessKey(f"STS.{key_id}", secret, token, account, cloud, expires=expires)
        self._keys.add(key)
        return key


def iso(epoch: float) -> str:
    """In whole seconds, rounded down: a key never ends before it says so."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch))
