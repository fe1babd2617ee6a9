"""Accounts at the neutral server, which looks at no signature."""

from __future__ import annotations

from engine.model import Account
from signers import Credentials

KEY = Credentials("benchmark-access-key-id", "benchmark-secret-access-key")
PROJECT_ID = "f697f813554a4f05bac882a183b20878"
SYNC_TASK = "31e9b7e6-6ffb-452f-9842-6ce354d99d75"


def oms_account(url: str) -> Account:
    return Account("oms", "huawei", "cn-north-4", KEY, {"oms": url, "iam": url}, {"project_id": PROJECT_ID})


def sgw_account(url: str) -> Account:
    return Account("sgw", "alibaba", "cn-shanghai", KEY, {"sgw": url})
