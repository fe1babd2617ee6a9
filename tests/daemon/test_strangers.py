"""Whoever can connect, but is nobody to the daemon, keeps out nobody else."""

from __future__ import annotations

import ssl
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path

from tests.daemon.conftest import Serve, event
from tests.doctor.certificates import Authority

TOKEN = "token"
GUARDED = f'[[listeners]]\nname = "own"\nformat = "lines"\ntokens = ["sha256:{sha256(TOKEN.encode()).hexdigest()}"]\n'
SIGNED = '[[listeners]]\nname = "smq"\nformat = "smq"\ntopics = ["1/t"]\n'
BEGUN = b"POST /v1/events/smq HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n"


def test_bodies_without_a_token_keep_out_none_with_one(serve: Serve) -> None:
    serve.configure(GUARDED, SIGNED, serve.route(), serve.push())
    serve.start()
    with ExitStack() as stack:
        strangers = [stack.enter_context(serve.wire()) for _ in range(16)]
        for stranger in strangers:
            stranger.send(BEGUN)
        refused = [stranger.answer() for stranger in strangers[4:]]
        assert [(each.status, each.headers["retry-after"]) for each in refused] == [(503, "1")] * 12
        sent = serve.post(event("a"), headers=f"Authorization: Bearer {TOKEN}\r\n")
        assert sent.status == 202
        for path in ("/", "/livez"):  # neither do those that anybody may look at
            with serve.wire() as wire:
                wire.send(BEGUN.replace(b"POST /v1/events/smq", b"GET " + path.encode()))
                assert wire.answer().status == 503
    assert serve.end() == 0


def test_who_never_begins_to_speak_tls_is_counted_and_told_of(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "authority").mkdir()
    authority = Authority(tmp_path / "authority")
    authority.server(30)
    chain = str(tmp_path / "authority" / "127.0.0.130.pem")
    serve.configure(
        GUARDED, serve.route(), serve.push(), tls_certificate=chain, max_connections_per_address=5, header_s=60
    )
    serve.start()
    context = ssl.create_default_context(cafile=str(authority.file))
    with ExitStack() as stack:
        known = stack.enter_context(serve.wire())
        known.socket = stack.enter_context(context.wrap_socket(known.socket, server_hostname="127.0.0.1"))
        silent = [stack.enter_context(serve.wire()) for _ in range(40)]
        assert all(wire.closed() for wire in silent[4:])
        known.send(b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        lines = known.answer().body.decode().splitlines()
        assert "syncmux_http_refused_connections_total 36" in lines
        assert "syncmux_http_connections 5" in lines
        known.socket.close()
        assert serve.end(timeout_s=5) == 0, "without waiting for them"
