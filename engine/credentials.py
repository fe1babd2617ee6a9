"""Where credentials come from. Never from a flag: what stands in argv is everybody's."""

from __future__ import annotations

from collections.abc import Mapping

from engine.clouds import Cloud
from engine.errors import CredentialsError
from signers import Credentials


def from_environment(cloud: Cloud, environ: Mapping[str, str], account: str = "") -> Credentials:
    """The credentials in the vendor's own environment variables.

    Raises:
        CredentialsError: they are not there, or only half of them; the message names what to set.
    """
    for id_name, secret_name, token_name in cloud.credential_variables:
        key_id, secret = environ.get(id_name, ""), environ.get(secret_name, "")
        if key_id and secret:
            return checked(key_id, secret, environ.get(token_name) or None, (id_name, secret_name, token_name))
        if key_id or secret:
            there, missing = (id_name, secret_name) if key_id else (secret_name, id_name)
            raise CredentialsError(f"{there} is set and {missing} is not")
    id_name, secret_name, _ = cloud.credential_variables[0]
    whose = f"account {account}" if account else cloud.name
    raise CredentialsError(f"no credentials for {whose}: set {id_name} and {secret_name}")


def checked(key_id: str, secret: str, token: str | None, names: tuple[str, str, str]) -> Credentials:
    """Credentials that can stand in a header. Their values are never repeated, whatever is wrong with them."""
    for name, value in zip(names, (key_id, secret, token), strict=True):
        if value is not None and not (value.isascii() and value.isprintable() and " " not in value):
            raise CredentialsError(f"{name} holds a space, a line end or another character that no key has")
    return Credentials(key_id, secret, token)
