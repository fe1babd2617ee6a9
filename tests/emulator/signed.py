"""A client with signatures of its own, so that a test can send exactly what it wants to."""

from __future__ import annotations

import hmac
import secrets
import time
import xml.etree.ElementTree as ET
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from typing import Any
from urllib.parse import quote, urlencode

import orjson
from aiohttp import ClientSession
from yarl import URL

from engine.emulator import AccessKey

KEY = AccessKey("emulator-ak", "emulator-sk")
SYNC_TASK = {
    "src_ak": "src-ak-marker",
    "src_sk": "src-sk-marker",
    "dst_ak": "dst-ak-marker",
    "dst_sk": "dst-sk-marker",
    "src_region": "cn-north-4",
    "src_bucket": "from",
    "dst_region": "cn-north-4",
    "dst_bucket": "to",
}
SECRETS = {name: SYNC_TASK[name] for name in ("src_ak", "src_sk", "dst_ak", "dst_sk")}


@dataclass(slots=True)
class Seen:
    """An answer as the client saw it."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def xml(self) -> ET.Element:
        return ET.fromstring(self.body)  # noqa: S314 - the emulator is no stranger

    @property
    def code(self) -> str:
        document = self.json
        return str(document.get("error_code") or document.get("Code"))


class SignedClient:
    """Sends calls of both clouds. Raises aiohttp.ClientError when there is no whole answer."""

    def __init__(self, session: ClientSession, url: str, key: AccessKey = KEY) -> None:
        self._session = session
        self.url = url
        self.key = key

    def with_key(self, access_key_id: str, secret: str) -> SignedClient:
        return SignedClient(self._session, self.url, AccessKey(access_key_id, secret))

    async def alibaba(
        self,
        action: str,
        *,
        nonce: str = "",
        at: float | None = None,
        headers: Mapping[str, str] | None = None,
        unsigned: Mapping[str, str] | None = None,
        version: str = "2018-05-11",
        **params: Any,
    ) -> Seen:
        """A V3 call. `headers` are added and signed; an empty value removes a header after signing."""
        more = headers or {}
        query = "&".join(f"{name}={quote(params[name], safe='~')}" for name in sorted(params))
        wanted = {
            "accept": "application/json",
            "host": self.url.removeprefix("http://"),
            "x-acs-action": action,
            "x-acs-content-sha256": sha256(b"").hexdigest(),
            "x-acs-date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)),
            "x-acs-signature-nonce": nonce or secrets.token_hex(16),
            "x-acs-version": version,
            **({"x-acs-security-token": self.key.security_token} if self.key.security_token else {}),
            **more,
        }
        names = sorted(wanted)
        lines = "".join(f"{name}:{wanted[name]}\n" for name in names)
        signed = ";".join(names)
        canonical = f"POST\n/\n{query}\n{lines}\n{signed}\n{sha256(b'').hexdigest()}"
        text = f"ACS3-HMAC-SHA256\n{sha256(canonical.encode()).hexdigest()}"
        signature = hmac.new(self.key.secret.encode(), text.encode(), "sha256").hexdigest()
        credential = f"Credential={self.key.access_key_id},SignedHeaders={signed},Signature={signature}"
        wanted["authorization"] = f"ACS3-HMAC-SHA256 {credential}"
        wanted |= unsigned or {}
        return await self.send("POST", f"/?{query}", {name: text for name, text in wanted.items() if text})

    async def rpc(self, action: str, *, form: bool = False, method: str = "POST", **params: Any) -> Seen:
        """A call signed the RPC way, with its parameters in the query or in a form."""
        every = {
            "Action": action,
            "Version": "2018-05-11",
            "AccessKeyId": self.key.access_key_id,
            "SignatureMethod": "HMAC-SHA1",
            "SignatureVersion": "1.0",
            "SignatureNonce": secrets.token_hex(16),
            "Timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            **params,
        }
        canonical = "&".join(f"{quote(name, safe='~')}={quote(every[name], safe='~')}" for name in sorted(every))
        text = f"{method}&%2F&{quote(canonical, safe='~')}"
        digest = hmac.new(f"{self.key.secret}&".encode(), text.encode(), "sha1").digest()
        every["Signature"] = b64encode(digest).decode()
        encoded = urlencode(every)
        if form:
            headers = {"content-type": "application/x-www-form-urlencoded"}
            return await self.send("POST", "/", headers, encoded.encode())
        return await self.send(method, f"/?{encoded}", {})

    async def huawei(
        self,
        method: str,
        path: str,
        document: object = None,
        *,
        query: str = "",
        at: float | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Seen:
        """`path` and `query` as on the wire; the query sorted. `headers` are added, signed."""
        if body is None:
            body = b"" if document is None else orjson.dumps(document)
        wanted = {
            "content-type": "application/json",
            "host": self.url.removeprefix("http://"),
            "x-sdk-date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at)),
            **({"x-security-token": self.key.security_token} if self.key.security_token else {}),
            **(headers or {}),
        }
        names = sorted(wanted)
        lines = "".join(f"{name}:{wanted[name]}\n" for name in names)
        canonical = f"{method}\n{path}/\n{query}\n{lines}\n{';'.join(names)}\n{sha256(body).hexdigest()}"
        text = f"SDK-HMAC-SHA256\n{wanted['x-sdk-date']}\n{sha256(canonical.encode()).hexdigest()}"
        signature = hmac.new(self.key.secret.encode(), text.encode(), "sha256").hexdigest()
        access = f"Access={self.key.access_key_id}, SignedHeaders={';'.join(names)}, Signature={signature}"
        wanted["authorization"] = f"SDK-HMAC-SHA256 {access}"
        return await self.send(method, path + (f"?{query}" if query else ""), wanted, body)

    async def send(self, method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> Seen:
        url = URL(self.url + target, encoded=True)
        async with self._session.request(method, url, headers=headers, data=BytesIO(body) if body else None) as answer:
            return Seen(answer.status, answer.headers, await answer.read())

    async def trigger(self, gateway_id: str = "gw-1", path: str = "/dir", **more: Any) -> Seen:
        return await self.alibaba(
            "TriggerGatewayRemoteSync", GatewayId=gateway_id, IndexId="NFSshare", Path=path, **more
        )

    async def create_sync_task(self, project: str = "p1", **fields: Any) -> Seen:
        return await self.huawei("POST", f"/v2/{project}/sync-tasks", {**SYNC_TASK, **fields})

    async def new_sync_task(self, project: str = "p1") -> str:
        """The path of a new task."""
        created = await self.create_sync_task(project)
        assert created.status == 200, created.body
        return f"/v2/{project}/sync-tasks/{created.json['sync_task_id']}"

    async def push(self, task: str, *keys: str) -> Seen:
        return await self.huawei("POST", f"{task}/events", {"object_keys": list(keys)})

    async def ledger(self) -> Any:
        return (await self.send("GET", "/_emulator/ledger", {})).json

    async def faults(self, **faults: Any) -> Seen:
        return await self.send("PUT", "/_emulator/faults", {}, orjson.dumps(faults))
