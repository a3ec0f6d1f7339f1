"""What the documents for users tell to type works: all of it, in order, before a manager of the simulated host."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest
from lxml import etree

from hpm.backend.simulated.demo import from_uri
from hpm.client.rest import Client
from hpm.manager.manager import Manager
from hpm.manager.recorder import KINDS
from hpm.policy.files.notation import read
from hpm.store.database import Database
from hpm.store.history import History
from hpm.wire.guest_policies import GuestPolicyUpdate
from tests.lab.errors import wait_until

from .cli_host import run_at, serving, session_at
from .test_policy_files import SCHEMA

DOCS = Path(__file__).parents[2] / "docs"
#: Those with commands, and how many of them a test runs at least: so it is noticed if blocks are not found any more.
RUN = {"start.md": 15, "cookbook.md": 90, "faq.md": 12}
#: Those whose commands take for granted what is said here first.
GOLD = (
    "wrg-create Gold", "wrg-add-vs Gold db1", "policy-create Gold weekday --importance high --class 'db fast name=db*'",
)  # fmt: skip
TAKEN = {
    "guest-policies.md": GOLD, "partitions.md": GOLD, "suggestions.md": GOLD, "notifications.md": (),
    "simulate.md": (*GOLD, "policy-export --output policies.json", "policy-export --output others.json"),
    "tuning.md": (), "configuration.md": (), "mom-migration.md": (),
}  # fmt: skip
#: Files that they read.
TAKEN_FILES = {"db.json": '{"cpu-weight": 2048}', "gold.json": '{"cpu-cap": 2}', "FILE": "secret\n"}
#: What a manager in this process, seconds old, can only refuse, and why.
REFUSED = {
    "policy-suggest": "there are 0.00 hours of history", "notifications --test": "nothing can be delivered from here",
}  # fmt: skip
GUIDES = (*RUN, "concepts.md", "tuning.md")
PICTURES = sorted((DOCS / "pictures").glob("concept-*.svg"))
#: A fenced block, and the comment above it: `not run: WHY`, or `file: NAME` with what is no policy file behind it.
BLOCK = re.compile(r"(?:^<!-- ([^\n]*) -->\n)?^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
#: Seconds that goals may take to be met; the demand of the simulated host moves.
PATIENCE = 20.0


@dataclass(frozen=True)
class Block:
    """A fenced block of a document."""

    note: str
    language: str
    text: str

    @property
    def file(self) -> str | None:
        """The name of the file that it is, for the commands after it."""
        found = re.match(r"file: ([\w.-]+)", self.note)
        return found and found[1]

    @property
    def commands(self) -> list[list[str]]:
        """The words after `hpm` of each line that can be run."""
        if self.language != "sh" or self.note.startswith("not run: "):
            return []
        lines = [shlex.split(line, comments=True) for line in self.text.replace("\\\n", " ").splitlines()]
        assert all(line[0] == "hpm" for line in lines if line), f"no command of hpm: {self.text}"
        return [line[1:] for line in lines if line]


def blocks(document: str) -> list[Block]:
    text = (DOCS / document).read_text()
    found = [Block(note, language, inside) for note, language, inside in BLOCK.findall(text)]
    assert 2 * len(found) == len(re.findall(r"^```", text, re.MULTILINE)), f"{document}: a fence without an end"
    return found


class Host:
    """The command line to an hpm on the simulated host, at this socket."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket

    def hpm(self, words: list[str], why_not: str | None = None) -> None:
        """Run a command, which must end well, or else be refused for that reason."""
        done = run_at(self.socket, *words, columns=110)
        if why_not is not None:
            assert done.exit_code == 1 and why_not in done.output, f"hpm {shlex.join(words)}: {done.output}"
            return
        assert done.exit_code == 0, f"hpm {shlex.join(words)}: {done.output}"

    def ask(self, question: Callable[[Client], bool]) -> bool:
        with session_at(self.socket) as session:
            return question(session.client)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    (state := tmp_path / "state").mkdir()
    (files := tmp_path / "files").mkdir()
    monkeypatch.chdir(files)    # where the files are that the commands read
    database = Database(state / "hpm.db")
    history = History(state / "history.db", KINDS, wall=time.time)
    manager = Manager(
        from_uri("simulated", time.monotonic_ns), database, 1.0, time.monotonic_ns,
        lambda: datetime.now(timezone.utc), history,
    )  # fmt: skip
    with serving(manager, database, state) as socket:
        yield Host(socket)


