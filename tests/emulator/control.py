"""The emulator's own interface, for tests that do not run a loop."""

from __future__ import annotations

from typing import Any
from urllib.request import Request, urlopen

import orjson


class Control:
    def __init__(self, url: str) -> None:
        self._url = url

    def ledger(self) -> dict[str, Any]:
        return self._ask("GET", "ledger")

    def set(self, **faults: Any) -> None:
        self._ask("PUT", "faults", faults)

    def clear(self) -> None:
        self._ask("DELETE", "faults")

    def _ask(self, method: str, what: str, document: object = None) -> dict[str, Any]:
        body = None if document is None else orjson.dumps(document)
        with urlopen(Request(f"{self._url}/_emulator/{what}", body, method=method), timeout=10) as answer:  # noqa: S310
            asked: dict[str, Any] = orjson.loads(answer.read())
            return asked
