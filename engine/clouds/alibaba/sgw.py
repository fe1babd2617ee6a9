"""What all operations of Storage Gateway have in common.

They are POSTs to / with all parameters in the query, named like the fields here but in CamelCase. Answers share an
envelope: RequestId, Code, Message and Success, of which `codes.check` judges all but the first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import Annotated, Any, Generic, TypeVar

import orjson

from engine.clouds.constraints import an_id, between
from engine.clouds.operation import Answer, Answer_co, Operation
from engine.clouds.records import objects, record
from engine.clouds.replies import json_object
from engine.model import Account, Call, Reply

NAME = "alibaba"
VERSION = "2018-05-11"
ID = an_id(128)
Id = Annotated[str, ID]
PageNumber = Annotated[int, between(1, 10**9, "1 or more")]
MAX_PAGE_SIZE = 50
PageSize = Annotated[int, between(1, MAX_PAGE_SIZE)]

Item = TypeVar("Item")


class SgwOperation(Operation[Answer_co]):
    """An operation whose name is that of its class."""

    __slots__ = ()

    cloud = NAME

    def call(self, account: Account) -> Call:
        return Call(type(self).__name__, params=params(self))


@dataclass(frozen=True, slots=True)
class Listing(Generic[Item]):
    """A list in an answer. The counts are of what is paged; None where the operation gives everything at once."""

    items: tuple[Item, ...]
    total_count: int | None
    page_number: int | None
    page_size: int | None
    request_id: str | None


def params(operation: Operation[Any]) -> dict[str, str]:
    """The fields of an operation as its query. None is not sent; "" is, as some operations tell the two apart.

    A list is its entries between commas, a mapping an object in JSON, and True ``true``.
    """
    values = ((wire, getattr(operation, name)) for name, wire in _names(type(operation)))
    return {wire: _text(value) for wire, value in values if value is not None}


def read_record(kind: type[Answer], reply: Reply) -> Answer:
    """An answer that is one object."""
    return record(kind, json_object(reply), camel_case)


def read_listing(kind: type[Item], reply: Reply, parents: str, child: str) -> Listing[Item]:
    """An answer with a list in it: ``{"Parents": {"Child": [...]}}``."""
    answer = json_object(reply)
    items = tuple([record(kind, item, camel_case) for item in listed(answer, parents, child)])
    found: Listing[Item] = record(Listing, answer, camel_case, items=items)
    return found


def listed(answer: dict[str, Any], parents: str, child: str) -> list[Any]:
    above = answer.get(parents)
    return objects(above.get(child) if isinstance(above, dict) else None, parents)


@cache
def camel_case(name: str) -> str:
    return "".join([part.capitalize() for part in name.split("_")])


@cache
def _names(kind: type[Any]) -> tuple[tuple[str, str], ...]:
    return tuple((field.name, camel_case(field.name)) for field in fields(kind))


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return orjson.dumps({name: _text(inner) for name, inner in value.items()}).decode()
    if isinstance(value, Sequence):
        return ",".join([_text(each) for each in value])
    return str(value).lower()
