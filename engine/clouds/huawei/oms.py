"""What all operations of OMS have in common: paths below an account's project, and bodies in JSON."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields, is_dataclass
from functools import lru_cache
from typing import Annotated, Any
from urllib.parse import quote

import orjson

from engine.clouds.constraints import an_id, length, one_of
from engine.clouds.operation import Answer_co, Operation
from engine.model import Account

NAME = "huawei"
ID = an_id(255)
SyncTaskId = Annotated[str, ID]
UpTo255 = Annotated[str, length(0, 255)]

SYNCHRONIZING, STOPPED = "SYNCHRONIZING", "STOPPED"
Status = Annotated[str, one_of(SYNCHRONIZING, STOPPED)]


class OmsOperation(Operation[Answer_co]):
    __slots__ = ()

    cloud = NAME


def tasks_path(account: Account) -> str:
    return f"/v2/{_segment(account.settings['project_id'])}/sync-tasks"


def task_path(account: Account, sync_task_id: str) -> str:
    return f"{tasks_path(account)}/{_segment(sync_task_id)}"


@lru_cache(maxsize=1024)
def _segment(text: str) -> str:
    return quote(text, safe="")


def body(operation: Operation[Any], without: Collection[str] = ()) -> bytes:
    """The fields of an operation, in JSON. None is not sent."""
    return orjson.dumps(_given(operation, without))


def _given(parameters: Any, without: Collection[str] = ()) -> dict[str, Any]:
    values = {field.name: getattr(parameters, field.name) for field in fields(parameters) if field.name not in without}
    return {
        name: _given(value) if is_dataclass(value) else value for name, value in values.items() if value is not None
    }
