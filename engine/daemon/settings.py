"""`[serve]` as it stands in a TOML file, with its listeners."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path

from engine.backlog.intent_store import MEMORY
from engine.config import Settings
from engine.daemon import unix_socket
from engine.daemon.access import Tokens
from engine.daemon.connection import Limits
from engine.daemon.listener_settings import REPLAYED_S, SIGNED, ListenerSettings, read_listener
from engine.daemon.server import Bind
from engine.daemon.tables import Table
from engine.errors import ConfigError


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """All of it. What `fixed` tells is in force until the process ends; the rest may be read anew."""

    bind: Bind
    limits: Limits
    listeners: tuple[ListenerSettings, ...]
    tls_certificate: str = ""
    tls_key: str = ""
    plain_http: bool = False
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
    def fixed(self) -> Mapping[str, object]:
        """What is in force until the process ends, by its name in the file."""
        limits = self.limits
        return {
            "bind": self.bind,
            "plain_http": self.plain_http,
            "tls_certificate": self.tls_certificate,
            "tls_key": self.tls_key,
            "max_body_bytes": limits.body_bytes,
            "header_s": limits.header_s,
            "body_s": limits.body_s,
            "max_connections": limits.connections,
            "max_connections_per_address": limits.connections_per_address,
            "max_waiting": self.max_waiting,
            "remember_s": self.remember_s,
            "task_timeout_s": self.task_timeout_s,
        }

    def within(self, running: ServeSettings) -> ServeSettings:
        """What these come to in a process that runs with others: those that are fixed stay as they are.

        Raises:
            ConfigError: others could reach what is not guarded.
        """
        kept = replace(
            self,
            bind=running.bind,
            plain_http=running.plain_http,
            tls_certificate=running.tls_certificate,
            tls_key=running.tls_key,
            limits=running.limits,
            max_waiting=running.max_waiting,
            remember_s=running.remember_s,
            task_timeout_s=running.task_timeout_s,
        )
        kept.guarded()
        return kept

    def guarded(self) -> None:
        """What others can reach must know who asks, and not for the second time; tokens must not be read on their way.

        Raises:
            ConfigError: one of these is not so.
        """
        for listener in self.listeners:
            if self.remember_s < (window_s := REPLAYED_S.get(listener.format, 0.0)):
                raise ConfigError(
                    f"serve.remember_s is {self.remember_s:g}; listeners.{listener.name} needs {window_s:g}: "
                    f"so long is a message of {listener.format} good, and may be sent again by whoever has seen it"
                )
        if self.bind.local:
            return
        for listener in self.listeners:
            if not listener.tokens and listener.format not in SIGNED:
                raise ConfigError(
                    f"listeners.{listener.name}.tokens are needed: serve.bind {self.bind} is not this machine only"
                )
        if not self.tls_certificate and not self.plain_http:
            raise ConfigError(
                f"serve.bind {self.bind} is not this machine only: set serve.tls_certificate and serve.tls_key, "
                "or plain_http = true if TLS ends before it comes here"
            )

    def tls(self) -> ssl.SSLContext | None:
        """Raises ConfigError: the certificate and its key cannot be used."""
        if not self.tls_certificate:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.renew(context)
        return context

    def read_tls(self) -> None:
        """Wait until the files can be read that `renew` reads, which tells of what is wrong with them."""
        for file in filter(None, (self.tls_certificate, self.tls_key)):
            with suppress(OSError):
                Path(file).read_bytes()

    def renew(self, tls: ssl.SSLContext) -> None:
        """Have new connections get the certificate that is in the files now. Raises ConfigError as `tls` does."""
        try:
            tls.load_cert_chain(self.tls_certificate, self.tls_key or None)
        except (OSError, ssl.SSLError) as error:
            missing = "" if self.tls_key else " (serve.tls_key is not set, so the key must stand in the same file)"
            raise ConfigError(f"serve.tls_certificate and serve.tls_key cannot be used{missing}: {error}") from None


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


def read_serve(settings: Settings) -> ServeSettings:
    """
    Raises:
        ConfigError: a setting is unknown or wrong, or others could reach what is not guarded. The message names it.
    """
    if settings.backlog == MEMORY:
        raise ConfigError(f"backlog: {MEMORY} would lose at the end of the process what senders were told is taken")
    table = Table(settings.serve, "serve")
    numbers = {name: table.number(name, *range_) for name, range_ in _NUMBERS.items()}
    listeners: dict[str, ListenerSettings] = {}
    routes = {str(route.get("name")) for route in settings.routes}
    for number, listener in enumerate(settings.listeners, 1):
        read = read_listener(listener, f"listener {number}", routes)
        if read.name in listeners:
            raise ConfigError(f"listeners.{read.name}: two listeners are called that")
        listeners[read.name] = read
    serve = ServeSettings(
        bind=_bind(table.text("bind", "127.0.0.1:8470")),
        limits=Limits(
            body_bytes=int(numbers["max_body_bytes"]),
            bodies_bytes=max(Limits().bodies_bytes, int(numbers["max_body_bytes"])),
            header_s=numbers["header_s"],
            body_s=numbers["body_s"],
            connections=int(numbers["max_connections"]),
            connections_per_address=int(numbers["max_connections_per_address"]),
        ),
        listeners=tuple(listeners.values()),
        tls_certificate=table.text("tls_certificate"),
        tls_key=table.text("tls_key"),
        plain_http=table.flag("plain_http"),
        linger_s=numbers["linger_s"],
        no_route=table.text("no_route", "drop"),
        max_waiting=int(numbers["max_waiting"]),
        remember_s=numbers["remember_s"],
        grace_s=numbers["grace_s"],
        read_tokens=Tokens(table.texts("read_tokens"), "serve.read_tokens"),
        operate_tokens=Tokens(table.texts("operate_tokens"), "serve.operate_tokens"),
        keep_ended_s=numbers["keep_ended_s"],
        keep_ended_jobs=int(numbers["keep_ended_jobs"]),
        keep_failed_s=numbers["keep_failed_s"],
        upkeep_every_s=numbers["upkeep_every_s"],
        task_timeout_s=numbers["task_timeout_s"],
    )
    table.end()
    if not serve.tls_certificate:
        table.without("tls_key", "tls_certificate is not set")
    else:
        table.without("plain_http", "tls_certificate is set")
    if serve.bind.local:
        table.without("plain_http", f"serve.bind {serve.bind} is this machine only")
    serve.guarded()
    return serve


def _bind(text: str) -> Bind:
    if text.startswith("unix:"):
        if not text.startswith("unix:/"):
            raise ConfigError(f"serve.bind is {text!r:.100}; a socket's path begins with a slash")
        unix_socket.check(path := text.removeprefix("unix:"))
        return Bind("", 0, path)
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
