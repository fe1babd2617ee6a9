"""Whom to examine: every account that is configured, also those that cannot be used as they are."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.clouds import Cloud, clouds
from engine.clouds.examination import Finding, Status
from engine.clouds.sources import Setting
from engine.config import Settings, accounts
from engine.credentials import NothingAtHandError, choose
from engine.credentials.carrying_out import carry_out_locally
from engine.doctor.advice import advice
from engine.errors import ConfigError, CredentialsError
from engine.model import Account
from signers import Credentials


@dataclass(frozen=True, slots=True)
class Described:
    """An account as the settings describe it, or why they describe none.

    Attributes:
        source: where its credentials come from, if that is known before anybody is asked.
    """

    name: str
    cloud: str
    account: Account | None = None
    trouble: Finding | None = None
    source: str = ""


def described(settings: Settings, environ: Mapping[str, str] = os.environ) -> list[Described]:
    """The accounts of the settings and, for clouds that have none there, those of the environment.

    Raises:
        CredentialsError: there is none at all.
    """
    found = [_named(name, table, settings, environ) for name, table in settings.accounts.items()]
    bare = replace(settings, accounts={})
    found += [
        _unnamed(cloud, bare, environ)
        for cloud in clouds().values()
        if not any(one.cloud == cloud.name for one in found)
    ]
    if all(one.trouble and one.trouble.status is Status.SKIPPED for one in found):
        accounts(bare, environ)  # raises, and says what to set
    return found


def _named(name: str, table: Mapping[str, Any], settings: Settings, environ: Mapping[str, str]) -> Described:
    alone = replace(settings, accounts={name: table})
    return _described(name, str(table.get("cloud", "")), alone, environ, str(table.get("credentials", "")))


def _unnamed(cloud: Cloud, bare: Settings, environ: Mapping[str, str]) -> Described:
    spec = environ.get(f"SYNCMUX_{cloud.name.upper()}_CREDENTIALS", "")
    found = _described(cloud.name, cloud.name, bare, environ, spec)
    if found.account or _spoken_of(cloud, environ):
        return found
    key_id, secret, _ = cloud.credential_variables[0]
    seen = f"not set up: neither SYNCMUX_{cloud.name.upper()}_REGION nor {key_id} and {secret} are set"
    return Described(cloud.name, cloud.name, trouble=Finding("configuration", Status.SKIPPED, seen))


def _described(name: str, cloud: str, alone: Settings, environ: Mapping[str, str], spec: str) -> Described:
    """One account by itself, so that none hides another."""
    try:
        (account,) = accounts(alone, environ, only={cloud})
    except ConfigError as error:
        check = "credentials" if isinstance(error, CredentialsError) else "configuration"
        return Described(name, cloud, trouble=Finding(check, Status.FAIL, str(error), advice(error), error=error))
    return Described(name, cloud, account, source=_source(account, spec, environ))


def _source(account: Account, spec: str, environ: Mapping[str, str]) -> str:
    """Where credentials that are known at once come from: the environment. `spec` may name a prefix of variables."""
    if not isinstance(account.credentials, Credentials):
        return ""
    prefix = spec.removeprefix("environment").removeprefix("default").removeprefix(":")
    describe = clouds()[account.cloud].credential_sources["environment"]
    found = carry_out_locally(describe(Setting(environ, argument=prefix)))
    return found.source if found else ""


def _spoken_of(cloud: Cloud, environ: Mapping[str, str]) -> bool:
    """Whether the environment says anything of a cloud: where it is to be used, or who is to use it."""
    keys = ("region", "credentials", next(iter(cloud.services.values())))
    if any(environ.get(f"SYNCMUX_{cloud.name.upper()}_{key.upper()}") for key in keys):
        return True
    try:
        choose(cloud, Setting(environ, endpoints=cloud.endpoints("", {})), at_hand=True)
    except NothingAtHandError:
        return False
    except CredentialsError:
        pass  # half of them are there
    return True
