"""Alibaba Cloud Storage Gateway: reverse syncs and the tasks that follow them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .exchange import Call, Payload, RefusedError
from .faults import Verdict
from .state import Operation, World
from .tasks import TaskBook

MAX_PAGE_SIZE = 50
STORAGE_BUNDLE_ID = "sb-emulator"
_GATEWAYS = ("gw-emulator1", "gw-emulator2")  # those that are listed; every other gw-* exists as well
SHARE_INDEX_IDS = ("NFSshare1", "SMBshare2")  # that every gateway lists
_INDEX_ID = re.compile(r"(NFS|SMB).{1,255}", re.DOTALL)


class Gateways:
    def __init__(self, world: World, tasks: TaskBook) -> None:
        self._world = world
        self._tasks = tasks

    def operations(self) -> dict[str, Operation]:
        return {
            "TriggerGatewayRemoteSync": self.trigger_remote_sync,
            "DescribeTasks": self.describe_tasks,
        }

    def trigger_remote_sync(self, call: Call, verdict: Verdict) -> Payload:
        gateway_id = required(call.params, "GatewayId")
        index_id = required(call.params, "IndexId")
        self.check_exists(gateway_id)
        if not _INDEX_ID.fullmatch(index_id):
            raise invalid("IndexId")
        slots = self._world.faults.knobs.gateway_slots
        if slots and self._tasks.running(call.account, gateway_id) >= slots:
            raise gateway_in_operation()
        task_id = self._tasks.start(
            call.account,
            gateway_id,
            name="task.name.operate_gateway.trigger_remote_sync",
            related=index_id,
            task_s=self._world.faults.task_s(),
            fails=verdict.task_fails,
        )
        path = call.params.get("Path", "")
        self._world.ledger.triggered(gateway_id, index_id, path)
        if self._world.faults.knobs.record_arrivals:
            self._world.ledger.took_effect(f"{gateway_id}|{index_id}", [path], self._world.clock.elapsed())
        return {"TaskId": task_id}

    def describe_tasks(self, call: Call, _verdict: Verdict) -> Payload:
        target = required(call.params, "TargetId")
        number, size = page_of(call.params)
        if task_id := call.params.get("TaskId"):
            found = self._tasks.find(call.account, target, task_id)
            total = len(found)
        else:
            total, found = self._tasks.page(call.account, target, number, size)
        return {"TotalCount": total, "PageNumber": number, "PageSize": size, "Tasks": {"SimpleTask": found}}

    def check_exists(self, gateway_id: str) -> None:
        known = self._world.faults.knobs.gateways
        if gateway_id not in known if known is not None else not gateway_id.startswith("gw-"):
            raise RefusedError(400, "GatewayNotExist", "The specified gateway does not exist.")

    def listed(self) -> list[str]:
        known = self._world.faults.knobs.gateways
        return sorted(_GATEWAYS if known is None else known)

    def listed_shares(self) -> list[tuple[str, str]]:
        """Gateway ids and share names."""
        return [(gateway_id, index_id[3:]) for gateway_id in self.listed() for index_id in SHARE_INDEX_IDS]


def flag(params: Mapping[str, str], name: str) -> bool:
    """A Boolean, false when absent. Both SDKs send Python's spelling of it."""
    text = params.get(name, "").lower()
    if text not in {"", "true", "false"}:
        raise invalid(name)
    return text == "true"


def required(params: Mapping[str, str], name: str) -> str:
    value = params.get(name, "")
    if not value:
        raise RefusedError(400, f"Missing{name}", f"{name} is mandatory for this action.", gateway=True)
    return value


def invalid(name: str) -> RefusedError:
    return RefusedError(400, f"Invalid{name}", f"The specified parameter {name} is not valid.", gateway=True)


def page_of(params: Mapping[str, str]) -> tuple[int, int]:
    """PageNumber (from 1, default 1) and PageSize (1 to 50, default 10)."""
    number, size = _integer(params, "PageNumber", 1), _integer(params, "PageSize", 10)
    if size > MAX_PAGE_SIZE:
        raise invalid("PageSize")
    return number, size


def gateway_in_operation() -> RefusedError:
    return RefusedError(400, "GatewayInOperation", "The gateway is processing requests . Try again later.")


def _integer(params: Mapping[str, str], name: str, default: int) -> int:
    text = params.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0):
        raise invalid(name)
    return int(text)
