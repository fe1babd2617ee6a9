"""Routes as they stand in a TOML file.

    [[routes]]
    name = "photos"
    bucket = "camera"
    prefix = "in/"
    suffix = ".jpg"
    events = ["created", "removed"]

    [routes.push]
    sync_task_id = "4711"

    [routes.trigger]
    gateway_id = "gw-1"
    index_id = "NFSphotos"
    strip_prefix = "in/"
    trigger_depth = 2

A destination is a table under the verb of its work; its settings are the columns of that work's rows, `strip_prefix`,
and what the kind of destination understands besides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engine.clouds import Cloud, clouds
from engine.errors import ConfigError
from engine.model import Account
from engine.notifications import Kind, NotificationError
from engine.notifications.payload import bucket_name, object_key
from engine.routes.destinations import Destination, Directories, Keys
from engine.routes.routing import Route, Routes

NO_ROUTE = ("drop", "reject")

_KINDS: Mapping[str, type[Keys | Directories]] = {kind.column: kind for kind in (Keys, Directories)}
_OWN = {"key": "add_prefix", "path": "trigger_depth"}  # what one kind of destination understands and the other does not


def read_routes(tables: object, accounts: Sequence[Account], no_route: object = "drop") -> Routes:
    """Routes from decoded TOML. Of each cloud's accounts, the first one is the default.

    Raises:
        ConfigError: a setting is missing, unknown or wrong; the message names the route and the setting.
    """
    if no_route not in NO_ROUTE:
        raise ConfigError(f"no_route is {no_route!r:.60}; there is {', '.join(NO_ROUTE)}")
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ConfigError("routes must be tables: [[routes]]")
    routes: dict[str, Route] = {}
    for number, table in enumerate(tables, 1):
        name = table.get("name")
        if not isinstance(name, str) or not name.strip() or not name.isprintable():
            raise ConfigError(f"route {number} has no name")
        if name in routes:
            raise ConfigError(f"routes.{name}: two routes are called that")
        routes[name] = _route(name, table, accounts)
    _refuse_repeated(routes.values())
    return Routes(list(routes.values()), str(no_route))


def _route(name: str, table: Mapping[str, Any], accounts: Sequence[Account]) -> Route:
    where = f"routes.{name}"
    verbs = {cloud.verb: cloud for cloud in clouds().values() if _column(cloud)}
    _known(table, {"name", "bucket", "prefix", "suffix", "events", *verbs}, where)
    bucket = _text(table, "bucket", where, needed=True)
    prefix, suffix = (_text(table, name, where) for name in ("prefix", "suffix"))
    _refuse_what_fits_nothing(where, bucket, prefix, suffix)
    events = _events(table.get("events", ["created", "removed"]), f"{where}.events")
    destinations = [
        _destination(verbs[verb], table[verb], prefix, accounts, f"{where}.{verb}") for verb in table if verb in verbs
    ]
    if not destinations:
        raise ConfigError(f"{where} leads nowhere: set {' or '.join(verbs)}")
    if events == {Kind.REMOVED} and all(isinstance(each, Keys) for each in destinations):
        raise ConfigError(f"{where}.events are removals alone, which this route's destination cannot synchronise")
    return Route(name, bucket, tuple(destinations), prefix, suffix, events)


def _refuse_what_fits_nothing(where: str, bucket: str, prefix: str, suffix: str) -> None:
    try:
        bucket_name(bucket)
    except NotificationError as error:
        raise ConfigError(f"{where}.{error}") from None
    for name, part in (("prefix", prefix), ("suffix", suffix)):
        try:
            object_key(part or "/")
        except NotificationError as error:
            raise ConfigError(f"{where}.{name} fits nothing: {error}") from None


def _destination(cloud: Cloud, table: object, prefix: str, accounts: Sequence[Account], where: str) -> Destination:
    if not isinstance(table, dict):
        raise ConfigError(f"{where} must be a table: [routes.{cloud.verb}]")
    column = _column(cloud)
    fixed = [name for name in cloud.row._fields if name != column]
    _known(table, {*fixed, "strip_prefix", _OWN[column]}, where)
    values = {name: _text(table, name, where, needed=name != "account") for name in fixed}
    names = [account.name for account in accounts if account.cloud == cloud.name]
    if not names:
        raise ConfigError(f"{where} needs an account of {cloud.name}, and there is none")
    values["account"] = values["account"] or names[0]
    if values["account"] not in names:
        raise ConfigError(f"{where}.account is {values['account']!r:.60}; there is {', '.join(names)}")
    strip_prefix = _text(table, "strip_prefix", where)
    if not prefix.startswith(strip_prefix):
        raise ConfigError(f"{where}.strip_prefix is not what the route's prefix begins with, so some keys lack it")
    destination: Destination
    if column == Keys.column:
        destination = Keys(cloud.row, values, strip_prefix, add_prefix=_text(table, "add_prefix", where))
        setting = f"{where}.add_prefix" if destination.add_prefix else where
    else:
        if strip_prefix and not strip_prefix.endswith("/"):
            raise ConfigError(f"{where}.strip_prefix must end with a slash: it is a directory")
        depth = _depth(table.get("trigger_depth"), f"{where}.trigger_depth")
        destination = Directories(cloud.row, values, strip_prefix, trigger_depth=depth)
        setting = where
    # The cloud knows best what is wrong with a row of its own, of any key or of the shortest one that fits.
    shortest = destination.value(prefix.removeprefix(strip_prefix), Kind.CREATED) or "/"
    for value, blamed in (("/", where), (shortest, setting)):
        for _, error in cloud.plan([destination.row_of(value)], names, 1).rejected:
            raise ConfigError(f"{blamed}: {error}")
    return destination


def _column(cloud: Cloud) -> str:
    """The column that tells what has changed; "" if no notification can tell it."""
    return next((column for column in _KINDS if column in cloud.row._fields), "")


def _refuse_repeated(routes: Iterable[Route]) -> None:
    """Two that do the same would count everything twice, and one of them is a mistake."""
    seen: dict[tuple[object, ...], str] = {}
    for route in routes:
        for destination in route.destinations:
            for kind in sorted(route.events):
                way = (route.bucket, route.prefix, route.suffix, kind, destination)
                other = seen.setdefault(way, route.name)
                if other != route.name:
                    raise ConfigError(f"routes.{route.name} repeats routes.{other}: {kind} events go one way twice")


def _known(table: Mapping[str, Any], names: Iterable[str], where: str) -> None:
    known = sorted(names)
    for name in table:
        if name not in known:
            raise ConfigError(f"{where}.{name} is not a setting; there is {', '.join(known)}")


def _text(table: Mapping[str, Any], name: str, where: str, *, needed: bool = False) -> str:
    value = table.get(name, "")
    if not isinstance(value, str) or "\0" in value:
        raise ConfigError(f"{where}.{name} is {value!r:.60}, not text")
    if needed and not value:
        raise ConfigError(f"{where}.{name} is not set")
    return value


def _events(value: object, where: str) -> frozenset[Kind]:
    known = {kind.value for kind in Kind}
    if not isinstance(value, list) or not value or not all(isinstance(each, str) and each in known for each in value):
        raise ConfigError(f"{where} is {value!r:.60}; it must list some of {', '.join(Kind)}")
    return frozenset(Kind(each) for each in value)


def _depth(value: object, where: str) -> int | None:
    if value is None:
        return None
    if type(value) is not int or not 0 <= value <= 100:
        raise ConfigError(f"{where} is {value!r:.60}; it must be a whole number from 0 (the whole share) to 100")
    return value
