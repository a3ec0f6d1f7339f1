"""The house is built as docs/architecture.md draws it: imports point downward only."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "src/wok/plugins/hpm"

#: From the ground up. A part may import from those before it, and from the ground.
FLOORS = (
    ("policy",),
    ("engine",),
    ("memory",),
    ("wire",),
    ("backend", "store"),
    ("manager",),
    ("model",),
    ("control",),
    ("host",),
)
GROUND = {"child", "errors", "heap", "ini", "paths", "peers", "texts", "version"}

#: The command line talks to the manager through the client alone; only `cli/local.py` starts the server's side.
CLIENT_SIDE = {"client": {"policy", "wire"}, "cli": {"client", "memory", "policy", "wire"}}
LOCAL = {"host"}

#: The one place that knows Wok.
WOK = ("host", "wok")

#: Parts without I/O and clock: modules they must not import.
PURE = ("policy", "engine", "memory")
IMPURE = {
    "asyncio", "cherrypy", "datetime", "http", "httpx", "io", "libvirt", "logging", "multiprocessing", "os", "pathlib",
    "random", "select", "shutil", "signal", "socket", "sqlite3", "subprocess", "sys", "tempfile", "threading", "time",
}  # fmt: skip


def _allowed(part: str, file: Path) -> set[str]:
    if part in CLIENT_SIDE:
        return CLIENT_SIDE[part] | {part} | (LOCAL if file.name == "local.py" else set())
    below: set[str] = set()
    for floor in FLOORS:
        if part in floor:
            return below | {part}
        below |= set(floor)
    raise AssertionError(f"the part {part!r} is on no floor: add it here and in docs/architecture.md")


def _imports(file: Path) -> list[tuple[int, str, int]]:
    """(level, module, line) of each import; level 0 is absolute."""
    found: list[tuple[int, str, int]] = []
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom):
            names = [node.module] if node.module else [alias.name for alias in node.names]
            found += [(node.level, name, node.lineno) for name in names]
        elif isinstance(node, ast.Import):
            found += [(0, alias.name, node.lineno) for alias in node.names]
    return found


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_imports_point_downward(file: Path) -> None:
    inside = file.relative_to(PACKAGE).parts
    if len(inside) == 1:
        return
    allowed = _allowed(inside[0], file) | GROUND
    for level, module, line in _imports(file):
        if level:
            target = [*inside[:-1]][: len(inside) - level] + module.split(".")
            assert target[0] in allowed, f"{file}:{line} imports {'.'.join(target)} from above"
        else:
            foreign = ("hpm",) if inside[:2] == WOK else ("hpm", "wok")
            assert module.split(".")[0] not in foreign, f"{file}:{line}: imports inside hpm are relative"


@pytest.mark.parametrize("part", PURE)
def test_pure_parts_do_no_io(part: str) -> None:
    for file in (PACKAGE / part).rglob("*.py"):
        for level, module, line in _imports(file):
            assert level or module.split(".")[0] not in IMPURE, f"{file}:{line} imports {module}"


def test_no_file_is_too_long() -> None:
    long = {str(f.relative_to(PACKAGE)): n for f in FILES if (n := len(f.read_text().splitlines())) > 420}
    assert not long
