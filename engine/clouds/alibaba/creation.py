"""Express sync groups that are created once. The cloud allows a name only once, which makes it the marker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.clouds.alibaba.express_groups import (
    CreateExpressSync,
    DescribeExpressSyncs,
    ExpressSync,
    ExpressSyncCreated,
)
from engine.clouds.alibaba.express_shares import DescribeExpressSyncShares
from engine.clouds.alibaba.sgw import Listing
from engine.clouds.creation import Creation, Existing, Page
from engine.clouds.operation import Operation


class ExpressSyncCreation(Creation):
    """An express sync group of a name, for a bucket or one prefix of it."""

    noun = "express sync group"
    taken = frozenset({"DuplicateExpressSyncName", "ConflictExpressSyncConfig", "ExpressSyncNotificationEventConflict"})
    unique = True
    unsure_s = 10.0  # a repeat of the name is refused, so nothing is lost by being early
    operation: CreateExpressSync

    @property
    def identity(self) -> Mapping[str, str]:
        wanted = self.operation
        return {
            "name": wanted.name,
            "bucket_region": wanted.bucket_region,
            "bucket_name": wanted.bucket_name,
            "bucket_prefix": wanted.bucket_prefix or "",
        }

    def marked(self, token: str) -> Operation[Any]:
        del token
        return self.operation

    def created(self, answer: ExpressSyncCreated) -> str:
        return answer.express_sync_id

    def listing(self, offset: int) -> Operation[Any]:
        del offset
        return DescribeExpressSyncs(self.operation.bucket_name)

    def page(self, answer: Listing[ExpressSync], token: str) -> Page:
        del token
        return Page([self._existing(group) for group in answer.items], len(answer.items), None)

    def _existing(self, group: ExpressSync) -> Existing:
        known = {name: getattr(group, name) or "" for name in self.identity}
        alike = known == self.identity
        wanted = self.operation.description
        differs = ("description",) if wanted is not None and (group.description or "") != wanted else ()
        return Existing(group.express_sync_id, mine=alike, alike=alike, differs=differs)

    def probe(self, thing: str, now: float) -> Operation[Any]:
        del now
        return DescribeExpressSyncShares([thing])
