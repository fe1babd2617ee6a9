"""Which source an account's credentials come from: the one that is named, else the first in the vendor's order."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from engine.clouds import Cloud
from engine.clouds.sources import Describe, Setting, Steps, command, file
from engine.credentials.carrying_out import ElsewhereError, carry_out, carry_out_locally
from engine.errors import ConfigError, CredentialsError, CredentialsNotReadyError, TransportError
from engine.model import AuthToken, Fetched, Send, Source
from signers import Credentials


class NothingAtHandError(CredentialsError):
    """No source has credentials; none has unusable ones either."""


EVERYWHERE: Mapping[str, Describe] = {"file": file, "command": command}
Begin: TypeAlias = Callable[[], Steps]

DEFAULT = "default"
PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9_]*_").fullmatch


def choose(
    cloud: Cloud,
    setting: Setting,
    spec: str = "",
    account: str = "",
    *,
    place: str = "credentials",
    at_hand: bool = False,
) -> Credentials | AuthToken | Source:
    """The credentials themselves where they stand in the environment, else the source to fetch them from.

    Args:
        spec: ``NAME`` or ``NAME:ARGUMENT`` of a source; a prefix of variables (``EUROPE_``); or empty: the vendor's
            own order.
        place: where `spec` stands.
        at_hand: they must be on this machine; nobody is to be asked whether there are any.

    Raises:
        ConfigError: there is no such source.
        NothingAtHandError: there are none.
        CredentialsNotReadyError: it cannot be told whether there are any at hand, as they are to be.
        CredentialsError: there are, and they cannot be used; as far as that shows without asking anybody.
    """
    whose = f"account {account}" if account else cloud.name
    candidates = _candidates(cloud, setting, spec, place)
    source = Chain(candidates, setting.environ, _nothing(cloud, spec, whose))
    for steps in candidates.values():
        try:
            found = carry_out_locally(steps())
        except ElsewhereError:
            if at_hand:
                continue
            return source
        except CredentialsNotReadyError:
            if at_hand:
                raise
            return source
        if found:
            lasting = found.expires_at is None and found.look_again_s is None
            return found.credentials if lasting and not found.settings else source
    raise NothingAtHandError(_nothing(cloud, spec, whose))


def _candidates(cloud: Cloud, setting: Setting, spec: str, place: str) -> Mapping[str, Begin]:
    known = {**cloud.credential_sources, **EVERYWHERE}
    if _parted(spec)[0] == DEFAULT:
        return {name: _ready(known[name], setting) for name in cloud.credential_chain}
    name, argument = _parted(spec)
    if name not in known:
        raise ConfigError(
            f"{place} names {name!r:.40}; there is {', '.join(known)}, and a prefix of variables such as EUROPE_"
        )
    return {name: _ready(known[name], replace(setting, argument=argument))}


def _ready(describe: Describe, setting: Setting) -> Begin:
    return lambda: describe(setting)


def _parted(spec: str) -> tuple[str, str]:
    """The name of a source and what follows it."""
    name, _, argument = spec.partition(":")
    return ("environment", spec) if PREFIX(spec) else (name or DEFAULT, argument)


def _nothing(cloud: Cloud, spec: str, whose: str) -> str:
    """What to tell people who have no credentials."""
    name, prefix = _parted(spec)
    if name not in {DEFAULT, "environment"}:
        named = f"{name} {prefix}" if prefix and name in {"file", "profile"} else name  # others may hold a secret
        return f"no credentials for {whose}: nothing at {named}"
    key_id, secret, _ = cloud.credential_variables[0]
    return f"no credentials for {whose}: set {prefix}{key_id} and {prefix}{secret}"


class Chain:
    """A `Source`: the first of some that is there. From then on it is that one and no other."""

    def __init__(
        self,
        candidates: Mapping[str, Begin],
        environ: Mapping[str, str],
        nothing: str,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`nothing` is what to tell people if none is there."""
        self._candidates = candidates
        self._environ = environ
        self._nothing = nothing
        self._clock = clock
        self._names: Sequence[str] = tuple(candidates)

    async def __call__(self, send: Send) -> Fetched:
        unreachable = []
        for name in self._names:
            try:
                found = await carry_out(self._candidates[name](), send, self._environ, self._clock)
            except TransportError as error:
                if len(self._names) == 1:
                    raise
                unreachable.append(f"{name}: {error.message}")  # most machines have no metadata service
                continue
            if found:
                self._names = (name,)
                return found
        raise CredentialsError("; ".join([self._nothing, *unreachable]))
