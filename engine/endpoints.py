"""Where an account's requests go: the vendor's endpoints in its region, or others that the settings name."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches
from ipaddress import ip_address
from urllib.parse import urlsplit

from engine.clouds import Cloud
from engine.errors import ConfigError

REGION = re.compile(r"(?=.{2,32}\Z)[a-z0-9]+(-[a-z0-9]+)*").fullmatch
HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|[0-9a-f:.]+").fullmatch  # a name, or an IPv6 address
USER = re.compile(r"(\w+:/+)?.*@", re.DOTALL).sub  # a name and password before the host


def endpoints(
    cloud: Cloud,
    region: str,
    settings: Mapping[str, str],
    allow_hosts: Collection[str],
    account: str,
    place: Callable[[str], str],
) -> Mapping[str, str]:
    """The base URL of each of the cloud's services. `place` tells where a setting of the account stands.

    A cloud whose first service is on this machine is no real one: its other services are there, too, unless settings
    of theirs say otherwise. So nothing that is meant for an emulator ever reaches the vendor.

    Warns of a region that the vendor does not document. Its host follows the pattern of the others.

    Raises:
        ConfigError: the region cannot be one, or an endpoint may not be sent to.
    """
    if region and not REGION(region):
        raise ConfigError(f"{place('region')} {region!r:.60} is not the name of a region")
    named = {
        service: endpoint(settings[key], cloud, allow_hosts, place(key))
        for service, key in cloud.services.items()
        if key in settings
    }
    first = next(iter(cloud.services))
    if first in named:
        if _loopback(urlsplit(named[first]).hostname or ""):
            return dict.fromkeys(cloud.services, named[first]) | named
    elif region and region not in cloud.regions:
        _warn(cloud, region, account)
    return {**cloud.endpoints(region, settings), **named}


def endpoint(url: str, cloud: Cloud, allow_hosts: Collection[str], setting: str) -> str:
    """A base URL that signed requests may be sent to.

    Raises:
        ConfigError: it is not https (plain http is for loopback only), or leads outside the vendor's domains.
    """
    shown = USER(r"\1***@", url)
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise ConfigError(f"{setting} is not a URL: {shown!r:.100}") from None
    base = f"{parts.scheme}://{parts.netloc.lower()}"
    if parts.scheme not in {"http", "https"} or not HOST(host) or "@" in url or url.removesuffix("/").lower() != base:
        raise ConfigError(f"{setting} is not a base URL such as https://host: {shown!r:.100}")
    if _loopback(host):
        return base
    if parts.scheme == "http":
        raise ConfigError(f"{setting} is plain http, which is for loopback only: {shown!r:.100}")
    if not host.endswith(tuple(cloud.domains)) and host not in allow_hosts:
        raise ConfigError(f"{setting} leads to {host}, outside {', '.join(cloud.domains)}; name it in allow_hosts")
    return base


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _warn(cloud: Cloud, region: str, account: str) -> None:
    """Once a process: `warnings` shows the same words of one place once."""
    near = ", ".join(get_close_matches(region, cloud.regions) or sorted(cloud.regions))
    said = f"account {account}: no region {region} is documented; there is {near}; it is used all the same"
    warnings.warn(said, stacklevel=2)
