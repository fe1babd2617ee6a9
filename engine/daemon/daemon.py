"""The daemon as a whole: what runs at the same time, from its start to its end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, suppress
from dataclasses import fields
from functools import partial

from engine.config import Settings, accounts
from engine.daemon.configuration import read, read_routed
from engine.daemon.http_head import Endpoint
from engine.daemon.intake import EventSource, Intake
from engine.daemon.listener import PREFIX, Listener
from engine.daemon.log import Log
from engine.daemon.mover import Mover
from engine.daemon.operations import Operations
from engine.daemon.outcomes import Outcomes
from engine.daemon.readers import reader
from engine.daemon.request_log import RequestLog
from engine.daemon.server import Server
from engine.daemon.settings import ServeSettings, read_serve
from engine.daemon.subscriptions import Subscriptions
from engine.daemon.upkeep import Upkeep
from engine.daemon.vendors import Vendors
from engine.engine import Engine, own_error
from engine.errors import CallError, ConfigError, NoSpaceError
from engine.retry import Limits
from engine.routes import Routes
from engine.run import Options
from engine.threads import in_thread
from engine.transport import Transport

RENEW_S = 60.0  # until accounts and targets that had to stop are tried again, at first
WATCH_S = 1.0
RELOADED = {"serve", "routes", "listeners"}  # parts of the settings that are read anew; of `serve`, what is not fixed


class Daemon:
    """`run` it; `reload`, `drain` and `stop` are for signals. Everything public may be read at any time."""

    def __init__(
        self,
        load: Callable[[], Settings],
        log: Log,
        *,
        sources: Callable[[Settings], Sequence[EventSource]] = lambda settings: (),
    ) -> None:
        """`load` reads the settings.

        Raises ConfigError: the settings cannot be meant.
        """
        self._load = load
        settings = self._settings = load()
        callers = accounts(settings)
        self.serve, self._routes = read(settings, callers)
        self._tls = self.serve.tls()
        self._find_sources = sources
        self.sources = sources(settings)
        self.held: set[str] = set()  # names of lanes that an operator has paused
        options = Options(
            rate=settings.rate,
            concurrency=settings.concurrency,
            batch=settings.batch,
            held=self.held,
            limits=Limits(task_timeout_s=self.serve.task_timeout_s, again_s=RENEW_S),
        )
        self.engine = Engine(callers, settings.backlog, options=options)
        self.log = log
        self.inbox = self.engine.backlog.inbox
        self.intake = Intake(self.inbox, self._routes)
        self.mover = Mover(self.inbox, callers, options.batch, self.serve.linger_s, log)
        self.server = Server(
            self.serve.bind, {}, self.serve.limits, tls=self._tls, failed=self._broken, requests=RequestLog(log)
        )
        self.upkeep = Upkeep(self.engine.backlog, lambda: self.serve, log)
        self.began_at = time.time()
        self.reloads = 0
        self.reload_error = ""
        self.outcomes = Outcomes(log)
        self.subscriptions = Subscriptions(log)
        self._left_alone: set[tuple[str, str]] = set()  # accounts and targets of which the log has told
        self.go_on = asyncio.Event()  # to the next run, or the end, without further waiting
        self._draining = asyncio.Event()
        self._reload_asked = asyncio.Event()
        self._operations = Operations(self)
        self._vendors: Vendors

    @property
    def draining(self) -> bool:
        return self._draining.is_set()

    async def run(self) -> None:
        """Until drained or stopped.

        Raises:
            CredentialsError, BacklogError, ListenError, ConfigError: it cannot begin, or nothing be recorded any more.
        """
        try:
            await self._run()
        except BaseExceptionGroup as group:
            raise own_error(group) from None

    async def _run(self) -> None:
        async with self.engine, Transport() as transport, AsyncExitStack() as held:
            for source in self.sources:
                held.enter_context(source.held())
            self._vendors = Vendors(transport)
            await self.inbox.open(self.serve.remember_s, self.serve.max_waiting)
            await self._operations.recall()
            await (monitor := self._operations.monitor).look()
            self.server.endpoints = self._endpoints(self.serve)
            async with self.server, asyncio.TaskGroup() as group:
                working = group.create_task(self._work())
                beside = [group.create_task(source.run(self.intake)) for source in self.sources]
                beside += [group.create_task(each) for each in (self.upkeep.run(), self._reload_when_asked())]
                self.log.event("serving", bind=str(self.server.bind), **monitor.waiting)
                watching = group.create_task(self._operations.watch())
                self._operations.notifier.ready()
                await self._draining.wait()
                self._operations.notifier.stopping()
                self.log.event("draining", **monitor.waiting)
                await self._end(working, beside)
                watching.cancel()
            await monitor.look()
        self.log.event("ended", **monitor.waiting)

    def drain(self) -> None:
        """Take nothing more in, finish what is in flight, and end. What waits is there at the next start."""
        self._draining.set()
        self.go_on.set()

    def stop(self) -> None:
        """End at once. What is in flight is done again at the next start."""
        self.drain()
        self.engine.stop()

    def reload(self) -> None:
        """Read routes, listeners and linger anew, once it serves. If anything is wrong, all stays as it is."""
        self._reload_asked.set()

    async def _reload_when_asked(self) -> None:
        while True:
            await self._reload_asked.wait()
            self._reload_asked.clear()
            with self._operations.notifier.reloading():
                try:
                    self._go_by(*await self._read_anew())
                except ConfigError as error:
                    self.reload_error = str(error)
                    self.log.event("reload_refused", error=self.reload_error)

    async def _read_anew(self) -> tuple[ServeSettings, Routes]:
        """Files are read in threads: all goes on meanwhile, however long that takes. Raises ConfigError."""
        settings = await in_thread(self._load)
        wanted = await in_thread(partial(read_serve, settings))
        if later := list(self._fixed(settings, wanted)):
            self.log.event("restart_needed", settings=later, why="these are in force until the process ends")
        serve = wanted.within(self.serve)
        routes = read_routed(settings, serve, self.engine.accounts)
        await in_thread(partial(self._find_sources, settings))
        self._check_scopes(routes)
        await in_thread(self.serve.read_tls)
        return serve, routes

    def _go_by(self, serve: ServeSettings, routes: Routes) -> None:
        """Raises ConfigError."""
        if self._tls:  # not in a thread, since connections use it
            self.serve.renew(self._tls)
        self.serve, self.intake.routes, self.mover.linger_s = serve, routes, serve.linger_s
        self.server.endpoints = self._endpoints(serve)
        if run := self.engine.current:
            run.try_again()
        self.outcomes.end_streaks()
        self.reloads += 1
        self.reload_error = ""
        self.log.event("reloaded", routes=len(routes.routes), listeners=len(serve.listeners))

    def _check_scopes(self, routes: Routes) -> None:
        """Raises ConfigError: a source, which keeps its routes until the process ends, would be left without one."""
        names = {route.name for route in routes.routes}
        for source in self.sources:
            if gone := sorted(set(source.scope or ()) - names):
                raise ConfigError(
                    f"there is no route {gone[0]!r:.60} any more, which {source.name} takes until a restart"
                )

    def _fixed(self, settings: Settings, serve: ServeSettings) -> Iterator[str]:
        """Which settings differ from those that this process runs with to its end."""
        for each in fields(Settings):
            old, new = getattr(self._settings, each.name), getattr(settings, each.name)
            if each.name == "accounts":
                yield from (
                    f"accounts.{name}" for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)
                )
            elif each.name not in RELOADED and old != new:
                yield each.name
        fixed = self.serve.fixed
        yield from (f"serve.{name}" for name, value in serve.fixed.items() if value != fixed[name])

    async def _work(self) -> None:
        """One run, and another whenever the disk was full: each takes up what the one before it left."""
        while not self.draining:
            self.go_on.clear()
            watching = asyncio.create_task(self._watch(), name="syncmux watch")
            try:
                async with aclosing(self.engine.endings(self.mover)) as batches:
                    async for batch in batches:
                        self.outcomes.count(batch)
                        self.mover.ended(batch)
            except (NoSpaceError, CallError, ConfigError):  # the log tells of it otherwise
                pass
            finally:
                watching.cancel()
                self.outcomes.tell()
            with suppress(TimeoutError):
                async with asyncio.timeout(RENEW_S):
                    await self.go_on.wait()

    async def _watch(self) -> None:
        """Tell of what failed, of what has to be left alone, and of what goes on."""
        while True:
            await asyncio.sleep(WATCH_S)
            self.outcomes.tell()
            run = self.engine.current
            now = {(each.account, each.target): each for each in run.left_alone} if run else {}
            for account, target in now.keys() - self._left_alone:
                each = now[account, target]
                again_in_s = round(max(0.0, each.until - time.monotonic()))
                self.log.event("stopped", account=account, target=target, error=each.why, again_in_s=again_in_s)
            for account, target in self._left_alone - now.keys():
                self.log.event("goes_on", account=account, target=target)
            self._left_alone = set(now)

    async def _end(self, working: asyncio.Task[None], beside: Sequence[asyncio.Task[None]]) -> None:
        until = time.monotonic() + self.serve.grace_s
        for task in beside:
            task.cancel()
        await self.server.close(self.serve.grace_s)
        self.engine.drain()
        _, running = await asyncio.wait((working,), timeout=max(0.0, until - time.monotonic()))
        if running:
            self.log.event("cut_short", grace_s=self.serve.grace_s)
            self.engine.stop()

    def _endpoints(self, serve: ServeSettings) -> Mapping[str, Endpoint]:
        endpoints = dict(self._operations.endpoints())
        for listener in serve.listeners:
            read = reader(listener, self._vendors, self.subscriptions)
            endpoints[PREFIX + listener.name] = Listener(listener, read, self.intake)
        return endpoints

    def _broken(self, error: Exception) -> None:
        self.log.event("bug", error=repr(error))
