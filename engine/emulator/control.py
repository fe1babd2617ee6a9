"""`/_emulator`: what the people who run the emulator ask it and tell it. No signatures here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import orjson
from aiohttp import web

from .exchange import Received
from .state import World

PREFIX = "/_emulator/"


class Control:
    """``GET`` and ``DELETE /_emulator/ledger``, ``GET``, ``PUT`` and ``DELETE /_emulator/faults``,
    ``GET /_emulator/arrivals?operation=X``, ``GET /_emulator/moments``."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._handlers: dict[tuple[str, str], Callable[[web.BaseRequest, Received], Awaitable[web.StreamResponse]]] = {
            ("GET", "ledger"): self._show_ledger,
            ("DELETE", "ledger"): self._clear_ledger,
            ("GET", "faults"): self._show_faults,
            ("PUT", "faults"): self._set_faults,
            ("DELETE", "faults"): self._clear_faults,
            ("GET", "arrivals"): self._show_arrivals,
            ("GET", "moments"): self._show_moments,
        }

    async def answer(self, request: web.BaseRequest, received: Received) -> web.StreamResponse:
        handler = self._handlers.get((received.method, received.path.removeprefix(PREFIX)))
        if handler is None:
            return _json({"error": f"{received.method} {received.path} is not offered"}, 404)
        return await handler(request, received)

    async def _show_ledger(self, request: web.BaseRequest, _received: Received) -> web.StreamResponse:
        return await _streamed(request, self._world.ledger.dump())

    async def _show_moments(self, request: web.BaseRequest, _received: Received) -> web.StreamResponse:
        return await _streamed(request, self._world.ledger.dump_moments())

    async def _clear_ledger(self, _request: web.BaseRequest, _received: Received) -> web.StreamResponse:
        self._world.ledger.clear()
        return _json({})

    async def _show_faults(self, _request: web.BaseRequest, _received: Received) -> web.StreamResponse:
        return _json(self._world.faults.settings)

    async def _set_faults(self, _request: web.BaseRequest, received: Received) -> web.StreamResponse:
        try:
            self._world.faults.replace(orjson.loads(received.body))
        except ValueError as error:  # orjson's own errors are among these
            return _json({"error": str(error)}, 400)
        return _json(self._world.faults.settings)

    async def _clear_faults(self, _request: web.BaseRequest, _received: Received) -> web.StreamResponse:
        self._world.faults.replace({})
        return _json(self._world.faults.settings)

    async def _show_arrivals(self, _request: web.BaseRequest, received: Received) -> web.StreamResponse:
        name, _, operation = received.query.partition("=")
        if name != "operation" or not operation:
            return _json({"error": "operation=NAME is needed"}, 400)
        arrivals = self._world.ledger.arrivals.get(operation)
        return _json({"operation": operation, "arrivals": arrivals.tolist() if arrivals is not None else []})


async def _streamed(request: web.BaseRequest, pieces: Iterable[bytes]) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    for piece in pieces:
        await response.write(piece)
        await asyncio.sleep(0)  # calls go on while a large ledger is read
    await response.write_eof()
    return response


def _json(document: object, status: int = 200) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(document), content_type="application/json")