@pytest.mark.parametrize("document", RUN)
def test_what_a_document_tells_to_type_works(document: str, host: Host) -> None:
    """Each command ends with 0, and at the end nothing is left of what was said."""
    at_first = host.ask(nothing_is_said)
    run = 0
    for block in blocks(document):
        if block.file is not None:
            Path(block.file).write_text(block.text)
        for words in block.commands:
            host.hpm(words)
            run += 1
            if document == "start.md" and words == ["config", "--cpu-mgmt", "on"]:
                wait_until(lambda: host.ask(goals_are_met), PATIENCE, "the goals of Gold are met", 0.1)
    assert run >= RUN[document], f"{document}: {run} commands were found"
    assert at_first and host.ask(nothing_is_said)


@pytest.mark.parametrize("document", TAKEN)
def test_the_examples_of_a_reference_work(document: str, host: Host) -> None:
    """Each command ends with 0; or it is refused here, for the reason that is known."""
    for name, text in TAKEN_FILES.items():
        Path(name).write_text(text)
        Path(name).chmod(0o600)
    Path("examples").symlink_to(DOCS.parent / "examples")
    for words in TAKEN[document]:
        host.hpm(shlex.split(words))
    run = 0
    for block in blocks(document):
        for words in block.commands:
            why_not = next((why for what, why in REFUSED.items() if shlex.join(words).startswith(what)), None)
            host.hpm(words, why_not)
            run += 1
    assert run or all(block.note for block in blocks(document) if block.language == "sh")


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is missing")
def test_the_examples_with_curl_work(host: Host) -> None:
    run = 0
    for block in blocks("rest.md"):
        for line in block.text.replace("\\\n", " ").splitlines() if block.language == "sh" else ():
            command = shlex.split(line.replace("/run/hpm/hpm.sock", str(host.socket)))
            assert command[0] == "curl"
            done = subprocess.run([*command, "--silent", "--show-error", "--fail", "--max-time", "2"],
                                  capture_output=True, text=True, check=False)    # fmt: skip
            endless = "-N" in command
            assert done.returncode == (28 if endless else 0), f"{line}: {done.stderr}"
            assert "data: " in done.stdout if endless else done.stdout.startswith("{")
            run += 1
    assert run >= 3


def goals_are_met(client: Client) -> bool:
    status = {server.name: server.goal_status for server in client.servers_detail().value.virtual_servers}
    return status["db1"] == status["db2"] == "met"


def nothing_is_said(client: Client) -> bool:
    """Whether all is as at the start: levels, groups, and what was said of servers."""
    levels = client.management_levels().value
    groups = client.groups().value.workload_resource_groups
    servers = client.servers_detail().value.virtual_servers
    return (
        (levels.cpu_mgmt, levels.memory_mgmt) == ("off", "off")
        and [(group.name, group.active_policy) for group in groups] == [("default", None)]
        and all(server.cpu_shares == 1024 and server.status == "running" for server in servers)
        and not any(server.excluded or server.cpu_reserve or server.cpu_cap for server in servers)
    )


@pytest.mark.parametrize("document", GUIDES)
def test_files_in_documents_are_right(document: str) -> None:
    for block in blocks(document):
        data = block.text.encode()
        if block.language == "json" and block.note.endswith("a guest policy"):
            msgspec.json.decode(data, type=GuestPolicyUpdate)
        elif block.language in ("json", "xml"):
            read(data)
        if block.language == "xml":
            SCHEMA.assertValid(etree.fromstring(data))


def anchors(document: Path) -> set[str]:
    """What a link may name behind its #: each heading, as GitHub makes it."""
    text = re.sub(r"^```.*?^```", "", document.read_text(), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", GUIDES)
def test_links_lead_to_headings_that_are_there(document: str) -> None:
    for target, heading in re.findall(r"\]\(([\w./-]*)#([^)]+)\)", (DOCS / document).read_text()):
        assert heading in anchors(DOCS / (target or document)), f"{document} links to {target}#{heading}"


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_a_picture_is_for_everybody(picture: Path) -> None:
    """Who cannot see it is told what it shows; it has a background of its own, and brings nothing from elsewhere."""
    root = ElementTree.parse(picture).getroot()
    tags = [element.tag.rpartition("}")[2] for element in root.iter()]
    assert tags[:3] == ["svg", "title", "desc"] and root[0].text and root[1].text
    assert (root.get("aria-labelledby"), root.get("font-family")) == ("title desc", "sans-serif")
    background = next(element for element in root if element.tag.endswith("}rect"))
    assert background.attrib == {"width": root.get("width"), "height": root.get("height"), "fill": "#ffffff"}
    assert not {"script", "style", "image", "use", "foreignObject", "a"} & set(tags)
    assert f"](pictures/{picture.name})" in (DOCS / "concepts.md").read_text()


def test_there_are_pictures() -> None:
    assert len(PICTURES) >= 4
