"""From a request to an answer: faults, authentication, quotas, execution, and what the ledger is told."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Protocol

from .alibaba import Alibaba
from .exchange import Answer, Call, Payload, Received, RefusedError
from .faults import CLEAN, Verdict
from .huawei import Huawei
from .keys import AccessKeys
from .metadata import Metadata
from .quotas import Quotas
from .smq import Smq
from .state import World

_PORTAL = b"<!DOCTYPE html><html><body><h1>Sign in to this network</h1></body></html>"
_LISTS = (
    "Tasks",
    "ExpressSyncs",
    "Shares",
    "BucketInfos",
    "FileShares",
    "Gateways",
    "StorageBundles",
    "Regions",
)


class Cloud(Protocol):
    def read(self, received: Received) -> Call: ...
    def authenticate(self, call: Call) -> None: ...
    def execute(self, call: Call, verdict: Verdict) -> Payload | None: ...
    def success(self, call: Call, payload: Payload | None) -> Answer: ...
    def refusal(self, call: Call, refused: RefusedError) -> Answer: ...
    def throttled(self, calls_per_s: float, wait_s: float, hint: float) -> RefusedError: ...
    def injected(self, outcome: str, operation: str) -> RefusedError | None: ...


class Clouds:
    """Both clouds and what they tell their instances. They share one address: their paths differ."""

    def __init__(self, world: World, keys: AccessKeys) -> None:
        self._world = world
        self._quotas = Quotas(world.clock)
        self._alibaba: Cloud = Alibaba(world, keys)
        self._huawei: Cloud = Huawei(world, keys)
        self._metadata: Cloud = Metadata(world, keys)
        self._smq = Smq(world, keys)
        self._late: set[asyncio.TimerHandle] = set()

    async def wait(self, received: Received) -> None:
        """Return when a request can be answered: some wait for something to happen. Never raises."""
        if Smq.serves(received.path):
            await self._smq.wait(received)

    def answer(self, received: Received) -> tuple[Answer, Verdict]:
        """The answer, and what is to happen to it on its way. Never raises."""
        cloud = self._serving(received.path)
        call = cloud.read(received)
        verdict = self._world.faults.draw(call.operation) if call.operation else CLEAN
        if verdict.outcome in {"reset_before", "html"}:
            self._world.ledger.answered(call.operation, verdict.outcome)
            return Answer(200, _PORTAL, "text/html", "html"), verdict
        try:
            cloud.authenticate(call)
        except RefusedError as refused:
            self._world.ledger.refuse(refused.code)
            return cloud.refusal(call, refused), verdict
        answer = self._carry_out(cloud, call, verdict)
        unseen = verdict.outcome in {"truncate", "reset_after", "late"}
        self._world.ledger.answered(call.operation, verdict.outcome if unseen else answer.code)
        return answer, verdict

    def _serving(self, path: str) -> Cloud:
        if path.startswith(("/v2/", "/v3/")):
            return self._huawei
        if Smq.serves(path):
            return self._smq
        return self._metadata if Metadata.serves(path) else self._alibaba

    def _carry_out(self, cloud: Cloud, call: Call, verdict: Verdict) -> Answer:
        """What happens to a call once it is known whose it is."""
        ledger, knobs = self._world.ledger, self._world.faults.knobs
        ledger.called(call.operation)
        if knobs.record_arrivals:
            ledger.arrived(call.operation, self._world.clock.elapsed())
        refused = self._throttled(cloud, call, verdict) or cloud.injected(verdict.outcome, call.operation)
        if refused is not None:
            return cloud.refusal(call, refused)
        if verdict.outcome == "late":
            self._execute_later(cloud, call, verdict)
            return cloud.success(call, None)
        try:
            payload = cloud.execute(call, verdict)
        except RefusedError as why:
            return cloud.refusal(call, why)
        if verdict.duplicate:
            self._execute_again(cloud, call, verdict)
        if verdict.outcome != "empty":
            return cloud.success(call, payload)
        if payload and _without_entries(payload):
            return cloud.success(call, payload)
        answer = cloud.success(call, payload)
        answer.body = b""
        return answer

    def _throttled(self, cloud: Cloud, call: Call, verdict: Verdict) -> RefusedError | None:
        if verdict.outcome == "throttle":
            return cloud.throttled(100, verdict.hint, verdict.hint)
        rate = self._world.faults.knobs.rate
        if rate:
            for limited in (call.operation, call.access_key_id):
                if limit := rate.get(limited):
                    wait_s = self._quotas.take(call.account, limited, limit)
                    if wait_s:
                        return cloud.throttled(limit, wait_s, 0.5)
        return None

    def _execute_later(self, cloud: Cloud, call: Call, verdict: Verdict) -> None:
        def execute() -> None:
            self._late.discard(timer)
            self._execute_again(cloud, call, verdict)

        timer = asyncio.get_running_loop().call_later(verdict.late_s, execute)
        self._late.add(timer)

    def _execute_again(self, cloud: Cloud, call: Call, verdict: Verdict) -> None:
        with suppress(RefusedError):  # nobody is there to be told
            cloud.execute(call, verdict)

    def close(self) -> None:
        for timer in self._late:
            timer.cancel()


def _without_entries(payload: Payload) -> bool:
    """Empties the payload's list, if it has one."""
    for name, value in payload.items():
        if name in _LISTS and isinstance(value, dict):
            payload[name] = {entry: [] for entry in value}
        elif isinstance(value, list):
            payload[name] = []
        else:
            continue
        for count in ("TotalCount", "count"):
            if count in payload:
                payload[count] = 0
        return True
    return False
