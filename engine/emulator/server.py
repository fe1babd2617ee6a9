"""The emulator as an HTTP server."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Iterable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

import orjson
from aiohttp import web

from .clock import Clock
from .clouds import Clouds
from .control import PREFIX, Control
from .delivery import make_request, receive, reset, respond, truncate
from .faults import Faults
from .keys import AccessKey, AccessKeys
from .ledger import Ledger
from .state import World

KEEP_ALIVE_S = 10.0  # Alibaba Cloud's gateway drops idle connections after about that
MAX_LINE_BYTES = 32 * 1024  # Huawei Cloud's limit for a URI and for a header


class Emulator:
    """Both clouds behind one address, for as long as the ``async with`` lasts.

    `port` 0 takes a free one. `faults` are settings as for ``PUT /_emulator/faults``; clearing the faults
    comes back to them. Raises ValueError if they are wrong, OSError if the port is taken.
    """

    def __init__(
        self,
        port: int = 0,
        host: str = "127.0.0.1",
        *,
        keys: Iterable[AccessKey] = (),
        faults: Mapping[str, Any] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.host, self.port = host, port
        clock = clock or Clock()
        self.ledger = Ledger()
        self.faults = Faults(faults or {}, clock)
        world = World(clock, self.faults, self.ledger)
        self._clock = clock
        self._clouds = Clouds(world, AccessKeys(clock, keys))
        self._control = Control(world)
        self._runner: web.ServerRunner | None = None

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def urls(self) -> dict[str, str]:
        return {"alibaba": self.url, "huawei": self.url, "iam": self.url}

    async def __aenter__(self) -> Self:
        server = web.Server(
            self._handle,
            request_factory=make_request,
            access_log=None,
            auto_decompress=False,  # signatures cover the bytes that were sent
            keepalive_timeout=KEEP_ALIVE_S,
            max_line_size=MAX_LINE_BYTES,
            max_field_size=MAX_LINE_BYTES,
        )
        self._runner = web.ServerRunner(server, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, self.host, self.port, backlog=1024).start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clouds.close()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        received = await receive(request)
        if received.path.startswith(PREFIX):
            return await self._control.answer(request, received)
        await self._clouds.wait(received)
        answer, verdict = self._clouds.answer(received)
        if verdict.delay_s:
            await asyncio.sleep(verdict.delay_s)
        if verdict.outcome in {"reset_before", "reset_after", "late"}:
            return reset(request)
        if verdict.outcome == "truncate":
            return truncate(request, answer, self._clock.http_date())
        return respond(answer, self._clock.http_date())


async def serve(emulator: Emulator) -> None:
    """Runs the emulator until SIGTERM or SIGINT; prints its addresses as one JSON line when it is ready."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        with suppress(NotImplementedError):  # on Windows, where Ctrl-C raises KeyboardInterrupt
            loop.add_signal_handler(number, ended.set)
    async with emulator:
        # The clouds keep millions of entries and make no cycles: full collections would only stop them.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 50, 1_000)
        print(orjson.dumps(emulator.urls).decode(), flush=True)
        await ended.wait()
