"""The same random request signed by the vendor's SDK and by us, stage by stage: a thousand per algorithm."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from alibabacloud_tea_openapi.utils import Utils
from aliyunsdkcore.auth.composer import rpc_signature_composer as composer
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signers import huawei
from signers.alibaba import (
    acs3_authorization,
    acs3_canonical_headers,
    acs3_canonical_request,
    acs3_signature,
    acs3_string_to_sign,
    rpc_signature,
    rpc_string_to_sign,
)
from signers.canonical import sha256_hex

thousand = settings(max_examples=1000, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])

PLAIN = "ABCXYZabcxyz0189-_."
# Everything that some encoder treats in a way of its own, and then any text.
TRICKY = st.text(alphabet=PLAIN + "~ +*/%&=?#:;,@!$'()[]\\\"<>\t\n\0\x7fé中é🔑", max_size=12)
TEXT = TRICKY | st.text(max_size=12)
SECRET = st.text(min_size=1, max_size=80)
NAME = st.text(alphabet=PLAIN, min_size=1, max_size=8)
HEADER_VALUE = st.text(alphabet=PLAIN + " ~%/;=,中é", max_size=12)


@thousand
@given(st.sampled_from(["GET", "POST", ""]), st.dictionaries(TEXT, TEXT, max_size=8), SECRET)
def test_rpc(method: str, params: dict[str, str], secret: str) -> None:
    params.pop("Signature", None)
    string_to_sign = rpc_string_to_sign(method, params)
    signature = rpc_signature(secret, string_to_sign)
    assert string_to_sign == vars(composer)["__compose_string_to_sign"](method, params)
    assert signature == vars(composer)["__get_signature"](string_to_sign, secret)
    assert signature == Utils.get_rpcsignature(params, method, secret)


@thousand
@given(
    st.sampled_from(["GET", "POST", ""]),
    # Tea leaves parameters' names unencoded, against the documents; those of the API need no encoding.
    st.dictionaries(NAME, TEXT, max_size=8),
    st.dictionaries(NAME, HEADER_VALUE, max_size=8),
    st.binary(max_size=64),
    NAME,
    SECRET,
)
def test_acs3(
    method: str, query: dict[str, str], headers: dict[str, str], body: bytes, access_key_id: str, secret: str
) -> None:
    canonical_request = acs3_canonical_request(method, "/", query, headers.items(), sha256_hex(body))
    _, signed_headers = acs3_canonical_headers(headers.items())
    signature = acs3_signature(secret, acs3_string_to_sign(canonical_request))
    request = SimpleNamespace(method=method, pathname="/", query=query, headers=headers)
    assert acs3_authorization(access_key_id, signed_headers, signature) == Utils.get_authorization(
        request, "ACS3-HMAC-SHA256", sha256_hex(body), access_key_id, secret
    )


def test_acs3_encodes_the_names_of_parameters() -> None:
    request = acs3_canonical_request("POST", "/", {"a b/~": "c d"}, [])
    assert request.split("\n")[2] == "a%20b%2F~=c%20d"


SCALAR = TEXT | st.integers() | st.floats(allow_nan=False) | st.booleans()
LIST = st.lists(TEXT, max_size=4) | st.lists(st.integers() | st.booleans() | st.floats(allow_nan=False))
# The SDK cannot order unlike values of one name, so that every name has one; same-named texts are apart.
QUERY = st.dictionaries(TEXT, SCALAR | LIST, max_size=6).map(lambda query: list(query.items()))
REPEATED = st.lists(st.tuples(st.sampled_from(["k", "K", "a/", "a-"]), TEXT), max_size=6)
CONTENT_TYPE = st.sampled_from(
    [
        "",
        "application/json",
        "application/json;charset=utf-8",
        "application/json-patch+json",
        "application/bson",
        "application/octet-stream",
        "text/plain",
        "Application/JSON",
    ]
)
HEADERS = st.dictionaries(
    st.sampled_from(["Content-Type", "content-type", "X_Under", "X-B", "x-a", "x-b"]),
    CONTENT_TYPE | HEADER_VALUE,
    max_size=6,
)
# Of ASCII: the SDK mangles any other text of this one header before it signs it, which makes no hash.
CONTENT_HASH = st.dictionaries(
    st.sampled_from(["X-Sdk-Content-Sha256", "x-sdk-content-sha256"]),
    st.text(alphabet=PLAIN + " ", max_size=8),
    max_size=2,
)


def recorded(signer: Any) -> tuple[list[str], Any]:
    """The signer, and the stages that it does not keep: canonical request and string to sign."""
    stages: list[str] = []
    original = signer._process_string_to_sign

    def record(canonical_request: str, time: Any) -> str:
        string_to_sign = str(original(canonical_request, time))
        stages.extend([canonical_request, string_to_sign])
        return string_to_sign

    signer._process_string_to_sign = record
    return stages, signer


@thousand
@given(
    method=st.sampled_from(["GET", "post", "Delete", ""]),
    path=st.text(alphabet=PLAIN + "~ +*/%/%2F%FF%e4:@,中🔑", min_size=1, max_size=20) | st.text(min_size=1),
    query=QUERY | REPEATED,
    headers=st.builds(dict.__or__, HEADERS, CONTENT_HASH),
    body=st.just(b"") | st.binary(max_size=64),
    date=st.datetimes().filter(lambda date: date.year >= 1000),
    access_key_id=NAME,
    secret=SECRET,
)
def test_huawei(
    method: str,
    path: str,
    query: list[Any],
    headers: dict[str, str],
    body: bytes,
    date: Any,
    access_key_id: str,
    secret: str,
) -> None:
    headers = headers | {"X-Sdk-Date": date.strftime(huawei.DATE_FORMAT), "Host": "oms.example.com:8443"}

    completed = huawei.complete_headers(headers)
    canonical_request = huawei.canonical_request(method, path, query, completed, body)
    string_to_sign = huawei.string_to_sign(huawei.signing_date(completed), canonical_request)
    _, signed_headers = huawei.canonical_headers(completed)
    authorization = huawei.authorization(access_key_id, signed_headers, huawei.signature(secret, string_to_sign))

    stages, signer = recorded(Signer(BasicCredentials(access_key_id, secret)))
    request = SdkRequest(
        method=method,
        schema="https",
        host="oms.example.com:8443",
        resource_path=path,
        query_params=[(name, list(value) if isinstance(value, list) else value) for name, value in query],
        header_params=dict(headers),
        body=body,
    )
    signed = signer.sign(request)
    assert [canonical_request, string_to_sign] == stages
    assert authorization == signed.header_params["Authorization"]
    wire_query = huawei.canonical_query(query)
    assert signed.uri == (f"{path}?{wire_query}" if wire_query else path)
