"""The access keys that the emulated clouds know."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeGuard

import orjson

from .clock import Clock

CLOUDS = ("alibaba", "huawei")
MAX_FAILURES = 5
LOCK_S = 5 * 60.0
FORGET_S = 3600.0


@dataclass(slots=True)
class AccessKey:
    """A key of one account. `cloud` empty: both clouds accept it. `expires` is in seconds since the epoch."""

    access_key_id: str
    secret: str = field(repr=False)
    security_token: str = field(default="", repr=False)
    account: str = ""
    cloud: str = ""
    disabled: bool = False
    expires: float | None = None

    def __post_init__(self) -> None:
        self.account = self.account or self.access_key_id


DEFAULT_KEY = AccessKey("emulator-ak", "emulator-sk", account="emulator")
_TYPES: dict[str, type | tuple[type, ...]] = {
    "access_key_id": str,
    "secret": str,
    "security_token": str,
    "account": str,
    "cloud": str,
    "disabled": bool,
    "expires": (int, float),
}


class AccessKeys:
    """Looks keys up by id, and locks those that are being guessed."""

    def __init__(self, clock: Clock, more: Iterable[AccessKey] = ()) -> None:
        self._clock = clock
        self._keys: dict[tuple[str, str], AccessKey] = {}
        self._temporary: deque[AccessKey] = deque()
        self._failures: dict[str, int] = {}
        self._locked_until: dict[str, float] = {}
        for key in (DEFAULT_KEY, *more):
            for cloud in (key.cloud,) if key.cloud else CLOUDS:
                self._keys[cloud, key.access_key_id] = key

    def add(self, key: AccessKey) -> None:
        """A temporary key of one cloud. Those that ended long ago are forgotten."""
        self._keys[key.cloud, key.access_key_id] = key
        self._temporary.append(key)
        while (self._temporary[0].expires or 0.0) < self._clock.now() - FORGET_S:
            old = self._temporary.popleft()
            del self._keys[old.cloud, old.access_key_id]

    def find(self, cloud: str, access_key_id: str) -> AccessKey | None:
        return self._keys.get((cloud, access_key_id))

    def expired(self, key: AccessKey) -> bool:
        return key.expires is not None and self._clock.now() > key.expires

    def locked(self, key: AccessKey) -> bool:
        return self._locked_until.get(key.access_key_id, 0.0) > self._clock.elapsed()

    def failed(self, key: AccessKey) -> None:
        """Counts one failed authentication; more than five in a row lock the key for five minutes."""
        failures = self._failures.get(key.access_key_id, 0) + 1
        self._failures[key.access_key_id] = failures
        if failures > MAX_FAILURES:
            self._locked_until[key.access_key_id] = self._clock.elapsed() + LOCK_S
            self._failures[key.access_key_id] = 0

    def succeeded(self, key: AccessKey) -> None:
        self._failures.pop(key.access_key_id, None)


def load(path: Path) -> list[AccessKey]:
    """Reads a JSON list of objects with the fields of `AccessKey`. Raises ValueError."""
    try:
        entries = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise ValueError(f"{path}: {error}") from error
    if not isinstance(entries, list):
        raise ValueError(f"{path}: a list of objects is expected")
    return [_entry(f"{path}: entry {number}", entry) for number, entry in enumerate(entries, 1)]


def _entry(where: str, entry: object) -> AccessKey:
    if not _is_object(entry):
        raise ValueError(f"{where}: an object is expected")
    for name, value in entry.items():
        if name not in _TYPES:
            raise ValueError(f"{where}: {name!r} is unknown; known: {', '.join(_TYPES)}")
        if not isinstance(value, _TYPES[name]):
            raise ValueError(f"{where}: {name!r} has the wrong type")
    if not entry.get("access_key_id") or not entry.get("secret"):
        raise ValueError(f"{where}: access_key_id and secret are needed")
    if entry.get("cloud", "") not in ("", *CLOUDS):
        raise ValueError(f"{where}: cloud is one of {', '.join(CLOUDS)}")
    return AccessKey(**entry)


def _is_object(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)
