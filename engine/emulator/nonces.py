"""Which nonces were used lately."""

from __future__ import annotations

from .clock import Clock

WINDOW_S = 15 * 60.0


class SeenNonces:
    """Remembers nonces for at least 15 minutes, or the last `capacity` of them, whichever is less.

    Two generations of 64-bit fingerprints: when the younger one is full or old it becomes the elder, and what
    the elder held is forgotten. However long a run lasts, that takes less than 200 bytes x `capacity`.
    """

    def __init__(self, clock: Clock, capacity: int = 500_000) -> None:
        self._clock = clock
        self._capacity = capacity
        # Dicts as sets: the garbage collector looks into every set, but not into a dict of plain integers.
        self._young: dict[int, None] = {}
        self._old: dict[int, None] = {}
        self._born = clock.elapsed()

    def use(self, access_key_id: str, nonce: str) -> bool:
        """Takes the nonce; False if it was taken before."""
        fingerprint = hash((access_key_id, nonce))
        if fingerprint in self._young or fingerprint in self._old:
            return False
        now = self._clock.elapsed()
        if len(self._young) >= self._capacity or now - self._born > WINDOW_S:
            self._old, self._young, self._born = self._young, {}, now
        self._young[fingerprint] = None
        return True

    def __len__(self) -> int:
        return len(self._young) + len(self._old)
