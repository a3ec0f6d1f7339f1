"""Completion: what the shells are told, and real shells that complete names of a running hpm."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.shell_completion import CompletionItem

from hpm.cli.main import cli
from hpm.cli.names import KINDS
from hpm.cli.registry import COMMANDS
from hpm.cli.session import Session
from hpm.cli.shells import SCRIPTS, Bash, Line, parse_line, quoted
from tests.running import ManagerProcess
from tests.screen import Terminal

from .test_client_fake import GOLD, Fake, policy, server

BIN = Path(sys.executable).parent
BREAKS = " \t\n\"'><=;|&(:"

#: Names that a shell must quote.
HARD = ["Gold Two", "it's $HOME", "Büro 東京", "a:b \"c\"", "back\\slash `x`"]


@pytest.fixture
def fake() -> Fake:
    fake = Fake()
    fake.groups[GOLD]["perf-policies"].append({**policy("night"), "service-classes": [
        {"name": "only", "goal": {"type": "discretionary"}}]})  # fmt: skip
    fake.servers.append(server(3, "other", **{"workload-resource-group": "/x/workload-resource-groups/default"}))
    return fake


def complete(fake: Fake, *words: str) -> list[str]:
    """What the last of the words may become."""
    shell = Bash(cli, {"obj": Session(transport=fake.transport)}, "hpm", "_HPM_COMPLETE")
    found: list[CompletionItem[str]] = shell.get_completions(list(words[:-1]), words[-1])
    return [item.value for item in found]


@pytest.mark.parametrize(("words", "names"), [
    (["wrg-show", ""], ["Default", "Gold"]), (["wrg-show", "G"], ["Gold"]), (["wrg-show", "Gold", ""], []),
    (["wrg-show", "--wrg-name", "D"], ["Default"]), (["wrg-show", "--wrg-name=D"], ["Default"]),
    (["wrg-create", ""], []), (["vs-list", "--wrg", "G"], ["Gold"]), (["vs-show", "d"], ["db1", "db2"]),
    (["policy-show", "Gold", ""], ["weekday", "night"]), (["policy-create", "Gold", ""], []),
    (["policy-activate", "Gold", "n"], ["night"]), (["policy-update", "Gold", "n"], ["night"]),
    (["policy-show", "--wrg-name", "Gold", "n"], ["night"]), (["policy-show", "--policy-name", "n"], []),
    (["policy-show", "Gold", "--policy-name", "n"], ["night"]),
    (["class-show", "Gold", ""], ["weekday", "night", "db", "rest"]), (["class-show", "Gold", "night", ""], ["only"]),
    (["class-show", "Gold", "--policy-name", "night", ""], ["only"]),
    (["class-show", "--class-name", "x", "G"], ["Gold"]),
    (["class-add", "Gold", "new", "--before", ""], ["db", "rest"]),
    (["class-add", "Gold", "night", "new", "--before", ""], ["only"]), (["class-add", "Gold", "x", "d"], []),
    (["wrg-add-vs", "Gold", ""], ["other"]), (["wrg-remove-vs", "Gold", ""], ["db1", "db2"]),
    (["wrg-remove-vs", "Gold", "db1", ""], ["db2"]), (["dra-list", "--vs", "o"], ["other"]),
    (["config", "--cpu-mgmt", "a"], ["advise"]), (["help", "vs-l"], ["vs-list"]), (["completion", "z"], ["zsh"]),
    (["policy-schedule", "Gold", "--otherwise", "n"], ["night"]),
    (["vs-list", "--goal-status", "m"], ["met", "missed"]),
    (["vs-list", "--class", "d"], ["db"]),
    (["wrg-l"], ["wrg-list"]), (["--soc"], ["--socket"]), (["vs-list", "--st"], ["--status"]),
    (["top", "--sort", "p"], ["pi"]),
    (["policy-export", ""], ["Default", "Gold"]), (["policy-export", "Gold", "n"], ["night"]),
    (["policy-import", "G"], ["Gold", "G"]), (["policy-check", "x"], ["x"]), (["policy-import", "--file", "x"], ["x"]),
    (["simulate", "x"], ["x"]),
    (["vs-boost", "db1", "--velocity", "fa"], ["fastest", "fast"]), (["policy-preview", "Gold", "n"], ["night"]),
 (["wrg-show", "nobody", "--wrg"], ["--wrg-name"]),
], ids=" ".join)  # fmt: skip
def test_names_commands_and_options_are_completed(fake: Fake, words: list[str], names: list[str]) -> None:
    assert complete(fake, *words) == names
    assert not fake.sent("POST")


def test_what_a_shell_cannot_say_is_left_out(fake: Fake) -> None:
    fake.servers += [server(5, "-x"), server(6, "a\nb"), server(7, "c\x1b[2Jd")]
    assert complete(fake, "vs-show", "") == ["db1", "db2", "other"]


#: Commands that give something a new name, and the key of the slot.
NEW = {
    ("wrg-create", "group"), ("policy-create", "policy"), ("policy-suggest", "policy"), ("class-add", "service_class"),
}  # fmt: skip


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_slot_that_names_something_is_completed(name: str) -> None:
    """A new command takes its slots from `cli.command`, or says with `Slot.complete` what completes them."""
    command = cli.get_command(click.Context(cli), name)
    for slot in getattr(command, "slots", ()):
        if slot.key in ("group", "policy", "service_class", "server", "servers") and (name, slot.key) not in NEW:
            assert slot.complete in KINDS, f"{name} {slot.metavar} cannot be completed"


@pytest.mark.parametrize(("text", "line"), [
    ("hpm wrg-show Go", Line(["hpm", "wrg-show"], "Go", "", 0)),
    ("hpm wrg-show ", Line(["hpm", "wrg-show"], "", "", 0)),
    ("hpm wrg-show Gold\\ T", Line(["hpm", "wrg-show"], "Gold T", "", 0)),
    ("hpm wrg-show 'Gold T", Line(["hpm", "wrg-show"], "Gold T", "'", 0)),
    ('hpm x "a b" "c \\$d', Line(["hpm", "x", "a b"], "c $d", '"', 0)),
    ('hpm x "c \\d', Line(["hpm", "x"], "c \\d", '"', 0)),
    ("hpm vs-list --wrg=Go", Line(["hpm", "vs-list"], "--wrg=Go", "", 6)),
    ("hpm vs-list --wrg='Go", Line(["hpm", "vs-list"], "--wrg=Go", "'", 6)),
    ("hpm x a:b:c", Line(["hpm", "x"], "a:b:c", "", 4)),
    ("hpm x ''", Line(["hpm", "x"], "", "", 0)),
], ids=lambda v: str(v)[:20])  # fmt: skip
def test_a_line_of_bash_is_taken_apart(text: str, line: Line) -> None:
    assert parse_line(text, BREAKS) == line


@pytest.mark.parametrize("name", HARD)
@pytest.mark.parametrize("quote", ["", "'", '"'])
def test_quoted_names_are_what_bash_reads(name: str, quote: str) -> None:
    word = quote + quoted(name, quote) + quote
    done = subprocess.run(["bash", "-c", f"printf %s {word}"], capture_output=True, text=True, check=True)
    assert done.stdout == name


def test_without_hpm_nothing_is_said(tmp_path: Path) -> None:
    for line in ("hpm wrg-show ", "hpm nonsense ", "hpm --host nowhere wrg-show "):
        begin = time.monotonic()
        done = subprocess.run(
            [BIN / "hpm"], capture_output=True, text=True, timeout=20, check=False,
            env={"_HPM_COMPLETE": "bash_complete", "_HPM_LINE": line, "HPM_SOCKET": str(tmp_path / "s")},
        )  # fmt: skip
        assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", ""), line
        assert time.monotonic() - begin < 10.0


def test_nobody_waits_long_for_a_hpm_that_is_silent(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "s"))
        silent.listen()
        begin = time.monotonic()
        done = subprocess.run(
            [BIN / "hpm"], capture_output=True, text=True, timeout=20, check=False,
            env={"_HPM_COMPLETE": "fish_complete", "_HPM_WORDS": "hpm\nwrg-show", "HPM_SOCKET": str(tmp_path / "s")},
        )  # fmt: skip
        assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")
        assert 0.9 < time.monotonic() - begin < 10.0    # it gives up after a second; the rest is a busy machine


# -- real shells

#: How a shell is started without its user's settings, and what makes it complete.
SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "source {}"),
    "zsh": (["zsh", "-f", "-i"], "autoload -Uz compinit; compinit -u -D; source {}"),
    "fish": (["fish", "--no-config", "-i"], "source {}"),
}


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ManagerProcess]:
    with ManagerProcess(tmp_path_factory.mktemp("completion"), "simulated", 5.0) as running:
        for name in HARD:
            assert running.hpm("wrg-create", name).returncode == 0
        yield running


@pytest.fixture(scope="module", params=list(SHELLS))
def started(
    request: pytest.FixtureRequest, manager: ManagerProcess, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Terminal]:
    command, setup = SHELLS[request.param]
    tmp_path = tmp_path_factory.mktemp("shell")
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    script = tmp_path / "completion"
    script.write_text(SCRIPTS[request.param])
    (tmp_path / "wrg-show").mkdir()    # a file of that name must not come in between
    env = {
        "PATH": f"{BIN}:/usr/bin:/bin", "HPM_SOCKET": str(manager.socket), "HOME": str(tmp_path), "PS1": "READY> ",
        "XDG_CONFIG_HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path), "COLUMNS": "100",
    }  # fmt: skip
    with Terminal(command, env, columns=100, lines=40, cwd=str(tmp_path)) as terminal:
        terminal.until(lambda lines: lines[0] or lines[1], "a prompt")
        terminal.press(setup.format(script) + "; echo set'' up\r")
        terminal.until(lambda lines: "set up" in lines, "the completion is loaded")
        yield terminal


@pytest.fixture
def shell(started: Terminal) -> Terminal:
    """A shell with an empty screen."""
    started.press("\x15clear\r")    # Ctrl-U: not what a test that failed has left
    started.until(lambda lines: not any(lines[2:]) and not any("clear" in line for line in lines), "an empty screen")
    return started


def said(lines: list[str], name: str) -> bool:
    """Whether hpm has shown the group of that name."""
    return any(line.split(None, 1) == ["Name", name] for line in lines)


def test_a_command_an_option_and_a_name_are_completed(shell: Terminal) -> None:
    shell.press("hpm wrg-sh\tGold\t")
    shell.until(lambda lines: any("hpm wrg-show Gold" in line and "Two" in line for line in lines), "the name")
    shell.press("\r")
    shell.until(lambda lines: said(lines, "Gold Two"), "the group")
    shell.press("zhpm vs-show --vs-n\tbatch3\t\r")
    shell.until(lambda lines: said(lines, "batch3"), "the server")


@pytest.mark.parametrize("name", HARD)
def test_names_with_blanks_quotes_and_any_script_arrive_whole(shell: Terminal, name: str) -> None:
    shell.press(f"hpm wrg-show {name[:2]}\t")
    last = name.split()[-1].strip('"`')
    shell.until(lambda lines: any("hpm wrg-show" in line and last in line for line in lines), "the name")
    shell.press("\r")
    shell.until(lambda lines: said(lines, name), f"the group {name}")


@pytest.mark.parametrize("typed", ["'Gold T", '"Gold T', "Gold\\ T", "--wrg-name=Gold\\ T", "--wrg-name 'Gold"])
def test_a_name_is_completed_in_quotes_and_after_an_option(shell: Terminal, typed: str) -> None:
    shell.press(f"hpm wrg-show {typed}\t")
    shell.until(lambda lines: any("hpm wrg-show" in line and "Two" in line for line in lines), "the name")
    shell.press("\r")
    shell.until(lambda lines: said(lines, "Gold Two"), "the group")
