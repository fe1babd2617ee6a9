"""What has to be fetched from the vendors to believe and to get their notifications."""

from __future__ import annotations

import asyncio

from engine.errors import UnavailableError
from engine.notifications import PublicKey, public_key
from engine.transport import Transport
from signers import SignedRequest

MOST_CERTIFICATES = 16


class Vendors:
    """Gets from addresses that were found to be a vendor's own, one at a time."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._keys: dict[str, PublicKey] = {}
        self._one = asyncio.Lock()

    async def key(self, url: str) -> PublicKey:
        """Of the certificate at an address, where it never changes.

        Raises:
            CallError: it cannot be fetched.
            NotificationError: it is no certificate that can be used.
        """
        if url in self._keys:  # or whoever makes addresses up would keep the vendor's own messages waiting
            return self._keys[url]
        async with self._one:
            if url not in self._keys:
                found = public_key(await self._get(url))
                if len(self._keys) == MOST_CERTIFICATES:
                    self._keys.clear()
                self._keys[url] = found
            return self._keys[url]

    async def confirm(self, subscribe_url: str) -> None:
        """Confirm a subscription. Raises CallError: that did not succeed."""
        async with self._one:
            await self._get(subscribe_url)

    async def _get(self, url: str) -> bytes:
        reply = await self._transport.send(SignedRequest("GET", url, {}, b""))
        if reply.status != 200:
            raise UnavailableError("the vendor's own address does not answer well", status=reply.status)
        return reply.body
