"""Sources that fetch events themselves: queues, directories, standard input.

[[queues]]
name = "oss"
queue = "oss-events"
account = "europe"      # with mns_endpoint; the first that has one, if it is not set
put_aside = "aside"     # directory for messages that cannot be read; put-aside/NAME beside the backlog

[[spools]]
name = "inventory"
directory = "/var/spool/syncmux"
bucket = "camera"       # of rows that name none
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.config import Settings, accounts
from engine.daemon.intake import EventSource
from engine.daemon.log import Log
from engine.daemon.sources.pulled_queue import PulledQueue, QueueSettings
from engine.daemon.sources.spool import Spool, SpoolSettings
from engine.daemon.sources.standard_input import NAME, StandardInput
from engine.daemon.tables import Table
from engine.errors import ConfigError
from engine.model import Account
from engine.notifications import NotificationError
from engine.notifications.payload import bucket_name
from engine.notifications.smq_queue import MAX_WAIT_S, SERVICE, receive_call

_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}").fullmatch


def sources(settings: Settings, log: Log, *, stdin: Callable[[], object] | None = None) -> list[EventSource]:
    """All that the settings tell of, and standard input if there is something to be called at its end.

    Raises:
        ConfigError: a setting is missing, unknown or wrong; the message names it.
    """
    names = {str(listener.get("name")) for listener in settings.listeners} | {NAME}
    routes = {str(route.get("name")) for route in settings.routes}
    found: list[EventSource] = []
    callers = accounts(settings) if settings.queues else ()
    queues: dict[tuple[str, str], str] = {}
    for number, table in enumerate(settings.queues, 1):
        name = _name(table, "queues", number, names)
        read, account = _queue(Table(table, f"queues.{name}"), name, routes, callers, Path(settings.backlog).parent)
        other = queues.setdefault((account.endpoints[SERVICE], read.queue), name)
        if other != name:
            raise ConfigError(f"queues.{name}.queue is that of queues.{other}")
        found.append(PulledQueue(read, account, log))
    directories: dict[Path, str] = {}
    for number, table in enumerate(settings.spools, 1):
        name = _name(table, "spools", number, names)
        spool = _spool(Table(table, f"spools.{name}"), name, routes)
        other = directories.setdefault(spool.directory.resolve(), name)
        if other != name:
            raise ConfigError(f"spools.{name}.directory is that of spools.{other}")
        found.append(Spool(spool, log))
    if stdin:
        found.append(StandardInput(log, ended=stdin))
    return found


def _name(table: Mapping[str, Any], kind: str, number: int, taken: set[str]) -> str:
    """The name of a source, which separates its memory of ids from those of all other senders."""
    name = table.get("name")
    if not isinstance(name, str) or not _NAME(name):
        raise ConfigError(f"{kind} {number} needs a name of letters, digits, dots, dashes and underscores")
    if name in taken:
        raise ConfigError(f"{kind}.{name}: another source or listener is called that")
    taken.add(name)
    return name


def _queue(
    table: Table, name: str, routes: Collection[str], callers: Sequence[Account], beside: Path
) -> tuple[QueueSettings, Account]:
    table.text("name")
    settings = QueueSettings(
        name,
        table.text("queue", needed=True),
        Path(table.text("put_aside") or beside / "put-aside" / name),
        int(table.number("receivers", 2, 1, 64)),
        int(table.number("wait_s", MAX_WAIT_S, 1, MAX_WAIT_S)),
        int(table.number("max_deliveries", 5, 1, 1000)),
        table.some_of("routes", routes, "route"),
    )
    wanted = table.text("account")
    table.end()
    try:
        receive_call(settings.queue)
    except ValueError as error:
        raise ConfigError(f"{table.where}.queue: {error}") from None
    account = next(
        (each for each in callers if each.name == wanted or (not wanted and SERVICE in each.endpoints)), None
    )
    if account is None:
        known = ", ".join(each.name for each in callers)
        raise ConfigError(
            f"{table.where}.account is {wanted!r:.60}; there is {known}"
            if wanted
            else f"{table.where} needs an account with {SERVICE}_endpoint"
        )
    if SERVICE not in account.endpoints:
        raise ConfigError(f"accounts.{account.name}.{SERVICE}_endpoint is not set: {table.where} is pulled there")
    return settings, account


def _spool(table: Table, name: str, routes: Collection[str]) -> SpoolSettings:
    table.text("name")
    settings = SpoolSettings(
        name,
        Path(table.text("directory", needed=True)),
        table.text("bucket"),
        table.number("poll_s", 1.0, 0.01, 3600.0),
        table.some_of("routes", routes, "route"),
    )
    table.end()
    try:
        if settings.bucket:
            bucket_name(settings.bucket)
    except NotificationError as error:
        raise ConfigError(f"{table.where}.{error}") from None
    if not settings.directory.is_dir():
        raise ConfigError(f"{table.where}.directory {settings.directory} is no directory")
    return settings
