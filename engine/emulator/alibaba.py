"""Alibaba Cloud Storage Gateway (sgw, 2018-05-11) and STS: RPC-style calls, from the request to the answer."""

from __future__ import annotations

from . import alibaba_replies as replies
from . import percent, sts
from .exchange import Answer, Call, Payload, Received, RefusedError
from .express_groups import Groups
from .express_sync import ExpressSyncs, group_in_operation
from .faults import Verdict
from .gateways import Gateways, gateway_in_operation
from .inventory import Inventory
from .keys import AccessKeys
from .state import Operation, World
from .tasks import TaskBook
from .verify_alibaba import AlibabaVerifier, nonce_used

VERSION = "2018-05-11"
_FORM = "application/x-www-form-urlencoded"


class Alibaba:
    def __init__(self, world: World, keys: AccessKeys) -> None:
        self._world = world
        self._verifier = AlibabaVerifier(keys, world.clock)
        tasks = TaskBook(world.clock)
        groups = Groups()
        gateways = Gateways(world, tasks)
        self._operations: dict[str, Operation] = {
            **gateways.operations(),
            **ExpressSyncs(world, tasks, gateways, groups).operations(),
            **Inventory(world, gateways, groups).operations(),
        }
        self._security_tokens = sts.SecurityTokens(world, keys)
        self._of_sts = self._security_tokens.operations()

    def read(self, received: Received) -> Call:
        """A V3 call has the operation's name in its headers, an RPC-signed one in its parameters."""
        headers = received.headers
        params = dict(percent.pairs(received.query, plus_is_space=True))
        if received.body and headers.get("content-type", "").startswith(_FORM):
            params.update(percent.pairs(received.body.decode("utf-8", "replace"), plus_is_space=True))
        if "x-acs-action" in headers and "authorization" in headers:
            action, version = headers["x-acs-action"], headers.get("x-acs-version", "")
            xml = "xml" in headers.get("accept", "")
        else:
            action, version = params.get("Action", ""), params.get("Version", "")
            xml = params.get("Format", "XML").upper() != "JSON"
        offered = {VERSION: self._operations, sts.VERSION: self._of_sts}.get(version, {})
        known = received.path == "/" and action in offered
        return Call(received, action if known else "", params, xml=xml)

    def authenticate(self, call: Call) -> None:
        """Raises RefusedError."""
        if call.operation == sts.WITH_OIDC:
            self._security_tokens.vouched(call)
            return
        key = self._verifier.verify(call)
        call.account, call.access_key_id = key.account, key.access_key_id
        if not call.operation:
            raise RefusedError(
                404,
                "InvalidApi.NotFound",
                "Specified api is not found, please check your url and method.",
                gateway=True,
            )

    def execute(self, call: Call, verdict: Verdict) -> Payload | None:
        asked_for = {call.operation, call.params.get("GatewayId"), call.params.get("TargetId")}
        if not asked_for.isdisjoint(self._world.faults.knobs.forbidden):
            raise RefusedError(403, "Forbidden.RAM", "User not authorized to operate on the specified resource.")
        operation = self._operations.get(call.operation) or self._of_sts[call.operation]
        return operation(call, verdict)

    def success(self, call: Call, payload: Payload | None) -> Answer:
        return replies.success(call, payload or {}, enveloped=call.operation not in self._of_sts)

    def refusal(self, call: Call, refused: RefusedError) -> Answer:
        return replies.refusal(call, refused)

    def throttled(self, calls_per_s: float, wait_s: float, hint: float) -> RefusedError:
        """Both codes occur, with the advice when to come back or without it."""
        code, flow = ("Throttling.User", "user") if hint < 0.75 else ("Throttling.Api", "api")
        headers = {"x-acs-retry-after": str(max(1, round(wait_s * 1000)))} if 0.25 <= hint < 0.9 else {}
        return RefusedError(400, code, f"Request was denied due to {flow} flow control.", gateway=True, headers=headers)

    def injected(self, outcome: str, operation: str) -> RefusedError | None:
        """The refusal that a fault asks for, if it is one and the operation can be refused so."""
        if outcome == "busy" and operation == "TriggerGatewayRemoteSync":
            return gateway_in_operation()
        if outcome == "busy" and operation in _GROUP_CHANGES:
            return group_in_operation()
        if outcome == "nonce_used":
            return nonce_used()
        return _INJECTED.get(outcome)


_GROUP_CHANGES = {"DeleteExpressSync", "AddSharesToExpressSync", "RemoveSharesFromExpressSync"}
_INJECTED = {
    "unavailable": RefusedError(
        503,
        "ServiceUnavailable",
        "The request has failed due to a temporary failure of the server.",
        gateway=True,
    ),
    "error_500": RefusedError(
        500,
        "InternalError",
        "Unexpected error. Try again later. If the error persists after several tries,"
        " we recommend that you submit a ticket.",
    ),
    "success_false": RefusedError(200, "OperationFailed", "The operation failed."),
}
