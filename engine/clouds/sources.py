"""Where credentials come from, described without doing it: a description yields the steps that need the world.

Whoever carries a description out answers each step, and gets the credentials at the end: `engine.credentials`.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from engine.clouds.documents import checked, error_code, ini_document, json_document, key_set
from engine.errors import CredentialsError, UnavailableError
from engine.model import Fetched, Reply
from signers import SignedRequest

LOOK_AGAIN_S = 60.0  # whoever renews the keys in a file tells nobody


@dataclass(frozen=True, slots=True)
class Read:
    """All bytes of a file; None if there is no such file. `private`: nobody but its owner may be able to read it."""

    path: str
    private: bool = True


@dataclass(frozen=True, slots=True)
class Ask:
    """The `Reply` to a request, which is made of the time and a nonce at the last moment."""

    request: Callable[[float, str], SignedRequest]
    timeout_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Run:
    """What a command writes to its standard output."""

    argv: tuple[str, ...] = field(repr=False)


Steps: TypeAlias = Generator[Read | Ask | Run, Any, Fetched | None]
"""Ends with the credentials, or with None if this source is not there. Raises `CredentialsError` if it is there and
cannot be used: another identity must not slip into its place."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a description may build upon."""

    environ: Mapping[str, str] = field(repr=False)
    region: str = ""
    endpoints: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    argument: str = field(default="", repr=False)  # what follows the source's name in the setting `credentials`

    def at_home(self, path: str) -> str | None:
        """A path below the home directory, if there is one."""
        home = self.environ.get("HOME")
        return f"{home}/{path}" if home else None


Describe: TypeAlias = Callable[[Setting], Steps]


def environment(variables: Sequence[tuple[str, str, str]]) -> Describe:
    """The first of some triples of variables (key id, secret, token) that is set."""

    def describe(setting: Setting) -> Steps:
        yield from ()
        environ, prefix = setting.environ, setting.argument
        for triple in variables:
            names = tuple(prefix + name for name in triple)
            key_id, secret, token = (environ.get(name, "") for name in names)
            if key_id and secret:
                return Fetched(checked((key_id, secret, token or None), names), f"the environment: {names[0]}")
            if key_id or secret:
                there, missing = names[:2] if key_id else (names[1], names[0])
                raise CredentialsError(f"{there} is set and {missing} is not")
        return None

    return describe


def file(setting: Setting) -> Steps:
    """``file:PATH``: one set of keys, as a JSON object or in a section of an INI file."""
    path = setting.argument
    if not path:
        raise CredentialsError("credentials = file:PATH needs a path")
    if path.startswith("~/"):
        path = setting.at_home(path[2:]) or path
    body = yield Read(path)
    if body is None:
        return None
    if body.lstrip()[:1] in {b"{", b""}:
        found = key_set(json_document(body, path), path)
    else:
        sections = ini_document(body, path)
        name = "default" if "default" in sections else next(iter(sections))
        found = key_set(sections[name], f"[{name}] of {path}")
    return replace(found, look_again_s=LOOK_AGAIN_S)


def command(setting: Setting) -> Steps:
    """``command:ARGV``: a program that prints one set of keys as a JSON object. No shell is involved."""
    return (yield from printed(setting.argument, "credentials = command:"))


def printed(line: str, where: str) -> Steps:
    """What a command line prints, split as a shell would."""
    try:
        argv = tuple(shlex.split(line))
    except ValueError:
        argv = ()
    if not argv or "\0" in line:
        raise CredentialsError(f"{where} needs a command, with its quotes closed")
    output = yield Run(argv)
    who = f"the output of {argv[0]}"
    return key_set(json_document(output, who), who)


def unsigned(method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Ask:
    """A request that nothing signs."""
    return Ask(lambda _now, _nonce: SignedRequest(method, url, dict(headers or {}), body))


def foreign(reply: Reply) -> bool:
    """Whether a metadata service refuses to be asked at all: other clouds have theirs at the same address."""
    return 400 <= reply.status < 500 and reply.status != 429


def accepted(reply: Reply, who: str) -> Reply:
    """The reply, if it is a success.

    Raises:
        UnavailableError: it may be one later.
        CredentialsError: it is a refusal. Of its text only the code is repeated: the rest may hold what was sent.
    """
    if 200 <= reply.status < 300:
        return reply
    if reply.status >= 500 or reply.status == 429:
        raise UnavailableError(f"{who} cannot serve now", status=reply.status, sent=False)
    code = error_code(reply.body)
    raise CredentialsError(f"{who} refuses: {f'{code}, ' if code else ''}HTTP {reply.status}")
