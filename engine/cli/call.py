"""`call`: any operation of either API, signed and judged like the others."""
# ruff: noqa: PLC0415

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from engine.cli.everywhere import FLAG, Everywhere

_EVERYWHERE = Everywhere()
MAX_BODY_BYTES = 1 << 20


def call(
    cloud: str,
    operation: str,
    *params: str,
    method: str = "",
    path: str = "/",
    body: Annotated[Path | None, Parameter(allow_leading_hyphen=True)] = None,
    service: str = "",
    repeatable: Annotated[bool, FLAG] = False,
    account: str = "",
    everywhere: Everywhere = _EVERYWHERE,
) -> int:
    """Call any operation and show the JSON that it answers. It is sent once, unless it is --repeatable.

    syncmux call alibaba DescribeGatewayFileShares GatewayId=gw-1

    syncmux call huawei ListTasks --path /v2/{project_id}/tasks limit=10

    Args:
        cloud: alibaba or huawei.
        operation: Its name on the wire; where paths tell operations apart, what messages call it.
        params: KEY=VALUE, for the query. They show in the list of processes: secrets go into a body.
        method: By default POST where the path is / or there is a body, else GET.
        path: {project_id} stands for that of the account.
        body: A file with a JSON object of up to 1 MiB; - is standard input.
        service: Which of the cloud's services, if not its first: iam.
        repeatable: May be sent again when the answer to the first attempt was lost.
        account: Whose; by default the first.
    """
    from engine.cli.exits import Exit
    from engine.cli.output import Output
    from engine.cli.performing import perform
    from engine.clouds import clouds, service_of
    from engine.clouds.operation import Untyped
    from engine.clouds.secret_names import looks_random, suggests_a_secret
    from engine.engine import Engine
    from engine.errors import ConfigError

    if cloud not in clouds():
        raise ConfigError(f"there is no cloud {cloud!r:.40}; there is {', '.join(clouds())}")
    document, body_bytes = _object(body)
    method = method.upper() or ("POST" if path == "/" or document is not None else "GET")
    given = _pairs(params)
    service = service_of(clouds()[cloud], service)
    wanted = Untyped(cloud, operation, given, method, path, document, service, repeatable)

    async def work(engine: Engine, output: Output) -> Exit:
        answer = await engine.do(wanted, account)
        output.event("answer", cloud=cloud, operation=operation, answer=answer)
        output.document(answer)
        return Exit.DONE

    shown = {name: "***" if suggests_a_secret(name) or looks_random(value) else value for name, value in given.items()}
    return perform(everywhere, cloud, [wanted], work, {"params": shown, "body_bytes": body_bytes}, account)


def _pairs(params: tuple[str, ...]) -> dict[str, str]:
    from engine.errors import InputError

    found: dict[str, str] = {}
    for param in params:
        name, equals, value = param.partition("=")
        if not (name and equals):
            raise InputError(f"{param!r:.80} is not KEY=VALUE")
        if name in found:
            raise InputError(f"{name} is given twice")
        found[name] = value
    return found


def _object(body: Path | None) -> tuple[dict[str, Any] | None, int]:
    """The object in a file, and the size of the file."""
    import sys

    import orjson

    from engine.errors import InputError

    if body is None:
        return None, 0
    if str(body) == "-" and sys.stdin is None:
        raise InputError("standard input is closed")
    try:
        with open(sys.stdin.fileno() if str(body) == "-" else body, "rb", closefd=str(body) != "-") as file:
            text = file.read(MAX_BODY_BYTES + 1)
    except OSError as error:
        raise InputError(f"cannot read {body}: {error.strerror}") from None
    if len(text) > MAX_BODY_BYTES:
        raise InputError(f"{body} is larger than {MAX_BODY_BYTES:,} bytes")
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        raise InputError(f"{body} is not a JSON object")
    return document, len(text)
