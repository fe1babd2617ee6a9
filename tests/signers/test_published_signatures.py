"""Signatures that the vendors published in documentation and in the tests of their SDKs."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha1

import pytest

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
from signers.keyed_hash import KeyedHash

ECS = {
    "AccessKeyId": "testid",
    "Action": "DescribeRegions",
    "Format": "XML",
    "SignatureMethod": "HMAC-SHA1",
    "SignatureNonce": "3ee8c1b8-83d3-44af-a94f-4e0ad82fd6cf",
    "SignatureVersion": "1.0",
    "Version": "2014-05-26",
}
DEDICATED_HOSTS = {
    "AccessKeyId": "testid",
    "Action": "DescribeDedicatedHosts",
    "Format": "JSON",
    "RegionId": "cn-beijing",
    "SignatureMethod": "HMAC-SHA1",
    "SignatureNonce": "edb2b34af0af9a6d14deaf7c1a5315eb",
    "SignatureVersion": "1.0",
    "Timestamp": "2023-03-13T08:34:30Z",
    "Version": "2014-05-26",
}
SMS = {
    "AccessKeyId": "testId",
    "Action": "SendSms",
    "Format": "XML",
    "OutId": "123",
    "PhoneNumbers": "15300000001",
    "RegionId": "cn-hangzhou",
    "SignName": "阿里云短信测试专用",
    "SignatureMethod": "HMAC-SHA1",
    "SignatureNonce": "45e25e9b-0a6f-4070-8c85-2956eda1b466",
    "SignatureVersion": "1.0",
    "TemplateCode": "SMS_71390007",
    "TemplateParam": '{"customer":"test"}',
    "Timestamp": "2017-07-12T02:42:19Z",
    "Version": "2017-05-25",
}


@pytest.mark.parametrize(
    ("method", "params", "secret", "signature"),
    [
        ("GET", ECS | {"TimeStamp": "2016-02-23T12:46:24Z"}, "testsecret", "CT9X0VtwR86fNWSnsc6v8YGOjuE="),
        ("GET", ECS | {"Timestamp": "2016-02-23T12:46:24Z"}, "testsecret", "OLeaidS1JvxuMvnyHOwuJ+uX5qY="),
        ("GET", DEDICATED_HOSTS, "testsecret", "9NaGiOspFP5UPcwX8Iwt2YJXXuk="),
        ("GET", SMS, "testSecret", "zJDF+Lrzhj/ThnlvIToysFRq6t4="),
        ("GET", {"query": "test", "body": "test"}, "secret", "XlUyV4sXjOuX5FnjUz9IF9tm5rU="),
        ("", {"test": "ok"}, "accessKeySecret", "jHx/oHoHNrbVfhncHEvPdHXZwHU="),
    ],
)
def test_rpc(method: str, params: dict[str, str], secret: str, signature: str) -> None:
    assert rpc_signature(secret, rpc_string_to_sign(method, params)) == signature
    signed = params | {"Signature": signature}
    assert rpc_string_to_sign(method, signed) == rpc_string_to_sign(method, params)


def test_rpc_string_to_sign() -> None:
    assert rpc_string_to_sign("GET", DEDICATED_HOSTS) == (
        "GET&%2F&AccessKeyId%3Dtestid%26Action%3DDescribeDedicatedHosts%26Format%3DJSON%26RegionId%3Dcn-beijing"
        "%26SignatureMethod%3DHMAC-SHA1%26SignatureNonce%3Dedb2b34af0af9a6d14deaf7c1a5315eb"
        "%26SignatureVersion%3D1.0%26Timestamp%3D2023-03-13T08%253A34%253A30Z%26Version%3D2014-05-26"
    )


@pytest.mark.parametrize(
    ("source", "signature"),
    [("source", "Jv4yi8SobFhg5t1C7nWLbhBSFZQ="), ("中文unicode", "szlfHs3WVaO/HgY3Cg7/uyXDaRw=")],
)
def test_hmac_sha1(source: str, signature: str) -> None:
    assert b64encode(KeyedHash(b"secret", sha1).of(source).digest()).decode() == signature


def test_acs3_fixed_parameter_values() -> None:
    headers = {
        "host": "ecs.cn-shanghai.aliyuncs.com",
        "x-acs-action": "RunInstances",
        "x-acs-version": "2014-05-26",
        "x-acs-date": "2023-10-26T10:22:32Z",
        "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
        "x-acs-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    }
    query = {
        "ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd",
        "RegionId": "cn-shanghai",
    }
    canonical_request = acs3_canonical_request("POST", "/", query, headers.items())
    assert sha256_hex(canonical_request.encode()) == "7ea06492da5221eba5297e897ce16e55f964061054b7695beedaac1145b1e259"
    string_to_sign = acs3_string_to_sign(canonical_request)
    signature = acs3_signature("YourAccessKeySecret", string_to_sign)
    assert signature == "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
    _, signed_headers = acs3_canonical_headers(headers.items())
    assert acs3_authorization("YourAccessKeyId", signed_headers, signature) == (
        "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,"
        "SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,"
        "Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
    )


@pytest.mark.parametrize(
    ("method", "path", "signature"),
    [
        ("GET", "/", "d16b30a7699ae9e43875b13195b2f81bcc3ed10c14a9b5eb780e51619aa50be1"),
        ("", "/", "4ab59fffe3c5738ff8a2729f90cc04fe18b02a4b15b2102cbaf92f9ff3df2ea3"),
        ("undefined", "", "0f2d549523cf082c83bb8135b5863614f7fe16ca7c2c7fc537e74d67374eeeac"),
    ],
)
def test_acs3_of_the_sdk_tests(method: str, path: str, signature: str) -> None:
    # Two spellings of one header make one line, its values sorted.
    headers = [("x-acs-test", "https"), ("X-ACS-TEST", " http ")]
    query = {"test": "ok", "empty": ""}
    payload_hash = "55e12e91650d2fec56ec74e1d3e4ddbfce2ef3a65890c2a19ecf88a307e76a23"
    canonical_request = acs3_canonical_request(method, path, query, headers, payload_hash)
    assert acs3_signature("secret", acs3_string_to_sign(canonical_request)) == signature


def sdk_signature(
    method: str, path: str, query: list[tuple[str, huawei.QueryValue]], headers: dict[str, str], body: bytes
) -> str:
    """Of the pair that Huawei's SDK tests use."""
    request = huawei.canonical_request(method, path, query, headers, body)
    return huawei.signature("SecretKey", huawei.string_to_sign(huawei.signing_date(headers), request))


