"""What SMN says of the subscriptions that bring listeners their topics: that they begin, and that they have ended."""

from __future__ import annotations

from engine.daemon.log import Log


class Subscriptions:
    """Since the process began."""

    def __init__(self, log: Log) -> None:
        self.ended: set[tuple[str, str]] = set()  # listeners and topics of which nothing has come since
        self._log = log

    def confirmed(self, listener: str, topic: str) -> None:
        self._log.event("subscription_confirmed", listener=listener, topic=topic)
        self.notified(listener, topic)

    def notified(self, listener: str, topic: str) -> None:
        self.ended.discard((listener, topic))

    def unsubscribed(self, listener: str, topic: str) -> None:
        self._log.event("subscription_ended", listener=listener, topic=topic)
        self.ended.add((listener, topic))
