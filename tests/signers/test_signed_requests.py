"""What the signers put on the wire: the vendors' own signers, given what can be read there, must agree."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from alibabacloud_tea_openapi.utils import Utils
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer
from hypothesis import given, settings
from hypothesis import strategies as st

from signers import Acs3Signer, AkSkSigner, Credentials, RpcSigner, SignedRequest

NOW = 1714566896.75  # 2024-05-01T12:34:56.75Z
NONCE = "0123456789abcdef0123456789abcdef"
KEY = Credentials("emulator-ak", "emulator-sk")
TEMPORARY = Credentials("emulator-ak", "emulator-sk", "token+/=~")
SGW = "https://sgw.cn-shanghai.aliyuncs.com"
OMS = "https://oms.cn-north-4.myhuaweicloud.com"
VERSION = "2018-05-11"
EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

PARAMS = st.dictionaries(st.from_regex(r"[A-Za-z.0-9]{1,8}p", fullmatch=True), st.text(max_size=12), max_size=5)
CREDENTIALS = st.builds(
    Credentials,
    st.from_regex(r"[A-Za-z0-9]{1,20}", fullmatch=True),
    st.text(min_size=1),
    st.none() | st.from_regex(r"[A-Za-z0-9+/=%~]{1,40}", fullmatch=True),
)
MOMENTS = st.lists(st.floats(0, 4e9), min_size=1, max_size=3)
NONCES = st.from_regex(r"[A-Za-z0-9-]{1,40}", fullmatch=True)
several = settings(max_examples=300, deadline=None, database=None)


def wire_params(text: str) -> dict[str, str]:
    pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text))
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


def iso(now: float, form: str = "%Y-%m-%dT%H:%M:%SZ") -> str:
    return datetime.fromtimestamp(int(now), UTC).strftime(form)


@several
@given(CREDENTIALS, PARAMS, MOMENTS, NONCES)
def test_rpc(credentials: Credentials, params: dict[str, str], moments: list[float], nonce: str) -> None:
    signer = RpcSigner(credentials, SGW, VERSION)
    for now in moments:
        request = signer.sign("TriggerGatewayRemoteSync", params, now=now, nonce=nonce)
        assert (request.method, request.url) == ("POST", f"{SGW}/")
        assert request.headers == {
            "content-type": "application/x-www-form-urlencoded",
            "host": "sgw.cn-shanghai.aliyuncs.com",
        }
        sent = wire_params(request.body.decode("ascii"))
        signature = sent.pop("Signature")
        assert signature == Utils.get_rpcsignature(sent, "POST", credentials.secret)
        common = {
            "AccessKeyId": credentials.access_key_id,
            "Action": "TriggerGatewayRemoteSync",
            "Format": "JSON",
            "SignatureMethod": "HMAC-SHA1",
            "SignatureNonce": nonce,
            "SignatureVersion": "1.0",
            "Timestamp": iso(now),
            "Version": VERSION,
        }
        token = {"SecurityToken": credentials.security_token} if credentials.security_token else {}
        assert sent == params | common | token


@several
@given(CREDENTIALS, PARAMS, MOMENTS, NONCES)
def test_acs3(credentials: Credentials, params: dict[str, str], moments: list[float], nonce: str) -> None:
    signer = Acs3Signer(credentials, "http://127.0.0.1:8080", VERSION)
    for now in moments:
        request = signer.sign("DescribeTasks", params, now=now, nonce=nonce)
        url = urlsplit(request.url)
        assert (request.method, url.scheme, url.netloc, url.path) == ("POST", "http", "127.0.0.1:8080", "/")
        assert request.body == b""
        assert request.url.isascii()
        assert request.url.endswith("?") is False
        query = wire_params(url.query)
        assert query == params

        headers = dict(request.headers)
        authorization = headers.pop("authorization")
        assert headers.pop("accept") == "application/json"
        token = {"x-acs-security-token": credentials.security_token} if credentials.security_token else {}
        assert headers == token | {
            "host": "127.0.0.1:8080",
            "x-acs-action": "DescribeTasks",
            "x-acs-content-sha256": EMPTY_SHA256,
            "x-acs-date": iso(now),
            "x-acs-signature-nonce": nonce,
            "x-acs-version": VERSION,
        }
        unsigned = SimpleNamespace(method="POST", pathname="/", query=query, headers=headers)
        assert authorization == Utils.get_authorization(
            unsigned, "ACS3-HMAC-SHA256", EMPTY_SHA256, credentials.access_key_id, credentials.secret
        )


SEGMENT = st.text(alphabet="abcXYZ019-_.~", max_size=6) | st.sampled_from(["%2F", "a%20b", "%E4%B8%AD", "..", ""])


@several
@given(
    credentials=CREDENTIALS,
    project_id=st.none() | st.just("f697f813554a4f05bac882a183b20878"),
    method=st.sampled_from(["GET", "post", "DELETE"]),
    path=st.lists(SEGMENT, max_size=5).map(lambda segments: "/" + "/".join(segments)),
    query=st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8)), max_size=4),
    bodies=st.lists(st.binary(max_size=40), min_size=1, max_size=3),
    moments=MOMENTS,
)
def test_ak_sk(
    credentials: Credentials,
    project_id: str | None,
    method: str,
    path: str,
    query: list[tuple[str, str]],
    bodies: list[bytes],
    moments: list[float],
) -> None:
    signer = AkSkSigner(credentials, OMS, project_id)
    for now in moments:
        for body in bodies:
            request = signer.sign(method, path, query, body, now=now)
            assert request.method == method.upper()
            assert request.body == body

            headers = dict(request.headers)
            authorization = headers.pop("authorization")
            expected = {"host": urlsplit(OMS).netloc, "x-sdk-date": iso(now, "%Y%m%dT%H%M%SZ")}
            if body:
                expected["content-type"] = "application/json"
            if project_id:
                expected["x-project-id"] = project_id
            if credentials.security_token:
                expected["x-security-token"] = credentials.security_token
            assert headers == expected

            theirs = SdkRequest(
                method=method,
                schema="https",
                host=urlsplit(OMS).netloc,
                resource_path=path,
                query_params=list(query),
                header_params=dict(headers),
                body=body,
            )
            Signer(BasicCredentials(credentials.access_key_id, credentials.secret)).sign(theirs)
            assert authorization == theirs.header_params["Authorization"]
            assert request.url == theirs.url


def sign_rpc(credentials: Credentials) -> SignedRequest:
    return RpcSigner(credentials, SGW, VERSION).sign("A", {"Path": "/dir"}, now=NOW, nonce=NONCE)


def sign_acs3(credentials: Credentials) -> SignedRequest:
    return Acs3Signer(credentials, SGW, VERSION).sign("A", {"Path": "/dir"}, now=NOW, nonce=NONCE)


def sign_ak_sk(credentials: Credentials) -> SignedRequest:
    return AkSkSigner(credentials, OMS, "p").sign("POST", "/v2/p/x", body=b'{"dst_sk": "hidden"}', now=NOW)


@pytest.mark.parametrize("sign", [sign_rpc, sign_acs3, sign_ak_sk])
def test_repr_shows_no_secret(sign: Callable[[Credentials], SignedRequest]) -> None:
    request = sign(TEMPORARY)
    shown = repr(request)
    assert request.url.partition("?")[0] in shown
    for secret in ("emulator-sk", "token", "Path", "Signature", "dst_sk", "emulator-ak"):
        assert secret not in shown
    assert repr(TEMPORARY) == "<Credentials emul...>"


@pytest.mark.parametrize(("key", "secret"), [("", "s"), ("k", "")])
def test_credentials_are_not_empty(key: str, secret: str) -> None:
    with pytest.raises(ValueError, match="an access key id and a secret"):
        Credentials(key, secret)


def each_signer() -> list[tuple[str, Callable[[float], SignedRequest]]]:
    rpc, acs3 = RpcSigner(KEY, SGW, VERSION), Acs3Signer(KEY, SGW, VERSION)
    ak_sk = AkSkSigner(KEY, OMS, "p")
    return [
        ("rpc", lambda now: rpc.sign("A", {}, now=now, nonce=NONCE)),
        ("acs3", lambda now: acs3.sign("A", {}, now=now, nonce=NONCE)),
        ("ak_sk", lambda now: ak_sk.sign("GET", "/v2/p/x", now=now)),
    ]


@pytest.mark.parametrize(("name", "sign"), each_signer())
def test_requests_share_nothing(name: str, sign: Callable[[float], SignedRequest]) -> None:
    """What a transport adds to one request's headers must not reach the next one."""
    first = sign(NOW)
    kept = dict(first.headers)
    first.headers.clear()
    first.headers["x-acs-signature-nonce"] = "other"
    assert sign(NOW).headers == kept, name


