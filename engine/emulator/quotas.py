"""Call rates per account and operation."""

from __future__ import annotations

from .clock import Clock


class Quotas:
    """Counts calls in windows of one second, as both vendors do; longer ones for rates below one call."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._windows: dict[tuple[str, str], tuple[int, int]] = {}  # (who, operation) -> (window, calls)

    def take(self, who: str, operation: str, calls_per_s: float) -> float:
        """Takes leave for one call. Gives 0 if there is leave, else the seconds until the next window."""
        window_s = max(1.0, 1.0 / calls_per_s)
        now = self._clock.elapsed()
        window = int(now / window_s)
        began, calls = self._windows.get((who, operation), (window, 0))
        if began != window:
            calls = 0
        if calls >= calls_per_s * window_s:
            return (window + 1) * window_s - now
        self._windows[who, operation] = (window, calls + 1)
        return 0.0
