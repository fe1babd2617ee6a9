"""The structure that DESIGN promises, read off the syntax trees."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import engine

ROOT = Path(__file__).resolve().parent.parent
PRODUCT = sorted([*ROOT.glob("engine/**/*.py"), *ROOT.glob("signers/**/*.py")])

# From the bottom up: a module imports only modules that stand before it, or its own row's.
LAYERS = [
    ["signers"],
    ["engine.errors"],
    ["engine.model"],
    ["engine.clouds"],
    ["engine.retry", "engine.pace", "engine.polling", "engine.rows", "engine.window", "engine.report", "engine.chunks"],
    ["engine.threads"],
    ["engine.notifications"],
    ["engine.routes"],
    ["engine.rest", "engine.steady_clock"],
    ["engine.targets", "engine.intents", "engine.desired", "engine.credentials", "engine.server_clock"],
    ["engine.endpoints"],
    ["engine.config", "engine.transport", "engine.permits", "engine.concurrency", "engine.lanes", "engine.backlog"],
    ["engine.caller"],
    ["engine.client", "engine.settler"],
    ["engine.poller", "engine.judge", "engine.closures", "engine.denials"],
    ["engine.starter"],
    ["engine.feed"],
    ["engine.run"],
    ["engine.iteration"],
    ["engine.engine"],
    ["engine.lookup"],
    ["engine.creates", "engine.changes"],
    ["engine.doctor"],
    ["engine.daemon"],
    ["engine.cli"],
    ["engine.__main__"],
]
PURE = ["signers", "engine.clouds", "engine.retry", "engine.pace", "engine.polling", "engine.targets", "engine.report"]
PURE += ["engine.intents", "engine.desired", "engine.notifications", "engine.routes", "engine.denials"]
PURE_EXCEPT = {"signers.__main__"}
IMPURE = {"asyncio", "anyio", "aiohttp", "time", "random", "secrets", "os", "logging", "socket", "threading", "uvloop"}


def module_name(path: Path) -> str:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return name.removesuffix(".__init__")


def imports(path: Path) -> Iterator[str]:
    """Modules that a file imports at any depth, but not those for the type checker alone."""
    tree = ast.parse(path.read_text())
    checking = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    package = module_name(path) if path.name == "__init__.py" else module_name(path).rpartition(".")[0]
    for node in ast.walk(tree):
        if id(node) in checking:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            source = ".".join([*base, node.module] if node.module else base)
            yield source
            yield from (f"{source}.{alias.name}" for alias in node.names)


def within(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def layer(module: str) -> int | None:
    found = [i for i, names in enumerate(LAYERS) if any(within(module, name) for name in names)]
    return found[0] if found else None


def test_every_module_has_a_layer() -> None:
    homeless = [
        module_name(path)
        for path in PRODUCT
        if layer(module_name(path)) is None and not within(module_name(path), "engine.emulator")
    ]
    assert homeless == ["engine"]


@pytest.mark.parametrize("path", PRODUCT, ids=module_name)
def test_imports_point_down(path: Path) -> None:
    module = module_name(path)
    mine = layer(module)
    if mine is None:
        return
    for imported in imports(path):
        theirs = layer(imported)
        assert theirs is None or theirs <= mine, f"{module} imports {imported}, which stands above it"


@pytest.mark.parametrize("path", PRODUCT, ids=module_name)
def test_pure_modules_know_no_clock_chance_or_io(path: Path) -> None:
    module = module_name(path)
    if module in PURE_EXCEPT or not any(within(module, name) for name in PURE):
        return
    assert not {name for name in imports(path) if name.split(".")[0] in IMPURE}
    nodes = list(ast.walk(ast.parse(path.read_text())))
    assert not [node for node in nodes if isinstance(node, ast.AsyncFunctionDef | ast.Await)]
    called = {ast.unparse(node.func).rpartition(".")[2] for node in nodes if isinstance(node, ast.Call)}
    assert not called & {"open", "now", "utcnow", "today", "print", "input"}


@pytest.mark.parametrize("path", PRODUCT, ids=module_name)
def test_only_transport_ingest_and_emulator_know_aiohttp(path: Path) -> None:
    if module_name(path) == "engine.transport" or within(module_name(path), "engine.emulator"):
        return
    assert not [name for name in imports(path) if within(name, "aiohttp") or within(name, "yarl")]


def test_emulator_is_independent() -> None:
    """Or a wrong signer would agree with itself."""
    for path in ROOT.glob("engine/emulator/**/*.py"):
        foreign = [
            name
            for name in imports(path)
            if within(name, "signers") or (within(name, "engine") and not within(name, "engine.emulator"))
        ]
        assert not [name for name in foreign if name != "engine"], path


def test_a_cloud_is_a_file() -> None:
    """Beside the façade and the command line, whose contract names them, only a cloud's own file knows its name.

    A sender of notifications is a file likewise, and pins the hosts of its vendor.
    """
    allowed = ["engine.emulator", "engine.cli", "engine.clouds.alibaba", "engine.clouds.huawei"]
    allowed += ["engine.notifications.smn"]
    for path in ROOT.glob("engine/**/*.py"):
        module = module_name(path)
        if module == "engine" or any(within(module, name) for name in allowed):
            continue
        tree = ast.parse(path.read_text())
        names = {
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        docs = {
            ast.get_docstring(node, clean=False)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        }
        spoken = [text for text in names - docs if re.search(r"alibaba|huawei", text, re.IGNORECASE)]
        assert not spoken, f"{module} names a cloud: {spoken}"


def test_files_hold_one_idea() -> None:
    long = {module_name(path): n for path in PRODUCT if (n := len(path.read_text().splitlines())) > 300}
    assert not long
    vague = {"utils", "helpers", "common", "base", "manager"}
    assert not [path for path in PRODUCT if path.stem in vague]


def test_the_lock_names_packages_and_hashes_only() -> None:
    for path in ROOT.glob("requirements/*"):
        text = path.read_text()
        assert "://" not in text, path
        assert not re.search(r"^\s*-(?!-hash=)", text, re.MULTILINE), f"an option stands in {path}"


def test_the_facade_offers_what_it_says() -> None:
    assert sorted(engine._HOMES) == sorted(engine.__all__)
    for name in engine.__all__:
        assert getattr(engine, name).__name__ == name