@pytest.mark.parametrize(
    ("method", "body", "signature"),
    [
        ("GET", b"", "cfb4171acec81de07d50e53d57eb77edd537414d66ddb1d7d780f128e12cd842"),
        (
            "POST",
            b'{"name":"test","id":1}',
            "436b1ac0a1ae03705934bb70ef2f2e09f7bfed2117d731a38235053199323a1f",
        ),
    ],
)
def test_huawei_of_the_python_sdk_tests(method: str, body: bytes, signature: str) -> None:
    headers = {"X-Sdk-Date": "20200608T023900Z", "Host": "service.endpoint.myhuaweicloud.com"}
    assert sdk_signature(method, "/resources", [("size", "1")], headers, body) == signature


@pytest.mark.parametrize(
    ("method", "query", "body", "signature"),
    [
        ("GET", ("limit", 1), b"", "5a2ce64c865e0e6046321c6f3d5a77ba8413eeaf355c3166c03d58d02ac79624"),
        (
            "POST",
            ("key", "value"),
            b'{"Name":"test","Id":1}\n',
            "cecc2af119b18ab70b4d094c0750f3b42c02f254903179a0fc2cc72fc9db4f59",
        ),
    ],
)
def test_huawei_of_the_go_sdk_tests(
    method: str, query: tuple[str, huawei.QueryValue], body: bytes, signature: str
) -> None:
    headers = {"X-Sdk-Date": "20060102T150405Z", "TEST_UNDERSCORE": "TEST_VALUE"}
    assert sdk_signature(method, "/path", [query], headers, body) == signature


def test_huawei_query_of_the_go_sdk_tests() -> None:
    query: list[tuple[str, huawei.QueryValue]] = [
        ("limit", 1),
        ("enable", True),
        ("test", "一 (&=?!#%.*)"),
        ("path", "/tmp/123"),
        ("multi", [1, 2, 3]),
    ]
    assert huawei.canonical_query(query) == (
        "enable=true&limit=1&multi=1&multi=2&multi=3&path=%2Ftmp%2F123&test=%E4%B8%80%20%28%26%3D%3F%21%23%25.%2A%29"
    )


def test_huawei_signing_guide() -> None:
    headers = {
        "Content-Type": "application/json",
        "X-Sdk-Date": "20191115T033655Z",
        "Host": "service.region.example.com",
    }
    request = huawei.canonical_request(
        "GET",
        "/v1/77b6a44cba5143ab91d13ab9a8ff44fd/vpcs",
        [("limit", "2"), ("marker", "13551d6b-755d-4757-b956-536f674975c0")],
        headers,
    )
    canonical_hash = sha256_hex(request.encode())
    assert (canonical_hash[:8], canonical_hash[-5:]) == ("b25362e6", "bcd7a")
    signature = huawei.signature(
        "MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc", huawei.string_to_sign("20191115T033655Z", request)
    )
    assert (signature[:8], signature[-4:]) == ("7be66680", "6ebe")
