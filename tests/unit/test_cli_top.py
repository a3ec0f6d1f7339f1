"""`hpm top` on a real terminal, against a running hpm on the simulated host."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import ManagerProcess
from tests.screen import Terminal

NAMES = ["batch1", "batch2", "batch3", "db1", "db2", "test1", "web1", "web2", "web3"]


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ManagerProcess]:
    with ManagerProcess(tmp_path_factory.mktemp("top"), "simulated", 1.0) as running:
        for line in (
            ["wrg-create", "Gold"], ["wrg-add-vs", "Gold", "db1", "db2", "web1"],
            ["policy-create", "Gold", "weekday", "--importance", "high", "--velocity", "fast"],
        ):  # fmt: skip
            assert running.hpm(*line).returncode == 0
        yield running


@pytest.fixture
def top(manager: ManagerProcess) -> Iterator[Terminal]:
    with start(manager) as terminal:
        terminal.until(lambda lines: names(lines), "the table")
        yield terminal


def start(manager: ManagerProcess, *words: str, **env: str) -> Terminal:
    command = [sys.executable, "-m", "hpm.cli.main", "--socket", str(manager.socket), "top", "-d", "0.3", *words]
    return Terminal(command, env)


def names(lines: list[str]) -> list[str]:
    """The servers that are seen, in order."""
    words = [line.split()[0] for line in lines if line.strip()]
    return [word for word in words if word in NAMES]


def left(terminal: Terminal) -> bool:
    """Whether the terminal is as the user had it: settings, cursor, and the screen of before."""
    last = {mode: terminal.sent.rfind(mode) for mode in (b"\x1b[?1049h", b"\x1b[?1049l", b"\x1b[?25l", b"\x1b[?25h")}
    shown = last[b"\x1b[?1049l"] > last[b"\x1b[?1049h"] and last[b"\x1b[?25h"] > last[b"\x1b[?25l"]
    return shown and terminal.is_as_before()


def test_it_shows_the_host_and_all_servers(top: Terminal) -> None:
    lines = top.until(lambda lines: "measured" in lines[2], "the header")
    assert os.uname().nodename in lines[0] and "simulated" in lines[0]
    assert "CPU management off" in lines[0]
    assert re.match(r"9 servers: ● \d met, ▲ \d missed, ◌ \d idle", lines[1])
    assert re.match(r"CPUs used \d+\.\d\d, waited for \d+\.\d\d; measured \d s ago, every 1 s", lines[2])
    assert lines[3].split()[:7] == ["Name", "Group", "Class", "Imp.", "Goal", "Velo", "PI▾"]
    assert sorted(names(lines)) == NAMES
    assert "1-9 of 9" in lines[-1]


def test_keys_sort_and_reverse(top: Terminal) -> None:
    top.press("n")
    top.until(lambda lines: names(lines) == NAMES, "sorted by name")
    top.press("r")
    top.until(lambda lines: names(lines) == NAMES[::-1], "reversed")
    top.press("G")
    top.until(lambda lines: names(lines)[-3:] == ["db1", "db2", "web1"], "sorted by group")


def test_the_filter_works_as_one_types(top: Terminal) -> None:
    top.press("/DB")
    top.until(lambda lines: sorted(names(lines)) == ["db1", "db2"], "only db*")
    top.press("q\x7f2")    # q is a letter here, and taken back
    top.until(lambda lines: names(lines) == ["db2"] and lines[-1].startswith("Filter: DB2"), "only db2")
    top.press("\r")
    top.until(lambda lines: "1-1 of 1, filter: DB2" in lines[-1], "the filter is kept")
    top.press("\x1b")
    top.until(lambda lines: len(names(lines)) == 9, "all again")


def test_groups_and_help_and_back(top: Terminal) -> None:
    top.press("g")
    lines = top.until(lambda lines: any(line.startswith("Gold ") for line in lines), "the groups")
    assert any(re.match(r"Gold +weekday +high +3 ", line) for line in lines)
    assert any(re.match(r"default +- +- +6 ", line) for line in lines)
    top.press("h")
    top.until(lambda lines: lines[0].startswith("Sort by"), "the help")
    top.press(" ")
    top.press("g")
    top.until(lambda lines: len(names(lines)) == 9, "the servers")


def test_a_pause_keeps_the_figures(top: Terminal) -> None:
    top.press(" ")
    top.until(lambda lines: re.search(r"measured ([4-9]|\d\d) s ago.*STOPPED", lines[2]), "the figures get old")
    top.press(" ")
    top.until(lambda lines: "STOPPED" not in lines[2] and re.search("measured [0-3] s ago", lines[2]), "fresh ones")


def test_a_small_window_scrolls_and_a_large_one_shows_all(top: Terminal) -> None:
    top.press("n")
    top.resize(60, 10)
    top.until(lambda lines: names(lines) == NAMES[:5] and "1-5 of 9" in lines[-1], "five servers")
    assert max(map(len, top.lines)) <= 60
    top.press("\x1b[B\x1bOB")
    top.until(lambda lines: names(lines) == NAMES[2:7], "two lines down")
    top.press("\x1b[6~")
    top.until(lambda lines: names(lines) == NAMES[4:], "the last page")
    top.press("\x1b[H")
    top.until(lambda lines: names(lines) == NAMES[:5], "the first page")
    top.press("\x1b[F")
    top.until(lambda lines: names(lines) == NAMES[4:], "the last page again")
    top.resize(120, 30)
    top.until(lambda lines: names(lines) == NAMES and "1-9 of 9" in lines[29], "all of them")


@pytest.mark.parametrize("key", ["q", "\x03"], ids=["q", "Ctrl-C"])
def test_quitting_leaves_the_terminal_as_it_was(top: Terminal, key: str) -> None:
    assert not top.is_as_before()
    top.press(key)
    assert top.ended() == 0
    assert left(top)


def test_a_signal_ends_it_and_leaves_the_terminal_as_it_was(top: Terminal) -> None:
    top.process.send_signal(signal.SIGTERM)
    assert top.ended() == -signal.SIGTERM
    assert left(top)


def test_a_fault_leaves_the_terminal_as_it_was(manager: ManagerProcess) -> None:
    code = (
        "import sys, hpm.cli.top_view\n"
        "def broken(*_): raise RuntimeError('broken')\n"
        "hpm.cli.top_view.press = broken\n"
        "from hpm.cli.main import main\n"
        f"main(['--socket', {str(manager.socket)!r}, 'top'])"
    )
    with Terminal([sys.executable, "-c", code], {}) as terminal:
        terminal.until(names, "the table")
        terminal.press("n")
        assert terminal.ended() == 1
        assert left(terminal)
        assert b"RuntimeError: broken" in terminal.sent[terminal.sent.rfind(b"\x1b[?1049l"):]


def test_control_z_gives_the_terminal_back_for_a_while(top: Terminal) -> None:
    top.press("\x1a")
    top.until(lambda _: top.stopped(), "it stops")
    assert left(top)
    top.go_on()
    top.until(lambda _: not top.is_as_before(), "it goes on")
    top.press("/web")
    top.until(lambda lines: len(names(lines)) == 3, "it listens to keys")


def test_without_hpm_the_last_figures_stay_and_it_connects_again(tmp_path: Path) -> None:
    with ManagerProcess(tmp_path, "simulated", 1.0) as manager, start(manager) as top:
        top.until(names, "the table")
        manager.stop()
        lines = top.until(lambda lines: re.match(r"! no answer for \d+ s: no connection to hpm", lines[3]), "the loss")
        assert sorted(names(lines)) == NAMES and "measured" in lines[2]
        top.press("n")
        top.until(lambda lines: names(lines) == NAMES, "keys work without hpm")
        manager.start()
        top.until(lambda lines: names(lines) == NAMES and not any("no answer" in line for line in lines), "it is back")
        top.press("q")
        assert top.ended() == 0


def test_without_colour_a_missed_goal_is_still_told(manager: ManagerProcess) -> None:
    with start(manager, NO_COLOR="1") as top:
        top.until(names, "the table")
        assert not re.search(rb"\x1b\[[0-9;]*(3[0-79]|9[0-7]|38;)[0-9;]*m", top.sent)
    with start(manager) as top:
        top.until(names, "the table")
        assert re.search(rb"\x1b\[[0-9;]*3[0-7]m", top.sent)


def test_count_ends_it(manager: ManagerProcess) -> None:
    with start(manager, "-n", "2") as top:
        assert top.ended() == 0
        assert left(top)


def test_batch_prints_plain_text_and_json_lines(manager: ManagerProcess) -> None:
    text = manager.hpm("top", "--batch", "-n", "2", "-d", "0.2", "--sort", "name", "--group", "Gold")
    assert text.returncode == 0 and "\x1b" not in text.stdout
    first, second = text.stdout.split("\n\n")
    for part in (first, second):
        assert names(part.splitlines()) == ["db1", "db2", "web1"]
    done = manager.hpm("top", "--json", "-n", "2", "-d", "0.2", "--group", "Gold")
    for line in done.stdout.splitlines():
        assert [s["name"] for s in json.loads(line)["virtual-servers"]] == ["db1", "db2", "web1"]
    assert len(done.stdout.splitlines()) == 2


def test_without_a_terminal_it_says_what_would_do(manager: ManagerProcess) -> None:
    done = manager.hpm("top")
    assert done.returncode == 2 and "--batch" in done.stderr
    assert manager.hpm("top", "--group", "Glod").returncode == 1


def test_without_hpm_it_does_not_begin(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hpm.cli.main", "--socket", str(tmp_path / "s"), "top"]
    with Terminal(command, {}) as terminal:
        assert terminal.ended() == 3
        assert b"\x1b[?1049h" not in terminal.sent and b"hpm serve" in terminal.sent