@pytest.mark.parametrize(("name", "sign"), each_signer())
def test_date_follows_the_moment_both_ways(name: str, sign: Callable[[float], SignedRequest]) -> None:
    there, later, back = sign(NOW), sign(NOW + 1), sign(NOW)
    assert there == back, name
    assert there != later, name
    assert sign(NOW + 0.2) == there, name


def test_acs3_keeps_operations_apart() -> None:
    signer = Acs3Signer(KEY, SGW, VERSION)
    actions = [signer.sign(a, {}, now=NOW, nonce=NONCE).headers["x-acs-action"] for a in "ABA"]
    assert actions == ["A", "B", "A"]


def test_parameters_cannot_replace_the_common_ones() -> None:
    request = RpcSigner(KEY, SGW, VERSION).sign("A", {"Action": "B", "Version": "0"}, now=NOW, nonce=NONCE)
    sent = wire_params(request.body.decode())
    assert (sent["Action"], sent["Version"]) == ("A", VERSION)


@pytest.mark.parametrize("path", ["", "v2/p", "https://elsewhere/"])
def test_path_starts_with_a_slash(path: str) -> None:
    with pytest.raises(ValueError, match="does not start"):
        AkSkSigner(KEY, OMS, None).sign("GET", path, now=NOW)


MAKERS: list[Callable[[str], Any]] = [
    lambda endpoint: RpcSigner(KEY, endpoint, VERSION),
    lambda endpoint: Acs3Signer(KEY, endpoint, VERSION),
    lambda endpoint: AkSkSigner(KEY, endpoint, None),
]


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize(
    "endpoint",
    [
        "",
        "sgw.cn-shanghai.aliyuncs.com",
        "ftp://host",
        "https://",
        "https://:443",
        "https://host/path",
        "https://host?a=b",
        "https://host#f",
        "https://user:pass@host",
        "https://host:port",
    ],
)
def test_endpoint_is_refused(make: Callable[[str], Any], endpoint: str) -> None:
    with pytest.raises(ValueError, match=r"endpoint|[Pp]ort"):
        make(endpoint)


@pytest.mark.parametrize(
    ("endpoint", "host"),
    [
        ("http://[::1]:8080", "[::1]:8080"),
        ("https://oms.example.com/", "oms.example.com"),
        ("https://oms.example.com:443", "oms.example.com:443"),
    ],
)
def test_host_is_the_endpoint_s(endpoint: str, host: str) -> None:
    request = AkSkSigner(KEY, endpoint, None).sign("GET", "/v2", now=NOW)
    assert request.headers["host"] == host
    assert request.url == f"{endpoint.rstrip('/')}/v2"
