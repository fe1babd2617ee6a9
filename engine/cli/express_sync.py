"""`express-sync`: the express sync groups of Alibaba Cloud Storage Gateway. Imports are made when commands run."""
# ruff: noqa: PLC0415

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from cyclopts import App

from engine.cli.everywhere import FLAG, Everywhere
from engine.cli.following import Following

_EVERYWHERE, _FOLLOWING = Everywhere(), Following()
CLOUD = "alibaba"

express_sync = App(
    name="express-sync",
    help="Create, fill, show and delete express sync groups (Alibaba Cloud Storage Gateway).",
    help_format="plaintext",
)


@express_sync.command
def create(
    name: str,
    *,
    bucket_region: str,
    bucket_name: str,
    bucket_prefix: str | None = None,
    description: str | None = None,
    if_not_exists: bool = True,
    wait: Annotated[bool, FLAG] = False,
    account: str = "",
    everywhere: Everywhere = _EVERYWHERE,
) -> int:
    """Create an express sync group once. It costs a message queue topic a day.

    Run again, the same command gives the same group, and says that it exists already.

    Args:
        name: 1 to 128 letters, digits, periods, underscores and hyphens, a letter first.
        bucket_prefix: Only what lies below it; by default the whole bucket.
        if_not_exists: Without it, a group of that name is an error.
        wait: Has no bearing: a group is there as soon as it is created.
        account: Whose; by default the first.
    """
    from engine.cli.exits import Exit
    from engine.cli.output import Output
    from engine.cli.performing import create as create_once
    from engine.cli.performing import perform
    from engine.clouds.alibaba.creation import ExpressSyncCreation
    from engine.clouds.alibaba.operations import CreateExpressSync
    from engine.engine import Engine

    del wait
    operation = CreateExpressSync(name, bucket_region, bucket_name, bucket_prefix, description)
    creation = ExpressSyncCreation(operation)

    async def work(engine: Engine, output: Output) -> Exit:
        await create_once(engine, output, creation, Following(account=account), if_not_exists=if_not_exists)
        return Exit.DONE

    return perform(everywhere, CLOUD, [operation], work)


@express_sync.command(name="list")
def list_(
    *,
    bucket_name: str | None = None,
    bucket_prefix: str | None = None,
    account: str = "",
    everywhere: Everywhere = _EVERYWHERE,
) -> int:
    """List express sync groups: all, those of a bucket, or those of one prefix of it."""
    from engine.cli.express_sync_views import list_groups

    return list_groups(everywhere, bucket_name, bucket_prefix, account)


@express_sync.command
def shares(
    *express_sync_ids: str,
    available: Annotated[bool, FLAG] = False,
    account: str = "",
    everywhere: Everywhere = _EVERYWHERE,
) -> int:
    """List the shares in groups.

    Args:
        express_sync_ids: One group or more.
        available: Those that could be added instead.
    """
    from engine.cli.express_sync_views import list_shares

    return list_shares(everywhere, express_sync_ids, account, available=available)


@express_sync.command
def add_shares(
    express_sync_id: str,
    *shares: str,
    following: Following = _FOLLOWING,
    everywhere: Everywhere = _EVERYWHERE,
) -> int:
    """Have shares join a group. Each costs a message queue a day, and its own reverse sync is switched off.

    Args:
        shares: GATEWAY_ID/SHARE_NAME, one or more.
    """
    from engine.cli.performing import bring_about
    from engine.clouds.alibaba.changes import shares_added

    change = shares_added(express_sync_id, _by_gateway(shares))
    return bring_about(everywhere, change, f"{' '.join(shares)} to {express_sync_id}", following)


@express_sync.command
def remove_shares(
    express_sync_id: str,
    *shares: str,
    following: Following = _FOLLOWING,
    everywhere: Everywhere = _EVERYWHERE,
) -> int:
    """Have shares leave a group.

    Args:
        shares: GATEWAY_ID/SHARE_NAME, one or more.
    """
    from engine.cli.performing import bring_about
    from engine.clouds.alibaba.changes import shares_removed

    change = shares_removed(express_sync_id, _by_gateway(shares))
    return bring_about(everywhere, change, f"{' '.join(shares)} from {express_sync_id}", following)


@express_sync.command
def validate(
    name: str,
    *,
    bucket_region: str,
    bucket_name: str,
    bucket_prefix: str | None = None,
    account: str = "",
    everywhere: Everywhere = _EVERYWHERE,
) -> int:
    """Ask whether a group could be created so; exit code 1 if not."""
    from engine.cli.express_sync_views import validate as ask
    from engine.clouds.alibaba.operations import ValidateExpressSyncConfig

    return ask(everywhere, ValidateExpressSyncConfig(name, bucket_region, bucket_name, bucket_prefix), account)


@express_sync.command
def delete(
    express_sync_id: str,
    *,
    following: Following = _FOLLOWING,
    everywhere: Everywhere = _EVERYWHERE,
) -> int:
    """Delete a group. One that is not there is no error."""
    from engine.cli.performing import bring_about
    from engine.clouds.alibaba.changes import group_deleted

    return bring_about(everywhere, group_deleted(express_sync_id), express_sync_id, following)


def _by_gateway(shares: Sequence[str]) -> dict[str, list[str]]:
    from engine.errors import InputError

    found: dict[str, list[str]] = {}
    for share in shares:
        gateway, slash, name = share.partition("/")
        if not (gateway and slash and name):
            raise InputError(f"{share!r:.80} is not GATEWAY_ID/SHARE_NAME")
        found.setdefault(gateway, []).append(name)
    return found
