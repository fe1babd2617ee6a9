"""What stands in the file is read, or refused by its name."""

from __future__ import annotations

import tomllib
from hashlib import sha256
from pathlib import Path

import pytest

from engine.config import Settings
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
        ("[serve]\nmax_waiting = 1.5", "serve.max_waiting is 1.5; it must be a whole number"),
        ("[serve]\nmax_connections = 10.5", "serve.max_connections"),
        ("[serve]\nmax_waiting = nan", "serve.max_waiting"),
        ('[serve]\ntls_certificate = "/nowhere.pem"', "serve.tls_key is not set"),
        ('[serve]\ntls_key = "/nowhere.pem"', "serve.tls_key has no effect: tls_certificate is not set"),
        ('[serve]\ntls_certificate = "c"\nplain_http = true', "serve.plain_http has no effect"),
        ('[serve]\nbind = "unix:/no/where/s"', "serve.bind: there is no directory /no/where"),
        ('[serve]\nbind = "unix:/tmp"', "serve.bind: /tmp is there already, and is no socket"),
        (f'[serve]\nbind = "unix:/{"x" * 107}"', "serve.bind: "),
        *(
            (f"{OWN}rate = {rate}", "; it must be a number from 0.001 to 1e+06")
            for rate in ("-1", "0", "1e-300", "0.0009", "1e7", "inf", "-inf", "nan", "true", '"5"')
        ),
        (
            "[serve]\nplain_http = true",
            "serve.plain_http has no effect: serve.bind 127.0.0.1:8470 is this machine only",
        ),
        ('[serve]\nbind = "unix:/tmp/s"\nplain_http = true', "serve.plain_http has no effect"),
        ('[[listeners]]\nname = "q"\nformat = "smq"\ntopics = ["1/t"]\nrate = 5', "listeners.q.rate"),
        (OWN + "routes = []", "listeners.own.routes is empty; leave it out to mean every route"),
        (OWN + "tokens = []", "listeners.own.tokens is empty; leave it out to mean none"),
        ("[serve]\nread_tokens = []", "serve.read_tokens is empty"),
        ("[serve]\noperate_tokens = []", "serve.operate_tokens is empty"),
        (OWN + 'topics = ["1/t"]', "listeners.own.topics has no effect"),
        (OWN + 'certificate = "c"', "listeners.own.certificate has no effect"),
        (OWN + 'token_header = "x-token"', "listeners.own.token_header has no effect: there are no tokens"),
        ('[[listeners]]\nname = "q"\nformat = "smq"\ntopics = ["1/t", "t"]', "listeners.q.topics: 't'"),
        ('[[listeners]]\nname = "q"\nformat = "smn"\ntopics = ["1/t"]', "listeners.q.topics: '1/t'"),
        ('[[listeners]]\nname = "q"\nformat = "smq"\ntopics = ["1/t"]\ncertificate = "c"', "listeners.q.certificate"),
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
        ('[[listeners]]\nname = "q"\nformat = "smn"\ntopics = ["urn:smn:r:p:t"]', "listeners.q.certificate"),
        (
            '[[listeners]]\nname = "q"\nformat = "smn"\ntopics = ["urn:smn:r:p:t"]\ncertificate = "/no.pem"',
            "listeners.q.certificate",
        ),
        (f'[[listeners]]\nname = "q"\nformat = "smq"\ntopics = ["1/t"]\ntokens = ["{DIGEST}"]', "listeners.q.tokens"),
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
    text = f'[[listeners]]\nname = "q"\nformat = "smn"\ntopics = ["urn:smn:r:p:t"]\ncertificate = "{tmp_path}/smn.pem"'
    (listener,) = read(text).listeners
    assert listener.key
    assert listener.key.modulus == SIGNER.modulus


@pytest.mark.parametrize(("form", "needed_s"), [("smq", 1800), ("smn", 87_300)])
def test_ids_are_remembered_for_as_long_as_a_signed_message_is_good(tmp_path: Path, form: str, needed_s: int) -> None:
    (tmp_path / "smn.pem").write_bytes(SIGNER.pem)
    listener = f'[[listeners]]\nname = "q"\nformat = "{form}"\n'
    listener += {
        "smq": 'topics = ["1/t"]',
        "smn": f'topics = ["urn:smn:r:p:t"]\ncertificate = "{tmp_path}/smn.pem"',
    }[form]
    assert read(f"[serve]\nremember_s = {needed_s}\n{listener}").remember_s == needed_s
    with pytest.raises(ConfigError, match=f"serve.remember_s is {needed_s - 1}; listeners.q needs {needed_s}"):
        read(f"[serve]\nremember_s = {needed_s - 1}\n{listener}")
    assert read(f"[serve]\nremember_s = 60\n{OWN}").remember_s == 60, "whoever signs nothing sends no old messages"


def test_what_is_fixed_stays_as_it_is_and_is_judged_so() -> None:
    running = read(f'[serve]\nbind = "0.0.0.0:80"\nplain_http = true\n{OWN}tokens = ["{DIGEST}"]')
    wanted = read(f'[serve]\nlinger_s = 1.0\nmax_waiting = 7\n{OWN}tokens = ["{DIGEST}"]')
    kept = wanted.within(running)
    assert (kept.linger_s, kept.max_waiting, kept.bind, kept.fixed) == (1.0, 1_000_000, running.bind, running.fixed)
    with pytest.raises(
        ConfigError, match=r"own\.tokens are needed: serve\.bind 0\.0\.0\.0:80 is not this machine only"
    ):
        read(OWN).within(running)


def test_all_that_is_fixed_has_its_name_in_the_file() -> None:
    for name, value in read(OWN).fixed.items():
        text = f'"{value}"' if isinstance(value, str | Bind) else str(value).lower()
        assert read(f"[serve]\n{name} = {text}\n{OWN}").fixed[name] == value
