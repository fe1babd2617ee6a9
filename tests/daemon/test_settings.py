"""What stands in the file is read, or refused by its name."""

from __future__ import annotations

import ast
import inspect
import textwrap
import tomllib
from hashlib import sha256
from pathlib import Path

import pytest

from engine.config import Settings
from engine.daemon.access import Tokens
from engine.daemon.server import Bind
from engine.daemon.settings import ServeSettings, read_serve
from engine.errors import ConfigError
from tests.notifications.signing import SIGNER

DIGEST = "sha256:" + sha256(b"token").hexdigest()
OWN = '[[listeners]]\nname = "own"\nformat = "lines"\n'


def read(text: str) -> ServeSettings:
    return read_serve(Settings(**tomllib.loads(text)))


def test_the_defaults_are_for_this_machine_only() -> None:
    serve = read(OWN)
    assert (serve.bind, serve.no_route, serve.tls()) == (Bind("127.0.0.1", 8470), "drop", None)
    assert [listener.name for listener in serve.listeners] == ["own"]


@pytest.mark.parametrize(
    ("bind", "expected"),
    [
        ("127.0.0.1:1", Bind("127.0.0.1", 1)),
        ("[::1]:1", Bind("::1", 1)),
        ("localhost:1", Bind("localhost", 1)),
        ("unix:/run/s.sock", Bind("", 0, "/run/s.sock")),
    ],
)
def test_where_to_listen(bind: str, expected: Bind) -> None:
    assert read(f'[serve]\nbind = "{bind}"\n{OWN}').bind == expected


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('[serve]\nbind = "0.0.0.0:80"\n' + OWN, "listeners.own.tokens are needed"),
        ('[serve]\nbind = "[::]:80"\n' + OWN, "listeners.own.tokens are needed"),
        (f'[serve]\nbind = "10.0.0.1:80"\n{OWN}tokens = ["{DIGEST}"]', "serve.tls_certificate"),
        ('[serve]\nbind = "example.com:80"', "serve.bind"),
        ('[serve]\nbind = "127.0.0.1"', "serve.bind"),
        ('[serve]\nbind = "127.0.0.1:70000"', "serve.bind"),
        ('[serve]\nbind = "unix:here"', "serve.bind"),
        ("[serve]\nplain_http = 1", "serve.plain_http"),
        ("[serve]\nlinger_s = -1", "serve.linger_s"),
        ("[serve]\nmax_waiting = true", "serve.max_waiting"),
        ("[serve]\nlingers = 1", "serve.lingers"),
        ('[serve]\ntls_certificate = "/nowhere.pem"', "serve.tls_certificate"),
        ('[[listeners]]\nformat = "lines"', "listener 1"),
        ('[[listeners]]\nname = "a/b"\nformat = "lines"', "listener 1"),
        ('[[listeners]]\nname = "a"\nformat = "xml"', "listeners.a.format"),
        (OWN + OWN, "listeners.own: two"),
        (OWN + 'tokens = ["token"]', "listeners.own.tokens"),
        (OWN + 'tokens = "token"', "listeners.own.tokens"),
        (OWN + 'token_header = "a b"', "listeners.own.token_header"),
        (OWN + 'routes = ["none"]', "listeners.own.routes"),
        (OWN + "what = 1", "listeners.own.what"),
        ('[[listeners]]\nname = "q"\nformat = "smq"', "listeners.q.topics"),
        ('[[listeners]]\nname = "q"\nformat = "smn"\ntopics = ["t"]', "listeners.q.certificate"),
        (
            '[[listeners]]\nname = "q"\nformat = "smn"\ntopics = ["t"]\ncertificate = "/no.pem"',
            "listeners.q.certificate",
        ),
        (f'[[listeners]]\nname = "q"\nformat = "smq"\ntopics = ["t"]\ntokens = ["{DIGEST}"]', "listeners.q.tokens"),
    ],
)
def test_what_cannot_be_meant_is_named(text: str, named: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read(text).tls()
    assert named in str(refused.value)


def test_a_token_that_stands_there_in_the_open_is_not_repeated() -> None:
    with pytest.raises(ConfigError) as refused:
        read(OWN + 'tokens = ["hunter2-hunter2"]')
    assert "hunter2" not in str(refused.value)


def test_others_may_come_with_tokens_over_tls_or_behind_a_proxy() -> None:
    own = f'{OWN}tokens = ["{DIGEST}"]'
    assert read(f'[serve]\nbind = "0.0.0.0:80"\nplain_http = true\n{own}').bind.port == 80
    assert read(f'[serve]\nbind = "0.0.0.0:80"\ntls_certificate = "c"\n{own}').tls_certificate == "c"


def test_a_pinned_certificate_is_read(tmp_path: Path) -> None:
    (tmp_path / "smn.pem").write_bytes(SIGNER.pem)
    text = f'[[listeners]]\nname = "q"\nformat = "smn"\ntopics = ["t"]\ncertificate = "{tmp_path}/smn.pem"'
    (listener,) = read(text).listeners
    assert listener.key
    assert listener.key.modulus == SIGNER.modulus


def test_several_tokens_are_good_at_once() -> None:
    tokens = Tokens([DIGEST, "sha256:" + sha256(b"other").hexdigest()])
    assert [tokens.match(token) for token in ("token", "other", "", "tokens", DIGEST, "\ud800")] == [True, True] + [
        False
    ] * 4


def test_tokens_are_compared_in_constant_time() -> None:
    """All digests, each by compare_digest: no `==`, no `in`, and nothing that ends early."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(Tokens.match)))
    compared = [node for node in ast.walk(tree) if isinstance(node, ast.Compare)]
    assert [ast.unparse(node) for node in compared] == [
        "sum([compare_digest(digest, known) for known in self._digests]) > 0"
    ]
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.GeneratorExp | ast.BoolOp | ast.For)]
