"""A server of the standard library's on loopback, in threads of its own."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


class Quiet(BaseHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Forgiving(ThreadingHTTPServer):
    """For clients that are killed, or hang up."""

    def handle_error(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def served(
    handler: type[Quiet], kind: type[ThreadingHTTPServer] = ThreadingHTTPServer, tls: ssl.SSLContext | None = None
) -> Iterator[str]:
    """Yields its URL, without a path."""
    server = kind(("127.0.0.1", 0), handler)
    if tls:  # the handshake is the handler's, or one client would hold up the others
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
