"""Tokens are compared so that the time it takes tells nothing, and so is whatever else strangers may guess at."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from engine.daemon.access import Tokens, bearer

ROOT = Path(__file__).resolve().parents[2]
DIGEST = "sha256:" + sha256(b"token").hexdigest()
GUESSED_AT = re.compile(r"token|secret|password|signature|digest|hmac|expected", re.IGNORECASE)
BY_VALUE = ast.Eq | ast.NotEq | ast.In | ast.NotIn | ast.Is | ast.IsNot


def test_several_tokens_are_good_at_once() -> None:
    tokens = Tokens([DIGEST, "sha256:" + sha256(b"other").hexdigest()])
    assert [tokens.match(token) for token in ("token", "other", "", "tokens", DIGEST, "\ud800")] == [True, True] + [
        False
    ] * 4


@pytest.mark.parametrize(
    ("value", "token"),
    [
        ("Bearer secret", "secret"),
        ("bearer secret", "secret"),
        ("BEARER secret", "secret"),
        ("secret", ""),
        ("Bearer", ""),
        ("Bearersecret", ""),
        ("Basic secret", ""),
        ("Bearer  secret", " secret"),
        ("", ""),
    ],
)
def test_the_token_of_an_authorization_header(value: str, token: str) -> None:
    assert bearer({"authorization": value}) == token


def test_tokens_are_compared_in_constant_time() -> None:
    """All digests, each by compare_digest, all of one length: nothing that ends early."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(Tokens.match)))
    compared = [node for node in ast.walk(tree) if isinstance(node, ast.Compare)]
    assert [ast.unparse(node) for node in compared] == [
        "sum([compare_digest(digest, known) for known in self._digests]) > 0"
    ]
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.GeneratorExp | ast.BoolOp | ast.For)]
    known = Tokens([DIGEST])._digests
    assert [len(digest) for digest in known] == [sha256().digest_size], "so that the length of a token does not show"
    assert "digest = sha256(" in inspect.getsource(Tokens.match)


def careless(source: str) -> Iterator[str]:
    """Comparisons that end at the first difference, of what a stranger may guess at, by its name."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare) and any(isinstance(each, BY_VALUE) for each in node.ops):
            for side in (node.left, *node.comparators):
                if GUESSED_AT.search(" ".join(_named(side))):
                    yield ast.unparse(node)
                    break


def _named(side: ast.expr) -> Iterator[str]:
    """What is compared; the length of something is no secret, nor is whether it is there."""
    if isinstance(side, ast.Call) and ast.unparse(side.func) == "len":
        return
    for node in ast.walk(side):
        if isinstance(node, ast.Name | ast.Attribute):
            yield node.id if isinstance(node, ast.Name) else node.attr


@pytest.mark.parametrize(
    "source",
    [
        "token == known",
        "known != given.token",
        "sha256(given).digest() in self._digests",
        "block == expected",
        "headers['x'] not in (secret, other)",
    ],
)
def test_the_rule_finds_what_it_looks_for(source: str) -> None:
    assert list(careless(source)) == [source]


@pytest.mark.parametrize("source", ["len(signature) != size", "compare_digest(token, known)", "count > tokens"])
def test_the_rule_finds_nothing_else(source: str) -> None:
    assert not list(careless(source))


def test_nothing_that_strangers_may_guess_at_is_compared_by_value() -> None:
    """In all that they can reach: the daemon, and what is signed. (hmac.compare_digest is for that.)"""
    paths = [*ROOT.glob("engine/daemon/**/*.py"), *ROOT.glob("engine/notifications/**/*.py")]
    assert len(paths) > 30
    found = {str(path.relative_to(ROOT)): each for path in paths if (each := list(careless(path.read_text())))}
    assert not found
