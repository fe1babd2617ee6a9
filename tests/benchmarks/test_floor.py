"""The floor of `calls` may have no advantage over the engine, and no handicap."""

from __future__ import annotations

from benchmarks.suite.calls import constant_request


def test_what_it_sends_is_a_request_of_ours() -> None:
    request = constant_request("http://127.0.0.1:1")
    assert request.method == "POST"
    assert request.url.endswith("/events")
    assert request.body == b'{"object_keys":["photos%2F2026%2F000%2F00000000.jpg"]}'
    assert request.headers["authorization"].startswith("SDK-HMAC-SHA256 Access=")
