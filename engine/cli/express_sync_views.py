"""`express-sync list`, `shares` and `validate`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from engine.cli.everywhere import Everywhere
from engine.cli.exits import Exit
from engine.cli.express_sync import CLOUD
from engine.cli.output import Output
from engine.cli.performing import perform
from engine.clouds.alibaba.operations import (
    DescribeExpressSyncs,
    DescribeExpressSyncShares,
    ValidateExpressSyncConfig,
)
from engine.engine import Engine


def list_groups(everywhere: Everywhere, bucket_name: str | None, bucket_prefix: str | None, account: str) -> Exit:
    operation = DescribeExpressSyncs(bucket_name, bucket_prefix)

    async def work(engine: Engine, output: Output) -> Exit:
        groups = (await engine.do(operation, account)).items
        for group in groups:
            output.event("express_sync", express_sync=asdict(group))
            place = f"{group.bucket_region} {group.bucket_name}/{group.bucket_prefix or ''}"
            output.result(f"{group.express_sync_id} {group.name} {place}")
        if not groups:
            output.note("there is no express sync group")
        return Exit.DONE

    return perform(everywhere, CLOUD, [operation], work)


def list_shares(everywhere: Everywhere, groups: Sequence[str], account: str, *, available: bool) -> Exit:
    operation = DescribeExpressSyncShares(groups, available)

    async def work(engine: Engine, output: Output) -> Exit:
        shares = (await engine.do(operation, account)).items
        for share in shares:
            output.event("share", share=asdict(share))
            progress = "" if share.sync_progress is None or share.sync_progress < 0 else f" {share.sync_progress} %"
            output.result(
                f"{share.express_sync_id} {share.gateway_id}/{share.share_name} {share.express_sync_state}{progress}"
            )
        if not shares:
            output.note("there is no share")
        return Exit.DONE

    return perform(everywhere, CLOUD, [operation], work)


def validate(everywhere: Everywhere, operation: ValidateExpressSyncConfig, account: str) -> Exit:
    async def work(engine: Engine, output: Output) -> Exit:
        answer = await engine.do(operation, account)
        output.event("validation", valid=answer.is_valid, code=answer.validate_message or "")
        output.result("valid" if answer.is_valid else f"not valid: {answer.validate_message}")
        return Exit.DONE if answer.is_valid else Exit.ERROR

    return perform(everywhere, CLOUD, [operation], work)
