"""`[[listeners]]` as they stand in a TOML file."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.daemon.access import Tokens
from engine.daemon.tables import Table
from engine.errors import ConfigError
from engine.notifications import NotificationError, PublicKey, public_key, smn, smq_push

FORMATS = ("lines", "s3", "obs", "eventbridge", "smq", "smn")
LEAST_RATE = 0.001  # requests/s; who sends less often needs no bound
SIGNED = {"smq", "smn"}  # by their vendor: they can carry no token
# From the first moment at which a signed message is taken to the last.
REPLAYED_S = {"smq": 2 * smq_push.WINDOW_S, "smn": smn.WINDOW_S + smn.AHEAD_S}

_TOPIC_FORMS = {"smq": "OWNER/NAME", "smn": "urn:smn:REGION:PROJECT:NAME"}
_TOPICS = {"smq": re.compile(r"[^/]+/[^/]+").fullmatch, "smn": re.compile(r"urn:smn:[^:]+:[^:]+:[^:]+").fullmatch}
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
    rate: float = 0.0  # requests/s that are taken; 0: any number


def read_listener(settings: Mapping[str, Any], where: str, known_routes: Collection[str]) -> ListenerSettings:
    """`where` names it as long as it has no name.

    Raises:
        ConfigError: a setting is missing, unknown or wrong. The message names it.
    """
    name = Table(settings, where).text("name")
    if not _NAME(name):
        raise ConfigError(f"{where} needs a name of letters, digits, dots, dashes and underscores")
    where = f"listeners.{name}"
    table = Table(settings, where)
    table.text("name")
    form = table.text("format")
    if form not in FORMATS:
        raise ConfigError(f"{where}.format is {form!r:.60}; there is {', '.join(FORMATS)}")
    tokens = Tokens(table.texts("tokens"), f"{where}.tokens")
    header = table.text("token_header", "authorization").lower()
    if not _HEADER(header):
        raise ConfigError(f"{where}.token_header is {header!r:.60}, not the name of a header")
    routes = table.some_of("routes", known_routes, "route")
    topics = frozenset(table.texts("topics"))
    certificate = table.text("certificate")
    rate = table.number("rate", 0.0, LEAST_RATE, 1e6)
    table.end()
    if form in SIGNED:
        if tokens:
            raise ConfigError(f"{where}.tokens cannot be sent by {form}; it signs what it sends")
        if rate:
            raise ConfigError(f"{where}.rate could be used up by anybody: what {form} signs is looked at later")
        if not topics:
            raise ConfigError(f"{where}.topics are not set: the vendor signs for all of its customers")
        if wrong := sorted(topic for topic in topics if not _TOPICS[form](topic)):
            raise ConfigError(f"{where}.topics: {wrong[0]!r:.100} is not of the form {_TOPIC_FORMS[form]}")
    else:
        table.without("topics", f"{form} is not signed")
    if form != "smn":
        table.without("certificate", f"{form} is not checked with one")
    if not tokens:
        table.without("token_header", "there are no tokens")
    key = _key(certificate, where) if form == "smn" else None
    return ListenerSettings(name, form, tokens, header, routes, topics, key, rate)


def _key(file: str, where: str) -> PublicKey:
    if not file:
        raise ConfigError(f"{where}.certificate is not set: the vendor publishes it, as a PEM file")
    try:
        return public_key(Path(file).read_bytes())
    except OSError as error:
        raise ConfigError(f"{where}.certificate: cannot read {file}: {error.strerror}") from None
    except NotificationError as error:
        raise ConfigError(f"{where}.certificate {file}: {error}") from None
