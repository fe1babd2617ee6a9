"""Signed requests over HTTP: one session, one attempt each, and an exact account of what went wrong.

Nothing is repeated or redirected here. Requests are always POST where the cloud allows: aiohttp itself sends a GET
again when the server drops the connection, which would be a second request with the same signature.
"""

from __future__ import annotations

import ssl
from functools import lru_cache
from types import TracebackType
from typing import Self

import aiohttp
from yarl import URL

from engine.errors import ProtocolError, TransportError
from engine.model import Reply
from signers import SignedRequest

MAX_ANSWER_BYTES = 1 << 20
MAX_HEADER_BYTES = 1 << 15  # tokens come in headers, and some are larger than aiohttp's 8 KiB
KEEPALIVE_S = 5.0  # Alibaba's gateways drop idle connections after about ten seconds
CONNECT_S = 5.0
ATTEMPT_S = 30.0  # from the first byte sent to the last one received

USER_AGENT = "syncmux"
NO_BODY = ("Content-Type",)  # says nothing of a body that is not there; aiohttp would call it an octet-stream
NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL)


class Transport:
    """One HTTP session for all clouds. Use as an async context manager, inside a running loop."""

    def __init__(self, *, attempt_s: float = ATTEMPT_S, ca_file: str | None = None) -> None:
        self._attempt_s = attempt_s
        self._ca_file = ca_file
        self._session: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        tls = ssl.create_default_context(cafile=self._ca_file)
        connector = aiohttp.TCPConnector(
            limit=0,  # lanes bound what is in flight; a pool would only hide the wait
            keepalive_timeout=KEEPALIVE_S,
            ttl_dns_cache=60,
            ssl=tls,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=self._attempt_s, sock_connect=CONNECT_S),
            auto_decompress=False,
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            max_field_size=MAX_HEADER_BYTES,
            headers={"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": USER_AGENT},
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def send(self, request: SignedRequest) -> Reply:
        """Send a request once and read the whole answer.

        Raises:
            TransportError: no whole answer came; `sent` is False only if no byte of the request can have left.
            ProtocolError: an answer came that no API of these clouds gives.
        """
        try:
            response = await self._session.request(  # `async with` adds two coroutines to every call
                request.method,
                _url(request.url),
                headers=request.headers,
                data=request.body or None,
                skip_auto_headers=None if request.body else NO_BODY,
                allow_redirects=False,
            )
            try:
                return Reply(response.status, response.headers, await _read(response))
            finally:
                response.release()  # closes the connection if the answer was not read to its end
        except NOT_SENT as error:
            raise TransportError(_describe(error), sent=False) from None
        except TimeoutError:
            raise TransportError(f"no whole answer within {self._attempt_s:g} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise TransportError(_describe(error)) from None


async def _read(response: aiohttp.ClientResponse) -> bytes:
    if response.headers.get("content-encoding", "identity") != "identity":
        response.close()
        raise ProtocolError("the answer is compressed, unasked", status=response.status)
    length = response.content_length
    if length is not None and length <= MAX_ANSWER_BYTES:
        return await response.read()
    body = bytearray()
    async for block in response.content.iter_any():
        body += block
        if len(body) > MAX_ANSWER_BYTES:
            response.close()
            raise ProtocolError(f"the answer is larger than {MAX_ANSWER_BYTES:,} bytes", status=response.status)
    return bytes(body)


@lru_cache(maxsize=512)
def _url(url: str) -> URL:
    return URL(url, encoded=True)


def _describe(error: BaseException) -> str:
    """What happened, without the URL: with some signatures it holds the key and the token."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"the server's certificate is not accepted: {error.certificate_error}"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"the name {error.host} cannot be resolved"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"cannot connect to {error.host}:{error.port}: {error.os_error.strerror or error.os_error}"
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return f"cannot connect within {CONNECT_S:g} s"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "the server closed the connection without an answer"
    return f"the connection failed ({type(error).__name__})"
