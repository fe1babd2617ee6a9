"""How much bodies of requests under way take up, all together. Pure."""

from __future__ import annotations

UNVOUCHED_PART = 4  # a quarter is what those may have together whom nobody vouches for


class BodyRoom:
    """Whom nobody vouches for may hold what they took until their deadlines, and take it again: this is not to keep
    out those who are known."""

    def __init__(self, all_bytes: int) -> None:
        self.taken_bytes = 0
        self._unvouched_bytes = 0  # of these
        self._all_bytes = all_bytes

    def most_bytes(self, *, vouched: bool) -> int:
        return self._all_bytes if vouched else self._all_bytes // UNVOUCHED_PART

    def take(self, size_bytes: int, *, vouched: bool) -> bool:
        """Whether there was room for it."""
        if self.taken_bytes + size_bytes > self._all_bytes:
            return False
        if not vouched:
            if self._unvouched_bytes + size_bytes > self.most_bytes(vouched=False):
                return False
            self._unvouched_bytes += size_bytes
        self.taken_bytes += size_bytes
        return True

    def give_back(self, size_bytes: int, *, vouched: bool) -> None:
        self.taken_bytes -= size_bytes
        if not vouched:
            self._unvouched_bytes -= size_bytes
