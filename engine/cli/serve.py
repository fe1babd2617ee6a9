"""`serve`: the daemon, and a look at its settings without it."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from engine.backlog.sqlite import SqliteBacklog
from engine.cli.everywhere import Everywhere
from engine.cli.exits import Exit
from engine.cli.interruption import HELD, SIGNALS, Interruption, let_in, on_signals
from engine.cli.looking import look_at
from engine.cli.loop import run
from engine.cli.output import Output
from engine.config import Settings, accounts
from engine.daemon.configuration import read
from engine.daemon.daemon import Daemon
from engine.daemon.foreign_log import take_in
from engine.daemon.health import NOBODY
from engine.daemon.intake import EventSource
from engine.daemon.log import Log
from engine.daemon.sources import sources
from engine.errors import ConfigError


def serve(everywhere: Everywhere, *, check: bool, stdin: bool, until_end: bool) -> Exit:
    """Serve until a signal comes, or standard input ends. Raises what `Daemon.run` does."""
    if until_end and not stdin:
        raise ConfigError("--until-end needs --stdin: nothing else ends")
    if check or everywhere.dry_run:
        let_in(*HELD)
        return _check(everywhere, stdin=stdin)
    on_signals(_end_at_once)
    let_in(*SIGNALS)

    async def serving() -> Exit:
        log = Log()
        take_in(log)

        def ended() -> None:
            if until_end:
                daemon.drain()

        def fetching(settings: Settings) -> list[EventSource]:
            return sources(settings, log, stdin=ended if stdin else None)

        daemon = Daemon(everywhere.settings, log, sources=fetching)
        loop = asyncio.get_running_loop()
        signal.signal(signal.SIGHUP, lambda *_: loop.call_soon_threadsafe(daemon.reload))
        let_in(signal.SIGHUP)
        try:
            with Interruption(daemon.drain, daemon.stop).watched():
                await daemon.run()
        finally:
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
        return Exit.DONE

    try:
        return run(serving(), _end_at_once)
    except KeyboardInterrupt:  # there was nothing yet to be ended well
        return Exit.DONE


def _end_at_once(*_: object) -> None:
    os._exit(Exit.DONE)


def _check(everywhere: Everywhere, *, stdin: bool) -> Exit:
    """Whether the daemon could begin with these settings, as far as they tell."""
    settings = everywhere.settings()
    output = Output(everywhere.json, everywhere.quiet)
    callers = accounts(settings)
    found, routes = read(settings, callers)
    found.tls()
    if Path(settings.backlog).exists():
        look_at(settings.backlog, SqliteBacklog.tally)
    names = [route.name for route in routes.routes]
    listeners = [listener.name for listener in found.listeners]
    fetching = [source.name for source in sources(settings, Log(), stdin=output.result if stdin else None)]
    warnings = [] if listeners or fetching else [NOBODY]
    output.event(
        "check",
        bind=str(found.bind),
        routes=names,
        listeners=listeners,
        sources=fetching,
        accounts=[each.name for each in callers],
        warnings=warnings,
    )
    output.result(
        f"would listen at {found.bind}",
        f"listeners: {', '.join(listeners) or 'none'}",
        f"sources: {', '.join(fetching) or 'none'}",
        f"routes: {', '.join(names) or 'none'}; for what takes none: {routes.no_route}",
        f"accounts: {', '.join(each.name for each in callers)}",
        *[f"warning: {why}" for why in warnings],
    )
    return Exit.DONE
