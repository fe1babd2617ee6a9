"""Huawei Cloud OMS v2 and IAM v3: REST calls, from the request to the answer."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

import orjson

from . import percent
from .exchange import Answer, Call, Payload, Received, RefusedError
from .faults import Verdict
from .keys import AccessKeys
from .projects import Projects
from .state import Operation, World
from .sync_tasks import SyncTasks
from .tokens import Tokens
from .verify_huawei import HuaweiVerifier

_TASKS = "/v2/{project_id}/sync-tasks"
_TASK = _TASKS + "/{sync_task_id}"
_SIGN_IN = "KeystoneCreateUserTokenByPassword"
ROUTES = {
    ("POST", _TASKS): "CreateSyncTask",
    ("GET", _TASKS): "ListSyncTasks",
    ("GET", _TASK): "ShowSyncTask",
    ("DELETE", _TASK): "DeleteSyncTask",
    ("POST", f"{_TASK}/start"): "StartSyncTask",
    ("POST", f"{_TASK}/stop"): "StopSyncTask",
    ("POST", f"{_TASK}/events"): "CreateSyncEvents",
    ("GET", f"{_TASK}/statistics"): "ListSyncTaskStatistic",
    ("GET", "/v3/projects"): "KeystoneListProjects",
    ("POST", "/v3/auth/tokens"): _SIGN_IN,
}


class Huawei:
    def __init__(self, world: World, keys: AccessKeys) -> None:
        self._verifier = HuaweiVerifier(keys, world.clock)
        self._projects = Projects()
        self._tokens = Tokens(keys, world)
        self._operations: dict[str, Operation] = {
            **SyncTasks(world).operations(),
            **self._projects.operations(),
            _SIGN_IN: self._sign_in,
        }

    def read(self, received: Received) -> Call:
        pattern, path_ids = _pattern(received.path)
        params = dict(percent.pairs(received.query, plus_is_space=False))
        return Call(received, ROUTES.get((received.method, pattern), ""), params, path_ids)

    def authenticate(self, call: Call) -> None:
        """Raises RefusedError."""
        if not call.operation:
            message = "The API does not exist or has not been published in the environment."
            raise RefusedError(404, "APIGW.0101", message, gateway=True)
        if call.operation == _SIGN_IN:
            key = self._tokens.user(call)
        elif "x-auth-token" in call.received.headers and "authorization" not in call.received.headers:
            key = self._tokens.verify(call)
        else:
            key = self._verifier.verify(call)
        call.account, call.access_key_id = key.account, key.access_key_id
        if "project_id" in call.path_ids:
            self._projects.check(call)

    def execute(self, call: Call, verdict: Verdict) -> Payload | None:
        return self._operations[call.operation](call, verdict)

    def _sign_in(self, call: Call, _verdict: Verdict) -> Payload:
        call.answer_headers["X-Subject-Token"], told = self._tokens.issue(call)
        call.answer_status = 201
        return told

    def success(self, call: Call, payload: Payload | None) -> Answer:
        body = b"" if payload is None else orjson.dumps(payload)
        headers = {**call.answer_headers, _trace_header(call): _request_id()}
        return Answer(call.answer_status, body, "application/json", str(call.answer_status), headers)

    def refusal(self, call: Call, refused: RefusedError) -> Answer:
        request_id = _request_id()
        body: dict[str, Any] = {"error_code": refused.code, "error_msg": refused.message}
        if refused.gateway:
            body["request_id"] = request_id
        elif call.operation == _SIGN_IN:
            title = HTTPStatus(refused.status).phrase
            body = {"error": {"code": refused.status, "message": refused.message, "title": title}}
        headers = {_trace_header(call): request_id}
        return Answer(refused.status, orjson.dumps(body), "application/json", refused.code, headers)

    def throttled(self, calls_per_s: float, _wait_s: float, _hint: float) -> RefusedError:
        limit = f"policy user over ratelimit,limit:{calls_per_s:g},time:1 second"
        return RefusedError(429, "APIGW.0308", f"The throttling threshold has been reached: {limit}", gateway=True)

    def injected(self, outcome: str, _operation: str) -> RefusedError | None:
        """The refusal that a fault asks for, if it is one."""
        if outcome in {"unavailable", "busy"}:
            return RefusedError(503, "OMS.2004", "The service is unavailable. Try again later.")
        if outcome == "error_500":
            return RefusedError(500, "APIGW.0601", "Internal server error.", gateway=True)
        if outcome == "success_false":
            return RefusedError(200, "OMS.1001", "Internal server error.")
        return None


def _pattern(path: str) -> tuple[str, dict[str, str]]:
    """The path with the names of its ids in braces, and the ids."""
    parts = path.split("/")
    ids = {}
    if parts[1:2] == ["v2"]:
        for position, name in ((2, "project_id"), (4, "sync_task_id")):
            if len(parts) > position and parts[position]:
                ids[name] = unquote(parts[position])
                parts[position] = f"{{{name}}}"
    return "/".join(parts), ids


def _trace_header(call: Call) -> str:
    return "X-IAM-Trace-Id" if call.received.path.startswith("/v3/") else "X-Request-Id"


def _request_id() -> str:
    return uuid4().hex
