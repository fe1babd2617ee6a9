"""Settings: flags over ``SYNCMUX_*`` variables over a TOML file. A setting has one name in all three."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from engine.clouds import Cloud, clouds
from engine.clouds.sources import Setting
from engine.credentials import NothingAtHandError, choose
from engine.endpoints import endpoints
from engine.errors import ConfigError, CredentialsError, CredentialsNotReadyError
from engine.model import Account

ACCOUNT_KEYS = {"cloud", "region", "rate", "credentials"}
TABLES = {"accounts", "serve", "routes", "listeners", "queues", "spools"}  # have no flags and no variables


@dataclass(frozen=True, slots=True)
class Settings:
    """What is set outside the accounts."""

    backlog: str = ".syncmux/backlog.db"
    rate: float | None = None  # calls/s of the operation that starts work; never exceeded
    concurrency: int | None = None  # calls in flight, per account and operation; None: as many as help
    batch: int = 10  # rows in a call, where a cloud takes several
    allow_hosts: tuple[str, ...] = ()  # outside the vendors' domains, that requests may be sent to
    accounts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    # Of `serve`, and read there: decoded TOML.
    serve: Mapping[str, Any] = field(default_factory=dict)
    routes: Sequence[Mapping[str, Any]] = ()
    listeners: Sequence[Mapping[str, Any]] = ()
    queues: Sequence[Mapping[str, Any]] = ()
    spools: Sequence[Mapping[str, Any]] = ()


def load(file: Path | None, environ: Mapping[str, str] = os.environ, **flags: Any) -> Settings:
    """The settings in force. Flags that are None were not given.

    Raises:
        ConfigError: a setting is unknown or wrong; the message names it and where it stands.
    """
    settings = Settings()
    if file is not None:
        settings = _applied(settings, _read(file), str(file))
    names = [f.name for f in fields(Settings) if f.name not in TABLES]
    variables = {name: environ[f"SYNCMUX_{name.upper()}"] for name in names if environ.get(f"SYNCMUX_{name.upper()}")}
    settings = _applied(settings, variables, "the environment")
    return _applied(settings, {name: value for name, value in flags.items() if value is not None}, "the command line")


def variables() -> set[str]:
    """Every variable of ours that is read here."""
    names = {f.name for f in fields(Settings) if f.name not in TABLES}
    for cloud in clouds().values():
        names |= {f"{cloud.name}_{key}" for key in ("region", "credentials", *cloud.services.values(), *cloud.settings)}
    return {f"SYNCMUX_{name.upper()}" for name in names}


def accounts(
    settings: Settings, environ: Mapping[str, str] = os.environ, only: Collection[str] | None = None
) -> list[Account]:
    """The accounts of some clouds (of all, by default): those of the settings, else one per cloud from the environment.

    Of all clouds, that is those whose credentials are at hand; only if none are, those that are set up otherwise are
    taken to find theirs elsewhere, such as at a metadata service.

    Raises:
        CredentialsError: an account has no credentials, or such that cannot be used.
        ConfigError: anything else is missing or wrong.
    """
    wanted = {name: cloud for name, cloud in clouds().items() if only is None or name in only}
    found = []
    for name, table in settings.accounts.items():
        cloud = clouds().get(str(table.get("cloud", "")))
        if cloud is None:
            raise ConfigError(f"accounts.{name}.cloud is {table.get('cloud')!r}; there is {', '.join(clouds())}")
        if cloud.name in wanted:
            found.append(_account(name, cloud, table, settings, environ))
    missing = [cloud for cloud in wanted.values() if not any(account.cloud == cloud.name for account in found)]
    if only is not None:
        return found + [_account(cloud.name, cloud, {}, settings, environ) for cloud in missing]
    unread: CredentialsNotReadyError | None = None
    for cloud in missing:
        try:
            found.append(_account(cloud.name, cloud, {}, settings, environ, at_hand=True))
        except NothingAtHandError:
            pass
        except CredentialsNotReadyError as error:  # a file that cannot be read for now
            if _set_up(cloud, environ):
                found.append(_account(cloud.name, cloud, {}, settings, environ))
            else:
                unread = error
    if not found:
        found = [_account(cloud.name, cloud, {}, settings, environ) for cloud in missing if _set_up(cloud, environ)]
    if not found and unread:
        raise unread
    if not found:
        raise CredentialsError("no credentials: " + "; ".join(_what_to_set(cloud) for cloud in wanted.values()))
    return found


def accounts_from_environment() -> list[Account]:
    """One account for every cloud whose credentials the environment holds."""
    return accounts(load(None))


def _account(
    name: str,
    cloud: Cloud,
    table: Mapping[str, Any],
    settings: Settings,
    environ: Mapping[str, str],
    *,
    at_hand: bool = False,
) -> Account:
    own = {*cloud.services.values(), *cloud.settings}
    for key in table:
        if key not in ACCOUNT_KEYS | own:
            known = ", ".join(sorted(ACCOUNT_KEYS | own))
            raise ConfigError(f"accounts.{name}.{key} is not a setting; there is {known}")
    values = {key: str(value) for key, value in table.items()}
    if not table:  # the account that the environment describes
        for key in ("region", "credentials", *own):
            if value := environ.get(_variable(cloud, key, environ)):
                values[key] = value

    def place(key: str) -> str:
        return f"accounts.{name}.{key}" if table else _variable(cloud, key, environ)

    for key, rule in cloud.settings.items():
        if key in values and (wrong := rule(values[key])):
            raise ConfigError(f"{place(key)} {values[key]!r:.60} {wrong}")
    region, spec = values.get("region", ""), values.get("credentials", "")
    told = {key: values[key] for key in own if key in values}
    bases = endpoints(cloud, region, told, settings.allow_hosts, name, place)
    credentials = choose(
        cloud, Setting(environ, region, bases, told), spec, name if table else "",
        place=place("credentials"), at_hand=at_hand and not spec,
    )  # fmt: skip
    first = next(iter(cloud.services.values()))
    if not region and first not in values:
        raise ConfigError(f"{place('region')} is not set" if table else f"set {place('region')} to the region")
    rate = _positive(table["rate"], f"accounts.{name}.rate") if "rate" in table else None
    return Account(name, cloud.name, region, credentials, bases, told, rate)


def _variable(cloud: Cloud, key: str, environ: Mapping[str, str]) -> str:
    """That a setting of a cloud's account is in: ours, unless only the vendor's is set."""
    ours = f"SYNCMUX_{cloud.name.upper()}_{key.upper()}"
    vendors = cloud.setting_variables.get(key)
    return vendors if vendors and environ.get(vendors) and not environ.get(ours) else ours


def _set_up(cloud: Cloud, environ: Mapping[str, str]) -> bool:
    """Whether the environment says where the cloud is to be used."""
    where = ("region", next(iter(cloud.services.values())))
    return any(environ.get(f"SYNCMUX_{cloud.name.upper()}_{key.upper()}") for key in where)


def _what_to_set(cloud: Cloud) -> str:
    key_id, secret, _ = cloud.credential_variables[0]
    return f"{key_id} and {secret} for {cloud.name}"


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is not valid TOML: {error}") from None


def _applied(settings: Settings, values: Mapping[str, Any], where: str) -> Settings:
    known = {f.name for f in fields(Settings)}
    for name in values:
        if name not in known:
            raise ConfigError(f"{name} in {where} is not a setting; there is {', '.join(sorted(known))}")
    try:
        return replace(settings, **{name: READERS[name](value, name) for name, value in values.items()})
    except ConfigError as error:
        raise ConfigError(f"{error}, in {where}") from None


def _positive(value: Any, name: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = 0.0
    if not 0.01 <= number <= 1e6:
        raise ConfigError(f"{name} is {value!r:.40}; it must be a number of calls/s from 0.01 on")
    return number


def _whole(value: Any, name: str, most: int) -> int:
    number = int(value) if isinstance(value, int) or (isinstance(value, str) and value.isdigit()) else 0
    if not 1 <= number <= most:
        raise ConfigError(f"{name} is {value!r:.40}; it must be a whole number from 1 to {most:,}")
    return number


def _path(value: Any, name: str) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ConfigError(f"{name} is {value!r:.60}, not the name of a file")
    return value


def _hosts(value: Any, name: str) -> tuple[str, ...]:
    listed = value.split(",") if isinstance(value, str) else value
    if not isinstance(listed, list | tuple) or not all(isinstance(host, str) for host in listed):
        raise ConfigError(f"{name} must be a list of host names")
    return tuple(host.strip().lower() for host in listed)


def _tables(value: Any, name: str) -> Mapping[str, Mapping[str, Any]]:
    if not isinstance(value, dict) or not all(isinstance(table, dict) for table in value.values()):
        raise ConfigError(f"{name} must be tables: [{name}.NAME]")
    return value


def _table(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(f"{name} must be a table: [{name}]")
    return value


def _listed(value: Any, name: str) -> Sequence[Mapping[str, Any]]:
    if not isinstance(value, list) or not all(isinstance(table, dict) for table in value):
        raise ConfigError(f"{name} must be tables: [[{name}]]")
    return value


READERS: Mapping[str, Any] = {
    "backlog": _path,
    "rate": _positive,
    "concurrency": lambda value, name: _whole(value, name, 10_000),
    "batch": lambda value, name: _whole(value, name, 100),
    "allow_hosts": _hosts,
    "accounts": _tables,
    "serve": _table,
    "routes": _listed,
    "listeners": _listed,
    "queues": _listed,
    "spools": _listed,
}
