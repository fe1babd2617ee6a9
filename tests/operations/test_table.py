"""No operation without a row, no cell without a test, and the document says what is so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import engine.clouds.alibaba.operations as sgw
import engine.clouds.huawei.operations as oms
from engine.emulator import huawei
from engine.emulator.alibaba import Alibaba
from engine.emulator.clock import Clock
from engine.emulator.faults import Faults
from engine.emulator.keys import AccessKeys
from engine.emulator.ledger import Ledger
from engine.emulator.state import World

from .scenarios import SCENARIOS
from .table import DOCUMENT, document, stated
from .test_operations import test_command as command_test
from .test_operations import test_operation as operation_test
from .ways import columns

OF_IAM = {"KeystoneListProjects", "KeystoneCreateUserTokenByPassword"}


def test_every_operation_has_a_row() -> None:
    typed = {*sgw.__all__, *oms.__all__} - {"SourceCdn"}
    assert set(SCENARIOS) == typed
    assert len(SCENARIOS) == 25
    clock = Clock()
    world = World(clock, Faults({}, clock), Ledger())
    emulated = {*Alibaba(world, AccessKeys(clock))._operations, *huawei.ROUTES.values()}
    assert emulated == typed


def test_no_sdk_is_left_out_that_has_the_operation() -> None:
    missing = {(each, name) for each in SCENARIOS for name, column in columns(each).items() if not column.has(each)}
    of_oms = {each for each in oms.__all__ if each != "SourceCdn"} - OF_IAM
    assert missing == {
        *((each, sdk) for each in OF_IAM for sdk in ("oms", "oms-async")),
        *((each, sdk) for each in of_oms for sdk in ("iam", "iam-async")),
    }


def test_every_cell_is_a_test() -> None:
    assert sorted(stated(DOCUMENT.read_text("utf-8"))) == sorted([*_ids(operation_test), *_ids(command_test)])


def test_the_document_is_up_to_date() -> None:
    assert DOCUMENT.read_text("utf-8") == document(), "run python -m tests.operations"


def _ids(test: Callable[..., Any]) -> list[str]:
    """As pytest collects them."""
    (mark,) = [mark for mark in test.pytestmark if mark.name == "parametrize"]  # type: ignore[attr-defined]
    assert len(test.pytestmark) == 1, "a mark may keep a test from running"  # type: ignore[attr-defined]
    return [f"{test.__name__}[{each if isinstance(each, str) else each.id}]" for each in mark.args[1]]
