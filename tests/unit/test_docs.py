"""The documents say what is so: commands, routes, floors and links exist, and the README's walk works."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from docs.renew import renewed
from hpm.backend.simulated import uuid_of
from hpm.cli.main import cli
from hpm.cli.registry import COMMANDS
from hpm.host.front.settings import LISTEN
from hpm.wire.servers import ServerDetail
from tests.lab.errors import wait_until
from tests.running import ManagerProcess
from tests.unit.test_architecture import CLIENT_SIDE, FLOORS, LOCAL, PACKAGE

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
GUIDES = sorted([*ROOT.glob("contrib/**/*.md"), *ROOT.glob("examples/**/*.md")])    # beside what they are about
README = (ROOT / "README.md").read_text()
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text()

#: Goals come into force within a few intervals; the simulated host's demand moves meanwhile.
INTERVAL = 1.0
PATIENCE = 20.0


def shell_lines(text: str) -> list[str]:
    """The lines of all shell blocks, continued lines joined."""
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.replace("\\\n", " ").splitlines() if line.strip()]


def hpm_words(line: str) -> list[str] | None:
    """The words after `hpm` of a shell line, without where its output goes; None for another program."""
    words = shlex.split(line)
    if Path(words[0]).name not in ("hpm", "zhpm"):
        return None
    return words[1 : next((at for at, word in enumerate(words) if word in (">", "|")), None)]


def section(text: str, heading: str) -> str:
    """What stands below a heading of the second level."""
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    assert found is not None, f"there is no section {heading!r}"
    return found[1]


def ways_to_say(text: str) -> Iterator[list[str]]:
    """Every `hpm …` of a document: in shell blocks, and in `code` in the text."""
    for line in shell_lines(text):
        words = hpm_words(line)
        if words is not None:
            yield words
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    for code in re.findall(r"`(z?hpm [^`]+)`", prose):
        words = shlex.split(code)[1:]
        if words[0] not in ("COMMAND", "…"):
            yield words


def parse(words: list[str]) -> None:
    """Have click take the words apart as the program would, without running anything."""
    if words[0] in ("--help", "--version"):
        return
    with click.Context(cli, info_name="hpm") as outer:
        command = cli.get_command(outer, words[0])
        assert command is not None, f"there is no command {words[0]!r}"
        rest = [word for word in words[1:] if word not in ("--help", "…")]
        command.make_context(words[0], rest, parent=outer)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: str(d.relative_to(ROOT)))
def test_commands_in_documents_exist_with_their_options(document: Path, tmp_path: Path) -> None:
    (tmp_path / "weekday.json").write_text("{}")
    here = Path.cwd()
    os.chdir(tmp_path)    # where the files are that the examples read
    try:
        for words in ways_to_say(document.read_text()):
            parse(words)
    finally:
        os.chdir(here)


def test_every_command_is_documented() -> None:
    told = set(re.findall(r"`([a-z-]+)`", section(README, "Commands")))
    assert set(COMMANDS) <= told, f"not in README.md: {sorted(set(COMMANDS) - told)}"


def test_make_targets_in_documents_exist() -> None:
    makefile = (ROOT / "GNUmakefile").read_text()
    for document in DOCUMENTS:
        for target in re.findall(r"`make ([a-z-]+)", document.read_text()):
            found = re.search(rf"^(?:[a-z-]+ )*{target}(?: [a-z-]+)*:", makefile, re.MULTILINE)
            assert found, f"{document.name}: there is no target {target}"


@pytest.mark.skipif(shutil.which("make") is None, reason="make is missing")
@pytest.mark.parametrize("target", ["run", "man", "completion"])
def test_what_users_make_installs_no_test_laboratory(target: str) -> None:
    told = subprocess.run(
        ["make", "-f", "GNUmakefile", "--dry-run", "--always-make", target], capture_output=True, text=True, check=True,
        cwd=ROOT,
    ).stdout  # fmt: skip
    assert "contrib/bootstrap run" in told and "pip install" in told
    assert "contrib/bootstrap check" not in told and "[dev" not in told


def test_urls_in_documents_have_the_port_of_the_front() -> None:
    ports = {port for file in (README, (ROOT / "docs/security.md").read_text())
             for port in re.findall(r"https://[\w.]+:(\d+)", file)}  # fmt: skip
    assert ports == {LISTEN.rpartition(":")[2]}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: str(d.relative_to(ROOT)))
def test_servers_of_the_simulated_host_have_their_own_uuids(document: Path) -> None:
    for name, uuid in re.findall(r"virtual server (\w+) \(([0-9a-f-]{36})\)", document.read_text()):
        assert uuid == uuid_of(name), name


@pytest.mark.parametrize(("name", "parts"), [
    ("rest.md", {"routes", "queries", "types", "errors", "error-ids"}), ("cli.md", {"commands"}),
    ("configuration.md", {"configuration"}), ("metrics.md", {"hypervisor", "groups", "servers", "own"}),
])  # fmt: skip
def test_generated_pages_are_current(name: str, parts: set[str]) -> None:
    text = (ROOT / "docs" / name).read_text()
    assert text == renewed(text), f"docs/{name} is not current; renew it with: make docs"
    assert set(re.findall(r"<!-- made: ([a-z-]+) -->", text)) == parts


def test_floors_are_those_of_the_house() -> None:
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", section(ARCHITECTURE, "Imports point downward"), re.MULTILINE)
    told = [tuple(re.findall(r"`(\w+)`", parts)) for _, parts in rows]
    assert [int(number) for number, _ in rows] == list(range(1, len(FLOORS) + 1))
    assert tuple(told) == FLOORS
    for part, allowed in CLIENT_SIDE.items():
        row = re.search(rf"^\| `{part}` \| ([^;]+?)(?:; .*?{' '.join(LOCAL)}.*)? \|$", ARCHITECTURE, re.MULTILINE)
        assert row is not None
        assert set(re.findall(r"`(\w+)`", row[1])) == allowed - {part}


def test_the_tree_shows_every_part() -> None:
    parts = {path.name for path in PACKAGE.iterdir() if path.is_dir() and (path / "__init__.py").exists()}
    for part in parts:
        assert re.search(rf"^    {part}/ ", ARCHITECTURE, re.MULTILINE), f"{part}/ is not in the tree"


@pytest.mark.parametrize("document", [*DOCUMENTS, *GUIDES], ids=lambda d: str(d.relative_to(ROOT)))
def test_links_resolve(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", document.read_text()):
        if "://" not in target:
            assert (document.parent / target).exists(), f"{document.name} links to {target}"


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[ManagerProcess]:
    with ManagerProcess(tmp_path, "simulated", INTERVAL) as running:
        yield running


def run_hpm(manager: ManagerProcess, directory: Path, *words: str) -> str:
    """What the command prints when it is run in `directory`; it must end with 0."""
    done = subprocess.run(
        [sys.executable, "-m", "hpm.cli.main", *words], capture_output=True, text=True, cwd=directory, timeout=30,
        env={**os.environ, "HPM_SOCKET": str(manager.socket)},
    )  # fmt: skip
    assert done.returncode == 0, f"hpm {shlex.join(words)}: {done.stderr}"
    return done.stdout


def test_the_examples_can_be_tried_after_the_walk(manager: ManagerProcess, tmp_path: Path) -> None:
    """Every command of examples/README.md works where the walk was taken; the dry run shows what is lost."""
    directory = tmp_path / "examples"
    shutil.copytree(ROOT / "examples", directory)
    run_hpm(manager, directory, "wrg-create", "Gold")
    run_hpm(manager, directory, "wrg-add-vs", "Gold", "db1", "db2", "web1")
    run_hpm(manager, directory, "policy-create", "Gold", "weekday", "--importance", "high", "--velocity", "fast")
    for line in shell_lines((directory / "README.md").read_text()):
        words = hpm_words(line)
        assert words is not None, line
        asks = words[0] == "policy-import" and "--dry-run" not in words
        text = run_hpm(manager, directory, *words, *(["--yes"] if asks else []))
        if words == ["policy-import", "gold-silver-bronze.xml", "--dry-run"]:
            assert "- policy weekday" in text and "- virtual server db1" in text


def test_the_walk(manager: ManagerProcess, tmp_path: Path) -> None:
    """Every command of the walk, in order, does what the README says."""

    def hpm(*words: str) -> str:
        return run_hpm(manager, tmp_path, *words)

    def servers() -> dict[str, ServerDetail]:
        with manager.client() as client:
            return {server.name: server for server in client.servers_detail().value.virtual_servers}

    def goals_met() -> bool:
        now = servers()
        return all(now[name].goal_status in ("met", "idle") for name in ("db1", "db2", "web1"))

    def adjusted(outcome: str) -> bool:
        with manager.client() as client:
            return bool(client.adjustments(outcome=outcome).value.dynamic_resource_adjustments)

    walk = [words for line in shell_lines(section(README, "The walk")) if (words := hpm_words(line)) is not None]
    found = {name: server.cpu_shares for name, server in servers().items()}
    seen = set()
    for words in walk:
        text = hpm(*words)
        said = " ".join(words)
        seen.add(said)
        if said == "config --cpu-mgmt advise":
            wait_until(lambda: adjusted("advised"), PATIENCE, "the first advice")
        elif said == "config --cpu-mgmt on":
            wait_until(lambda: adjusted("applied"), PATIENCE, "the first change")
            wait_until(goals_met, PATIENCE, "the goals of Gold are met")
        elif said == "vs-update batch1 --cap 0.5":
            wait_until(lambda: (servers()["batch1"].cpu_using or 0.0) <= 0.52, PATIENCE, "the cap holds")
        elif said == "vs-update test1 --exclude":
            wait_until(lambda: servers()["test1"].cpu_shares == found["test1"], PATIENCE, "test1 is let go")
        elif said == "config --cpu-mgmt off":
            assert {name: server.cpu_shares for name, server in servers().items()} == found
        elif said == "class-list Gold":
            assert re.search(r"^db +high +fast \(75\) +name = db\* +2 ", text, re.MULTILINE)
    assert {"config --cpu-mgmt advise", "config --cpu-mgmt on", "config --cpu-mgmt off"} <= seen
    assert servers()["db1"].workload_resource_group.endswith("/default")
