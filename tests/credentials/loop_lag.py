"""How long the event loop stands still while credentials are renewed: ours beside the vendor's own async provider.

    python -m tests.credentials.loop_lag

Both get their keys from the same URL, which takes 200 ms to answer.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from threading import Lock

import orjson
from alibabacloud_credentials.provider.uri import URLCredentialsProvider  # type: ignore[import-untyped]

from engine.clouds import clouds
from engine.clouds.sources import Setting
from engine.credentials import Renewing, choose
from engine.transport import Transport
from tests.serving import Quiet, served

PROVIDER_S = 0.2
TICK_S = 0.001
KEYS = {"Code": "Success", "AccessKeyId": "id", "AccessKeySecret": "secret", "SecurityToken": "token"}
KEYS["Expiration"] = "2099-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Seen:
    """What happened while `waiters` coroutines needed credentials at once."""

    who: str
    waiters: int
    failed: int
    renewals: int
    took_s: float
    worst_lag_s: float  # the longest that the loop came late to a timer


@dataclass(slots=True)
class Provider:
    url: str = ""
    asked: int = 0


@contextmanager
def slow_provider() -> Iterator[Provider]:
    provider, lock = Provider(), Lock()

    class Handler(Quiet):
        def do_GET(self) -> None:  # noqa: N802 - the name that http.server looks for
            with lock:
                provider.asked += 1
            time.sleep(PROVIDER_S)
            body = orjson.dumps(KEYS)
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            with suppress(BrokenPipeError, ConnectionResetError):  # whoever asked has given up
                self.end_headers()
                self.wfile.write(body)

    with served(Handler) as url:
        provider.url = f"{url}/keys"
        yield provider


async def measured(who: str, waiters: int, provider: Provider, need: Callable[[], Awaitable[object]]) -> Seen:
    provider.asked, worst_s, began = 0, 0.0, time.perf_counter()
    all_of_them = asyncio.gather(*(need() for _ in range(waiters)), return_exceptions=True)
    while not all_of_them.done():
        before = time.perf_counter()
        await asyncio.sleep(TICK_S)
        worst_s = max(worst_s, time.perf_counter() - before - TICK_S)
    failed = sum(isinstance(each, Exception) for each in await all_of_them)
    return Seen(who, waiters, failed, provider.asked, time.perf_counter() - began, worst_s)


async def ours(waiters: int, provider: Provider) -> Seen:
    setting = Setting({"ALIBABA_CLOUD_CREDENTIALS_URI": provider.url})
    source = choose(clouds()["alibaba"], setting, "uri")
    assert callable(source)
    async with Transport() as transport:
        renewing = Renewing(lambda: source(transport.send))
        return await measured("syncmux", waiters, provider, renewing.current)


async def theirs(waiters: int, provider: Provider) -> Seen:
    logging.getLogger("credentials").setLevel(logging.CRITICAL)
    vendors = URLCredentialsProvider(uri=provider.url)
    return await measured("alibabacloud-credentials", waiters, provider, vendors.get_credentials_async)


def compare() -> list[Seen]:
    with slow_provider() as provider:
        return [asyncio.run(who(waiters, provider)) for who, waiters in ((ours, 200), (theirs, 1), (theirs, 2))]


def main() -> None:
    print(f"{'':26}{'waiters':>8}{'failed':>8}{'renewals':>10}{'took':>10}{'worst lag':>12}")
    everything = compare()
    for seen in everything:
        lag, took = f"{seen.worst_lag_s * 1000:,.1f} ms", f"{seen.took_s:.2f} s"
        print(f"{seen.who:26}{seen.waiters:>8}{seen.failed:>8}{seen.renewals:>10}{took:>10}{lag:>12}")
    print(orjson.dumps([asdict(seen) for seen in everything]).decode())


if __name__ == "__main__":
    main()
