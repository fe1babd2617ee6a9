"""Which texts of somebody else's document are secrets."""

from __future__ import annotations

from typing import Any

import pytest

from engine.clouds.operation import Untyped
from engine.clouds.secret_names import secret_texts, suggests_a_secret

KEY = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY00"


@pytest.mark.parametrize(
    "name",
    [
        "password", "Password", "userPasswd", "src_ak", "dst_sk", "SK", "SecretAccessKey", "secretkey", "token",
        "X-Auth-Token", "credentials", "api_key", "accessKeyId", "private_key", "authentication_key", "Signature",
    ],
)  # fmt: skip
def test_names_of_secrets(name: str) -> None:
    assert suggests_a_secret(name)


@pytest.mark.parametrize("name", ["name", "bucket", "object_keys", "ObjectKey", "task", "risk", "username", "keyword"])
def test_other_names(name: str) -> None:
    assert not suggests_a_secret(name)


@pytest.mark.parametrize(
    ("document", "secret"),
    [
        ({"name": "username", "password": "word", "project": "the password"}, ["word"]),
        ({"user": {"name": "somebody"}, "methods": ["password"]}, []),
        ({"src_node": {"ak": "one-", "sk": "two-", "bucket": "from"}}, ["one-", "two-"]),
        ({"credential": {"anything": ["deep"]}}, ["deep"]),
        ({"tags": [{"key": "Password", "value": "deep"}, {"name": "colour", "value": "blue"}]}, ["Password", "deep"]),
        ({"description": KEY, "id": "31e9b7e6-6ffb-452f-9842-6ce354d99d75"}, [KEY]),
        ({"text": "0123456789abcdef0123"}, ["0123456789abcdef0123"]),
        ({"text": "-----BEGIN PRIVATE KEY-----"}, ["-----BEGIN PRIVATE KEY-----"]),
        ({"object_keys": ["photos/2024/img-0001.jpg"], "number": 5, "none": None}, []),
        ("text", []),
    ],
)
def test_secrets_in_documents(document: Any, secret: list[str]) -> None:
    assert list(secret_texts(document)) == secret


def test_any_operation_has_the_secrets_of_its_body_and_of_its_query() -> None:
    wanted = Untyped("huawei", "X", {"limit": "1000", "Password": "query"}, body={"sk": "body", "bucket": "from"})
    assert list(wanted.secrets()) == ["query", "body"]
