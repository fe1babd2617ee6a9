"""The examples for those who run the daemon agree with the daemon."""

from __future__ import annotations

import importlib
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

from engine.config import Settings
from engine.daemon.exposition import exposition
from engine.daemon.metrics import metrics
from engine.daemon.observation import Observation, ServerView
from engine.daemon.settings import read_serve
from tests.daemon.prometheus import Family, names, parsed
from tests.daemon.test_metrics import observation

ROOT = Path(__file__).resolve().parents[2]
METRIC = re.compile(r"\b((?:syncmux|process)_\w+)")
COUNTED = re.compile(r"\b(?:increase|rate)\((\w+)(\{[^}]*\})?\[")
STATES = {"succeeded", "accepted", "failed"}


def exported() -> dict[str, Family]:
    return parsed(exposition(metrics(observation())).decode())


def rules() -> list[dict[str, Any]]:
    yaml = importlib.import_module("yaml")  # of the vendors' SDKs, which the tests have
    (group,) = yaml.safe_load((ROOT / "examples/prometheus/alerts.yml").read_text())["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def test_every_alert_is_about_something_that_is_exported() -> None:
    told = exported()
    for rule in rules():
        expression = re.sub(r'"[^"]*"', '""', rule["expr"])
        used = METRIC.findall(expression)
        assert set(used) <= names(told), rule["alert"]
        assert used or expression.startswith("up{"), rule["alert"]
        known = {label for name in used for _, each in _family(told, name).samples for label, _ in each}
        wanted = set(re.findall(r"(\w+)=~?\"", expression))
        for listed in re.findall(r"\bby \(([^)]*)\)", expression):
            wanted |= set(re.split(r",\s*", listed))
        wanted |= set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]))
        assert wanted <= known | {"instance", "job"}, rule["alert"]
        for state in re.findall(r'state="(\w+)"', rule["expr"]):
            assert state in STATES


def test_what_an_alert_counts_is_there_before_it_happens_first() -> None:
    """For `increase` and `rate`, what was not there before has not changed."""
    began = Observation(at=1.0, monotonic=1.0, began_at=0.0, version="1", lanes=observation().lanes,
                        server=ServerView("", ["own"]), sources={"oss": ""})  # fmt: skip
    told = parsed(exposition(metrics(began)).decode())
    counted = [found for rule in rules() for found in COUNTED.findall(rule["expr"])]
    assert len(counted) >= 4
    for name, labels in counted:
        samples = [dict(each) for _, each in _family(told, name).samples]
        wanted = dict(re.findall(r'(\w+)="([^"]*)"', labels))
        owners = {each.get("account") or each["sender"] for each in samples if wanted.items() <= each.items()}
        assert owners == ({"acc"} if "account" in samples[0] else {"own", "oss"}), name
    assert told["syncmux_http_answers_total"].value(path="/v1/events/own", status="429") == 0


def _family(told: dict[str, Family], name: str) -> Family:
    return next(family for base, family in told.items() if name == base or name.startswith(f"{base}_"))


def test_every_alert_says_what_how_bad_and_whether_it_can_come_and_go() -> None:
    alerts = [rule["alert"] for rule in rules()]
    assert len(alerts) == len(set(alerts)) >= 12
    for rule in rules():
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
        assert rule["annotations"]["summary"]
        assert rule["expr"].count("(") == rule["expr"].count(")")
        assert "for" in rule or "increase(" in rule["expr"], "what lasts a moment wakes nobody"


def test_the_document_names_every_metric_and_no_other() -> None:
    """A name that begins with an underscore goes on from the name before it: `a_b_rows`, `_jobs` is `a_b_jobs`."""
    document = (ROOT / "docs/operating.md").read_text().partition("## Metrics")[2].partition("\n## ")[0]
    told = set(exported())
    named: set[str] = set()
    for line in document.splitlines():
        first, *more = re.findall(r"`([a-z_]+)`", line.split("|")[1]) if line.startswith("| `") else [""]
        named |= {first} - {""}
        for name in more:
            stems = [stem for stem in _stems(first) if stem + name in told] if name.startswith("_") else [""]
            assert stems, f"{name} after {first}"
            named.add(stems[0] + name)
    assert named == told


def _stems(name: str) -> list[str]:
    words = name.split("_")
    return ["_".join(words[:end]) for end in range(len(words), 0, -1)]


def unit() -> dict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for line in (ROOT / "examples/systemd/syncmux.service").read_text().splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found[name].append(value)
    return found


def test_the_unit_is_notified_watched_and_shut_in() -> None:
    found = unit()
    assert found["Type"] == ["notify"]
    assert int(found["WatchdogSec"][0]) >= 30
    assert int(found["TimeoutStopSec"][0]) > read_serve(Settings()).grace_s
    assert found["ExecReload"] == ["/bin/kill -HUP $MAINPID"]
    assert found["RestartPreventExitStatus"] == ["2 4"], "settings and credentials, as engine.cli.exits has them"
    assert not found["ExecStartPre"], "whose exit status prevents no restart; serve itself looks at all settings first"
    assert found["StartLimitIntervalSec"] == ["0"], "what may pass is tried for ever"
    assert found["Group"] == ["syncmux-senders"]
    assert found["RuntimeDirectoryMode"] == ["0750"], "or the group could not come to the socket"
    assert found["ReadWritePaths"] == ["-/var/spool/syncmux"]
    assert found["LoadCredential"]
    assert found["StateDirectory"] == ["syncmux"]
    assert "%S/syncmux/" in found["Environment"][0]
    for name in ("DynamicUser", "NoNewPrivileges", "ProtectHome", "PrivateTmp", "PrivateDevices", "LockPersonality",
                 "RestrictNamespaces", "MemoryDenyWriteExecute"):  # fmt: skip
        assert found[name] == ["yes"], name
    assert found["ProtectSystem"] == ["strict"]
    assert found["CapabilityBoundingSet"] == [""]
    assert set(found["RestrictAddressFamilies"][0].split()) == {"AF_INET", "AF_INET6", "AF_UNIX"}


def test_the_container_has_no_root_and_nothing_without_a_hash() -> None:
    lines = (ROOT / "Containerfile").read_text().replace("\\\n", " ").splitlines()
    told = [line for line in lines if line and not line.startswith("#")]
    bases = [line.split()[1] for line in told if line.startswith("FROM")]
    assert set(bases) == {"python:3.13-slim"}
    last = told[max(i for i, line in enumerate(told) if line.startswith("FROM")) :]
    (user,) = [line.split()[1] for line in last if line.startswith("USER")]
    assert re.fullmatch(r"[1-9][0-9]+:[1-9][0-9]+", user)
    assert not [line for line in last[last.index(f"USER {user}") :] if line.startswith(("RUN", "COPY", "ADD"))]
    for line in told:
        assert not re.search(r"--(?:extra-)?index|--find-links|--trusted|://", line), line
        for install in re.findall(r"pip install ([^&]*)", line):
            assert "--require-hashes" in install or "--no-deps" in install, install
            for file in re.findall(r"-r (\S+)", install):
                assert (ROOT / file).exists()
