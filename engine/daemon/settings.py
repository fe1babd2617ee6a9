"""`[serve]` and `[[listeners]]` as they stand in a TOML file."""

from __future__ import annotations

import re
import ssl
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from engine.config import Settings
from engine.daemon.access import Tokens
from engine.daemon.connection import Limits
from engine.daemon.server import Bind
from engine.errors import ConfigError
from engine.notifications import NotificationError, PublicKey, public_key

FORMATS = ("lines", "s3", "obs", "eventbridge", "smq", "smn")
SIGNED = {"smq", "smn"}  # by their vendor: they can carry no token

_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}").fullmatch
_HEADER = re.compile(r"[a-z0-9-]{1,100}").fullmatch


@dataclass(frozen=True, slots=True)
class ListenerSettings:
    """One sender, or several that share a memory of ids."""

    name: str
    format: str
    tokens: Tokens
    header: str = "authorization"  # that a token comes in
    routes: frozenset[str] | None = None  # that its events may take; None: all
    topics: frozenset[str] = frozenset()
    key: PublicKey | None = None  # pinned, of SMN


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """All of it. What `fixed` tells is in force until the process ends; the rest may be read anew."""

    bind: Bind
    limits: Limits
    listeners: tuple[ListenerSettings, ...]
    tls_certificate: str = ""
    tls_key: str = ""
    linger_s: float = 0.2
    no_route: str = "drop"
    max_waiting: int = 1_000_000
    remember_s: float = 90_000.0
    grace_s: float = 30.0
    read_tokens: Tokens = Tokens(())  # noqa: RUF009 - for status and metrics; never changed
    operate_tokens: Tokens = Tokens(())  # noqa: RUF009 - for these, and to pause and resume lanes
    keep_ended_s: float = 7 * 86_400.0  # jobs that were done well
    keep_ended_jobs: int = 1_000_000  # of these, at most
    keep_failed_s: float = 30 * 86_400.0  # jobs that failed, to be looked at or tried again
    upkeep_every_s: float = 300.0
    task_timeout_s: float = 6 * 3600.0  # from the start of a task; then its job fails

    @property
    def fixed(self) -> tuple[object, ...]:
        files = self.tls_certificate, self.tls_key
        return self.bind, self.limits, files, self.max_waiting, self.remember_s, self.task_timeout_s

    def tls(self) -> ssl.SSLContext | None:
        """Raises ConfigError: the certificate and its key cannot be used."""
        if not self.tls_certificate:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            context.load_cert_chain(self.tls_certificate, self.tls_key or None)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(f"serve.tls_certificate and serve.tls_key cannot be used: {error}") from None
        return context


# name -> (default, least, most)
_NUMBERS: Mapping[str, tuple[float, float, float]] = {
    "linger_s": (0.2, 0.0, 60.0),
    "max_waiting": (1_000_000, 1, 100_000_000),
    "remember_s": (90_000.0, 60.0, 30 * 86_400.0),
    "grace_s": (30.0, 0.0, 3600.0),
    "keep_ended_s": (7 * 86_400.0, 0.0, 3650 * 86_400.0),
    "keep_ended_jobs": (1_000_000, 0, 1_000_000_000),
    "keep_failed_s": (30 * 86_400.0, 0.0, 3650 * 86_400.0),
    "upkeep_every_s": (300.0, 0.01, 86_400.0),
    "task_timeout_s": (6 * 3600.0, 1.0, 30 * 86_400.0),
    "max_body_bytes": (1 << 20, 1024, 64 << 20),
    "header_s": (5.0, 0.1, 60.0),
    "body_s": (10.0, 0.1, 600.0),
    "max_connections": (512, 1, 65_536),
    "max_connections_per_address": (64, 1, 65_536),
}
_SERVE = {"bind", "tls_certificate", "tls_key", "plain_http", "no_route", "read_tokens", "operate_tokens", *_NUMBERS}
_LISTENER = {"name", "format", "tokens", "token_header", "routes", "topics", "certificate"}


