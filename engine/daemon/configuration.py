"""All that the settings tell the daemon, and whether it goes together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engine.backlog.place import obstacle
from engine.config import Settings
from engine.daemon.settings import ServeSettings, read_serve
from engine.errors import ConfigError
from engine.model import Account
from engine.routes import Routes, read_routes


def read(settings: Settings, callers: Sequence[Account]) -> tuple[ServeSettings, Routes]:
    """
    Raises:
        ConfigError: something cannot be meant, or the backlog not be where it is to be. The message names it.
        BacklogError: that cannot be told for now.
    """
    serve = read_serve(settings)
    if why := obstacle(Path(settings.backlog)):
        raise ConfigError(f"backlog: {why}")
    return serve, read_routed(settings, serve, callers)


def read_routed(settings: Settings, serve: ServeSettings, callers: Sequence[Account]) -> Routes:
    """The routes, beside what is in force of the rest. Raises ConfigError as `read` does."""
    routes = read_routes(list(settings.routes), callers, serve.no_route)
    if not routes.routes:
        raise ConfigError("routes: there is none, so nothing would come of any event; set [[routes]]")
    if serve.max_waiting < routes.most_rows:
        raise ConfigError(f"serve.max_waiting is {serve.max_waiting}; one event alone may make {routes.most_rows} rows")
    return routes
