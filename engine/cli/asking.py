"""Asks a running daemon."""

from __future__ import annotations

import http.client
import os
import socket
import ssl
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import orjson

from engine.cli.variables import DAEMON_TOKEN
from engine.errors import CallError, ConfigError, ProtocolError, TransportError, UnauthorizedError

PATIENCE_S = 10.0
MOST_BYTES = 16 << 20


def ask(daemon: str, path: str, environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """The JSON object that the daemon answers. `daemon` is an http or https URL, or unix:/PATH.

    Raises:
        ConfigError: it is none of these, or a token would be seen on its way there.
        UnauthorizedError: it wants a token, or another one.
        CallError: it cannot be reached, or is no daemon of ours.
    """
    token = environ.get(DAEMON_TOKEN, "")
    if not token.isascii() or not token.isprintable():
        raise ConfigError(f"{DAEMON_TOKEN} holds what no token can")
    connection = _connection(daemon, secret=bool(token))
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = answer.read(MOST_BYTES + 1)
    except (OSError, http.client.HTTPException) as error:
        raise TransportError(f"no daemon answers at {daemon}: {str(error) or type(error).__name__}") from None
    finally:
        connection.close()
    if answer.status == 401:
        what = "does not take this token" if token else f"wants a token: set {DAEMON_TOKEN}"
        raise UnauthorizedError(f"the daemon at {daemon} {what}")
    if answer.status != 200:
        raise CallError(f"the daemon at {daemon} answers with status {answer.status}")
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        found = None
    if len(body) > MOST_BYTES or not isinstance(found, dict) or "syncmux" not in found:
        raise ProtocolError(f"what answers at {daemon} is no daemon of syncmux")
    return found


class _Unix(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=PATIENCE_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _connection(daemon: str, *, secret: bool) -> http.client.HTTPConnection:
    if daemon.startswith("unix:/"):
        return _Unix(daemon.removeprefix("unix:"))
    try:
        url = urlsplit(daemon)
        host, port = url.hostname, url.port
    except ValueError:
        host, port = None, None
    if not host or url.scheme not in {"http", "https"} or url.path not in {"", "/"} or url.query or "@" in url.netloc:
        raise ConfigError(f"{daemon!r:.100} is no daemon's place: http://HOST:PORT, https://HOST or unix:/PATH")
    if url.scheme == "https":
        return http.client.HTTPSConnection(host, port, timeout=PATIENCE_S, context=ssl.create_default_context())
    if secret and not _here(host):
        raise ConfigError(f"the token would be seen on its way to {daemon}: use https")
    return http.client.HTTPConnection(host, port, timeout=PATIENCE_S)


def _here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
