"""`python -m signers`, as others run it on vectors of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

VECTORS = Path(__file__).parent / "vectors"
SECRET = "never-to-be-printed"

RPC: dict[str, Any] = {
    "name": "rpc",
    "algorithm": "rpc-hmac-sha1",
    "input": {"method": "POST", "params": [["Path", "/"]], "access_key_id": "ak", "secret": SECRET},
}
ACS3: dict[str, Any] = {
    "name": "acs3",
    "algorithm": "acs3-hmac-sha256",
    "input": {"method": "POST", "headers": [["host", "h"]], "access_key_id": "ak", "secret": SECRET},
}
SDK: dict[str, Any] = {
    "name": "sdk",
    "algorithm": "sdk-hmac-sha256",
    "input": {
        "method": "GET",
        "path": "/v2",
        "query": [],
        "headers": [["X-Sdk-Date", "20240219T083015Z"], ["Host", "h"]],
        "body_base64": "",
        "access_key_id": "ak",
        "secret": SECRET,
    },
}


def run(*arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "signers", *arguments],
        input=given,
        capture_output=True,
        check=False,
        timeout=60,
    )


def sign(*vectors: Any) -> tuple[int, list[dict[str, str]], str]:
    """(exit status, lines of standard output, standard error)"""
    ran = run("sign", given=json.dumps(vectors).encode())
    errors = ran.stderr.decode()
    assert "Traceback" not in errors
    assert SECRET.encode() not in ran.stdout + ran.stderr
    return ran.returncode, [json.loads(line) for line in ran.stdout.splitlines()], errors


def changed(vector: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return vector | {"input": vector["input"] | fields}


def without(vector: dict[str, Any], field: str) -> dict[str, Any]:
    return vector | {"input": {key: value for key, value in vector["input"].items() if key != field}}


@pytest.mark.parametrize("file", ["alibaba.json", "huawei.json"])
def test_vectors(file: str) -> None:
    vectors = json.loads((VECTORS / file).read_text("utf-8"))
    inputs = [{key: vector[key] for key in ("name", "algorithm", "input")} for vector in vectors]
    status, lines, errors = sign(*inputs)
    assert (status, errors) == (0, "")
    assert lines == [{"name": vector["name"], **vector["expected"]} for vector in vectors]
    assert run("sign", given=(VECTORS / file).read_bytes()).returncode == 0


def test_usage() -> None:
    for arguments in ([], ["verify"], ["sign", "file.json"]):
        ran = run(*arguments)
        assert (ran.returncode, ran.stdout) == (2, b"")
        assert ran.stderr.startswith(b"usage: python -m signers sign < LIST.json")
    ran = run("--help")
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert ran.stdout.startswith(b"usage: ")


@pytest.mark.parametrize("given", [b"", b"{", b"\xff", b"[" * 100_000, b"{}", b'"text"', b"9" * 5000])
def test_input_that_is_no_list(given: bytes) -> None:
    ran = run("sign", given=given)
    assert (ran.returncode, ran.stdout) == (2, b"")
    assert ran.stderr.startswith(b"signers: standard input is not ")
    assert ran.stderr.count(b"\n") == 1


def test_empty_list() -> None:
    assert sign() == (0, [], "")


def test_a_bad_vector_does_not_lose_the_others() -> None:
    status, lines, errors = sign(RPC, without(SDK, "path") | {"name": "bad"}, ACS3)
    assert status == 2
    assert [line["name"] for line in lines] == ["rpc", "bad", "acs3"]
    assert ["error" in line for line in lines] == [False, True, False]
    assert lines[1] == {"name": "bad", "error": "input.path is missing"}
    assert errors == 'signers: vector 2 ("bad"): input.path is missing\n'


@pytest.mark.parametrize(
    ("vector", "message"),
    [
        (7, "is not an object"),
        ({}, "algorithm is none of"),
        (RPC | {"algorithm": ["rpc-hmac-sha1"]}, "algorithm is none of"),
        (RPC | {"algorithm": "hmac"}, "algorithm is none of"),
        (RPC | {"input": None}, "input is not an object"),
        (without(RPC, "secret"), "input.secret is missing"),
        (without(RPC, "params"), "input.params is not a list"),
        (without(RPC, "method"), "input.method is missing"),
        (changed(RPC, secret=5), "input.secret is not a string"),
        (changed(RPC, secret="\ud800"), "a lone surrogate"),
        (changed(RPC, params={"Path": SECRET}), "input.params is not a list"),
        (changed(RPC, params=[["Path"]]), "input.params is not a list"),
        (changed(RPC, params=[[1, SECRET]]), "input.params is not a list"),
        (changed(RPC, params=[["Path", [SECRET]]]), "input.params has a value"),
        (changed(RPC, params=[["Path", "a"], ["Path", SECRET]]), "input.params has a name twice"),
        (without(ACS3, "headers"), "input.headers is not a list"),
        (without(ACS3, "access_key_id"), "input.access_key_id is missing"),
        (changed(ACS3, body_base64="é"), "input.body_base64 is not base64"),
        (changed(ACS3, query=[["k", "a"], ["k", "b"]]), "input.query has a name twice"),
        (changed(ACS3, headers=[["host", {}]]), "input.headers has a value"),
        (without(SDK, "path"), "input.path is missing"),
        (changed(SDK, path=""), "path is empty"),
        (changed(SDK, access_key_id=""), "access_key_id or secret is empty"),
        (changed(SDK, secret=""), "access_key_id or secret is empty"),
        (changed(SDK, body_base64="a"), "input.body_base64 is not base64"),
        (changed(SDK, body_base64="eA==!"), "input.body_base64 is not base64"),
        (changed(SDK, headers=[["Host", "h"]]), "there is no X-Sdk-Date header"),
        (changed(SDK, headers=[["X-Sdk-Date", "2024-02-19"]]), "X-Sdk-Date is not of the form"),
        (changed(SDK, headers=[["X-Sdk-Date", "20240231T083015Z"]]), "X-Sdk-Date is not of the form"),
        (changed(SDK, query=[["k", {"a": 1}]]), "input.query has a value"),
        (changed(SDK, query=[["k", [1, None]]]), "input.query has a value"),
        (changed(SDK, query=[["k", [1, "a"]]]), "cannot be ordered"),
        (changed(SDK, query=[["k", 1], ["k", "a"]]), "cannot be ordered"),
    ],
)
def test_bad_vector(vector: Any, message: str) -> None:
    status, lines, errors = sign(vector)
    assert status == 2
    assert len(lines) == 1
    assert message in lines[0]["error"]
    assert message in errors


def same(left: dict[str, Any], right: dict[str, Any]) -> None:
    status, lines, _ = sign(left, right)
    assert status == 0
    assert lines[0] == lines[1]


def test_values_are_written_as_the_sdks_write_them() -> None:
    same(
        changed(RPC, params=[["a", 50], ["b", True], ["c", 1.5], ["d", None]]),
        changed(RPC, params=[["a", "50"], ["b", "True"], ["c", "1.5"]]),
    )
    same(
        changed(ACS3, query=[["a", 50], ["b", False], ["d", None]], headers=[["x-acs-n", 7], ["x", None]]),
        changed(ACS3, query=[["a", "50"], ["b", "False"]], headers=[["X-Acs-N", " 7 "]]),
    )
    same(
        changed(SDK, query=[["a", 50], ["b", False], ["c", ["y", "x"]], ["d", []], ["e", None]]),
        changed(SDK, query=[["a", "50"], ["b", "false"], ["c", "x"], ["c", "y"]]),
    )


def test_numbers_of_a_list_are_in_the_order_of_numbers() -> None:
    _, [line], _ = sign(changed(SDK, query=[["k", [100, 9, 10]]]))
    assert line["canonical_request"].split("\n")[2] == "k=9&k=10&k=100"


def test_what_may_be_left_out() -> None:
    same(without(without(SDK, "query"), "body_base64"), SDK)
    same(ACS3, changed(ACS3, path="/", query=[], body_base64="", security_token=None))
    same(without(RPC, "access_key_id"), RPC)


def body_hash(content_type: str, body: bytes, *more: list[str]) -> tuple[str, str]:
    """(signed headers, payload hash) of a vector with these."""
    headers = [*SDK["input"]["headers"], ["Content-Type", content_type], *more]
    _, [line], _ = sign(changed(SDK, headers=headers, body_base64=b64encode(body).decode()))
    signed_headers, payload_hash = line["canonical_request"].split("\n")[-2:]
    return signed_headers, payload_hash


def test_unsigned_payload() -> None:
    signed = "content-type;host;x-sdk-content-sha256;x-sdk-date"
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    unsigned = ["X-Sdk-Content-Sha256", "UNSIGNED-PAYLOAD"]
    # The header is added if it is not there already, and does not speak for an empty body.
    assert body_hash("application/octet-stream", b"x") == (signed, "UNSIGNED-PAYLOAD")
    assert body_hash("application/octet-stream", b"x", unsigned) == (signed, "UNSIGNED-PAYLOAD")
    assert body_hash("application/octet-stream", b"") == (signed, empty)
    assert body_hash("application/json", b"x", ["x-sdk-content-sha256", " own "]) == (signed, "own")
    assert body_hash("application/json", b"", ["x-sdk-content-sha256", "own"]) == (signed, empty)
    assert body_hash("application/bson", b"")[0] == "content-type;host;x-sdk-date"


def test_underscore_headers_are_not_signed() -> None:
    same(changed(SDK, headers=[*SDK["input"]["headers"], ["X_Under", "v"]]), SDK)


def test_method_case() -> None:
    same(changed(SDK, method="get"), SDK)
    _, [line], _ = sign(changed(RPC, method=""))
    assert line["string_to_sign"].startswith("&%2F&")
