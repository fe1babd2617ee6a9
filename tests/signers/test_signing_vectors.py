"""Signatures that the vendors' SDKs made, compared stage by stage, so that a failure names the stage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from signers.vectors import stages

VECTORS: list[dict[str, Any]] = [
    vector
    for file in sorted((Path(__file__).parent / "vectors").glob("*.json"))
    for vector in json.loads(file.read_text("utf-8"))
]


def test_all_vectors_are_here() -> None:
    assert len(VECTORS) == 92
    assert {vector["algorithm"] for vector in VECTORS} == {
        "rpc-hmac-sha1",
        "acs3-hmac-sha256",
        "sdk-hmac-sha256",
    }


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_vector(vector: dict[str, Any]) -> None:
    made, expected = stages(vector), vector["expected"]
    for stage in ("canonical_request", "string_to_sign", "signature", "authorization"):
        assert made.get(stage) == expected.get(stage), f"the stage {stage} differs"
    assert made.keys() == expected.keys()


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_order_of_input_does_not_matter(vector: dict[str, Any]) -> None:
    fields = vector["input"]
    turned = {key: value[::-1] for key, value in fields.items() if key in {"params", "query", "headers"}}
    assert stages(vector | {"input": fields | turned}) == vector["expected"]
