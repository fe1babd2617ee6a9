"""Events: the names of objects that have changed, pushed into a sync task."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from engine.clouds.constraints import each, length
from engine.clouds.huawei.oms import OmsOperation, SyncTaskId, task_path
from engine.errors import InputError
from engine.model import Account, Call, Reply
from signers.canonical import percent_encode

MAX_KEY_BYTES = 1024  # of an object key in OBS, and in the clouds that it is read from
MAX_KEYS = 100

# Letters, digits and -._~ stay as they are; a slash is the one other character in most keys.
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_.~/-]{1,1024}").fullmatch
_PLAIN_KEYS = re.compile(r"[A-Za-z0-9_.~/\n-]+").fullmatch


def encode_key(key: str) -> str:
    """An object's name as CreateSyncEvents wants it: URL-encoded once, a space as %20 and a plus as %2B.

    Raises:
        InputError: no cloud can hold an object of that name.
    """
    if _PLAIN_KEY(key):
        return key.replace("/", "%2F")
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        raise InputError(f"key {key!r:.80} is not valid Unicode (it contains a lone surrogate)") from None
    if not key:
        raise InputError("key is empty")
    if "\0" in key:
        raise InputError(f"key {key!r:.80} contains a NUL")
    if size > MAX_KEY_BYTES:
        raise InputError(f"key {key!r:.80} is {size:,} bytes long; {MAX_KEY_BYTES:,} is the most")
    return percent_encode(key)


def encode_plain(keys: Sequence[str]) -> list[str] | None:
    """What `encode_key` makes of each, at a fraction of its price; None if there is more than plain keys."""
    text = "\n".join(keys)
    if not _PLAIN_KEYS(text) or "" in keys or max(map(len, keys)) > MAX_KEY_BYTES:
        return None
    encoded = text.replace("/", "%2F").split("\n")
    return encoded if len(encoded) == len(keys) else None  # a key holds a line end itself


def event_body(encoded_keys: Sequence[str]) -> bytes:
    """Encoded keys are ASCII without quotes, so joining them is JSON."""
    return ('{"object_keys":["' + '","'.join(encoded_keys) + '"]}').encode()


def event_call(account: Account, sync_task_id: str, body: bytes) -> Call:
    return Call("CreateSyncEvents", "POST", f"{task_path(account, sync_task_id)}/events", body=body)


@dataclass(frozen=True, slots=True)
class CreateSyncEvents(OmsOperation[None]):
    """Have objects synchronised by a sync task. Objects that were deleted are not deleted at the destination.

    `object_keys` are names as they are, not URL-encoded. The documents allow 10 of them in their text and 100 in their
    schema. The cloud takes all or none, and says no more about them than the task's counters do.

    Of note: OMS.1009 (`TargetError`) if there is no such task; OMS.0052 (`RejectedError`) if it is stopped.
    https://support.huaweicloud.com/intl/en-us/api-oms/CreateSyncEvents.html
    """

    sync_task_id: SyncTaskId
    object_keys: Annotated[Sequence[str], each(lambda key: ""), length(1, MAX_KEYS)]

    repeatable = True  # what is there already is skipped, and counted again

    def check(self) -> None:
        for key in self.object_keys:
            try:
                encode_key(key)
            except InputError as error:
                raise InputError(f"object_keys: {error}") from None

    def call(self, account: Account) -> Call:
        return event_call(account, self.sync_task_id, event_body([encode_key(key) for key in self.object_keys]))

    def read(self, reply: Reply) -> None:
        return
