"""--dry-run: everything but the sending."""

from __future__ import annotations

from .conftest import KEY_ID, Clouds, Syncmux

OPTIONS = ["--dry-run", "--rate", "20"]


def test_push(syncmux: Syncmux, cloud: Clouds, sync_task: str) -> None:
    keys = "".join(f"k{i}\n" for i in range(1000))
    manifest = syncmux.file("keys.txt", keys + "k0\n" + 1025 * "x" + "\n")
    done = syncmux("push", manifest, "--sync-task", sync_task, *OPTIONS)
    assert done.code == 3
    assert "1,000 keys in 100 calls of CreateSyncEvents" in done.out
    assert "1 rejected, 1 repeated" in done.out
    assert "5.0 s at 20 calls/s" in done.out
    assert "keys.txt:1002: " in done.out
    assert f"/sync-tasks/{sync_task}/events" in done.out
    assert '{"object_keys":["k0","k1"' in done.out
    assert cloud.ledger()["calls"] == {}
    assert not (syncmux.directory / ".syncmux").exists()


def test_secrets_are_masked(syncmux: Syncmux, environ: dict[str, str], cloud: Clouds) -> None:
    manifest = syncmux.file("directories.csv", "gateway_id,index_id,path\ngw-1,NFSa,/a b\n")
    token = environ | {"ALIBABA_CLOUD_SECURITY_TOKEN": "tok/en+of=mine"}
    for signature in ("acs3", "rpc"):
        syncmux.file(
            "syncmux.toml",
            f'[accounts.mine]\ncloud = "alibaba"\nregion = "cn-hangzhou"\nsignature = "{signature}"\n',
        )
        done = syncmux("trigger", manifest, "--config", "syncmux.toml", "--json", *OPTIONS, environ=token)
        assert done.code == 0
        requests = [event for event in done.events if event["event"] == "request"]
        assert [request["operation"] for request in requests] == ["TriggerGatewayRemoteSync", "DescribeTasks"]
        assert "Signature=***" in done.out
        for secret in (KEY_ID, "tok/en", "tok%2Fen"):
            assert secret not in done.out
        shown = "".join([requests[0]["url"], requests[0]["body"]])
        assert "Path=%2Fa%20b" in shown
    assert cloud.ledger()["calls"] == {}


def test_nothing_usable(syncmux: Syncmux) -> None:
    assert syncmux("push", syncmux.file("keys.txt", "a\n"), *OPTIONS).code == 2
    assert syncmux("push", "none.txt", *OPTIONS).code == 2