def read_serve(settings: Settings) -> ServeSettings:
    """
    Raises:
        ConfigError: a setting is unknown or wrong, or others could reach what is not guarded. The message names it.
    """
    table = settings.serve
    _known(table, _SERVE, "serve")
    numbers = {name: _number(table.get(name, default), name, *range_) for name, (default, *range_) in _NUMBERS.items()}
    limits = Limits(
        body_bytes=int(numbers["max_body_bytes"]),
        bodies_bytes=max(64 << 20, int(numbers["max_body_bytes"])),
        header_s=numbers["header_s"],
        body_s=numbers["body_s"],
        connections=int(numbers["max_connections"]),
        connections_per_address=int(numbers["max_connections_per_address"]),
    )
    listeners: dict[str, ListenerSettings] = {}
    routes = {str(route.get("name")) for route in settings.routes}
    for number, listener in enumerate(settings.listeners, 1):
        read = _listener(listener, f"listener {number}", routes)
        if read.name in listeners:
            raise ConfigError(f"listeners.{read.name}: two listeners are called that")
        listeners[read.name] = read
    serve = ServeSettings(
        _bind(_text(table, "bind", "serve") or "127.0.0.1:8470"),
        limits,
        tuple(listeners.values()),
        _text(table, "tls_certificate", "serve"),
        _text(table, "tls_key", "serve"),
        numbers["linger_s"],
        _text(table, "no_route", "serve") or "drop",
        int(numbers["max_waiting"]),
        numbers["remember_s"],
        numbers["grace_s"],
        Tokens(_texts(table, "read_tokens", "serve"), "serve.read_tokens"),
        Tokens(_texts(table, "operate_tokens", "serve"), "serve.operate_tokens"),
        keep_ended_s=numbers["keep_ended_s"],
        keep_ended_jobs=int(numbers["keep_ended_jobs"]),
        keep_failed_s=numbers["keep_failed_s"],
        upkeep_every_s=numbers["upkeep_every_s"],
        task_timeout_s=numbers["task_timeout_s"],
    )
    plain_http = table.get("plain_http", False)
    if not isinstance(plain_http, bool):
        raise ConfigError(f"serve.plain_http is {plain_http!r:.60}; it must be true or false")
    _refuse_open(serve, plain_http=plain_http)
    return serve


def _refuse_open(serve: ServeSettings, *, plain_http: bool) -> None:
    """What others can reach must know who asks, and tokens must not be read on their way."""
    bind = serve.bind
    if bind.local:
        return
    for listener in serve.listeners:
        if not listener.tokens and listener.format not in SIGNED:
            raise ConfigError(
                f"listeners.{listener.name}.tokens are needed: serve.bind {bind} is not this machine only"
            )
    if not serve.tls_certificate and not plain_http:
        raise ConfigError(
            f"serve.bind {bind} is not this machine only: set serve.tls_certificate and serve.tls_key, "
            "or plain_http = true if TLS ends before it comes here"
        )


def _listener(table: Mapping[str, Any], where: str, known_routes: Collection[str]) -> ListenerSettings:
    name = _text(table, "name", where)
    if not _NAME(name):
        raise ConfigError(f"{where} needs a name of letters, digits, dots, dashes and underscores")
    where = f"listeners.{name}"
    _known(table, _LISTENER, where)
    form = _text(table, "format", where)
    if form not in FORMATS:
        raise ConfigError(f"{where}.format is {form!r:.60}; there is {', '.join(FORMATS)}")
    tokens = Tokens(_texts(table, "tokens", where), f"{where}.tokens")
    header = _text(table, "token_header", where).lower() or "authorization"
    if not _HEADER(header):
        raise ConfigError(f"{where}.token_header is {header!r:.60}, not the name of a header")
    routes = frozenset(_texts(table, "routes", where)) if "routes" in table else None
    if routes is not None and (unknown := sorted(routes - set(known_routes))):
        raise ConfigError(f"{where}.routes: there is no route {unknown[0]!r:.60}")
    topics = frozenset(_texts(table, "topics", where))
    if form in SIGNED:
        if tokens:
            raise ConfigError(f"{where}.tokens cannot be sent by {form}; it signs what it sends")
        if not topics:
            raise ConfigError(f"{where}.topics are not set: the vendor signs for all of its customers")
    key = _key(_text(table, "certificate", where), where) if form == "smn" else None
    return ListenerSettings(name, form, tokens, header, routes, topics, key)


def _key(file: str, where: str) -> PublicKey:
    if not file:
        raise ConfigError(f"{where}.certificate is not set: the vendor publishes it, as a PEM file")
    try:
        return public_key(Path(file).read_bytes())
    except OSError as error:
        raise ConfigError(f"{where}.certificate: cannot read {file}: {error.strerror}") from None
    except NotificationError as error:
        raise ConfigError(f"{where}.certificate {file}: {error}") from None


def _bind(text: str) -> Bind:
    if text.startswith("unix:"):
        if not text.startswith("unix:/"):
            raise ConfigError(f"serve.bind is {text!r:.100}; a socket's path begins with a slash")
        return Bind("", 0, text.removeprefix("unix:"))
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        if host != "localhost":
            ip_address(host)
        if not 0 <= int(port) < 1 << 16:
            raise ValueError
    except ValueError:
        raise ConfigError(f"serve.bind is {text!r:.100}, none of IP-ADDRESS:PORT and unix:/PATH") from None
    return Bind(host, int(port))


def _known(table: Mapping[str, Any], names: Collection[str], where: str) -> None:
    for name in table:
        if name not in names:
            raise ConfigError(f"{where}.{name} is not a setting; there is {', '.join(sorted(names))}")


def _text(table: Mapping[str, Any], name: str, where: str) -> str:
    value = table.get(name, "")
    if not isinstance(value, str) or "\0" in value:
        raise ConfigError(f"{where}.{name} is not text")
    return value


def _texts(table: Mapping[str, Any], name: str, where: str) -> list[str]:
    value = table.get(name, [])
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ConfigError(f"{where}.{name} must be a list of texts")
    return value


def _number(value: object, name: str, least: float, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise ConfigError(f"serve.{name} is {value!r:.40}; it must be a number from {least:g} to {most:g}")
    return float(value)
