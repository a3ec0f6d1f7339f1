"""`dra-list --follow`, and `help`."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hpm.cli.main import cli
from hpm.cli.registry import COMMANDS
from tests.running import ManagerProcess

from .test_client_fake import Fake, adjustment, run


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """What happens while it waits, one step each time; then Ctrl-C."""

    def set_steps(*steps: Callable[[], Any]) -> None:
        left = list(steps)

        def sleep(_seconds: float) -> None:
            if not left:
                raise KeyboardInterrupt
            left.pop(0)()

        monkeypatch.setattr("hpm.cli.following.time.sleep", sleep)

    return set_steps


def ids(result: Result) -> list[int]:
    return [json.loads(line)["object-id"] for line in result.stdout.splitlines()]


def test_new_adjustments_come_once_in_the_order_of_time(fake: Fake, meanwhile: Callable[..., None]) -> None:
    fake.adjustments = [adjustment(n) for n in range(30, 0, -1)]
    meanwhile(
        lambda: None, lambda: fake.adjustments.insert(0, adjustment(31)),
        lambda: fake.adjustments.__setitem__(slice(0, 0), [adjustment(n) for n in range(95, 31, -1)]),
    )  # fmt: skip
    result = run(fake, "dra-list", "--follow", "--limit", "3", "--json")
    assert result.exit_code == 130
    assert ids(result) == [28, 29, 30, 31, *range(32, 96)]    # more than a page at once too


def test_it_begins_with_an_empty_list(fake: Fake, meanwhile: Callable[..., None]) -> None:
    meanwhile(lambda: fake.adjustments.insert(0, adjustment(1)), lambda: fake.adjustments.insert(0, adjustment(2)))
    result = run(fake, "dra-list", "-f")
    assert [line.split("  ")[1:] for line in result.stdout.splitlines() if "#" in line] == [
        ["#1", "applied"], ["#2", "applied"],
    ]  # fmt: skip
    assert result.stdout.count("PI before") == 2 and result.stdout.count("\n\n") == 1


def test_an_end_makes_no_sense_there(fake: Fake) -> None:
    result = run(fake, "dra-list", "--follow", "--to", "1h")
    assert result.exit_code == 2 and "--to" in result.stderr and not fake.requests


@pytest.fixture
def fake() -> Fake:
    return Fake()


def test_it_outlasts_a_restart_and_ends_with_control_c(tmp_path: Path) -> None:
    with ManagerProcess(tmp_path, "simulated", 1.0) as manager:
        manager.hpm("policy-create", "default", "all", "--importance", "high", "--velocity", "fast")
        # in the background of a shell, the tests and all that they start would ignore Ctrl-C
        follow = subprocess.Popen(
            ["env", "--default-signal=INT", sys.executable, "-m", "hpm.cli.main", "--socket", str(manager.socket),
             "dra-list", "--follow", "--json"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        with follow:
            assert follow.stdout is not None and follow.stderr is not None
            manager.hpm("config", "--cpu-mgmt", "advise")
            first = json.loads(follow.stdout.readline())
            assert first["outcome"] == "advised"
            manager.stop()
            assert "no connection" in follow.stderr.readline()
            manager.start()
            later = json.loads(follow.stdout.readline())
            assert later["object-id"] > first["object-id"]
            follow.send_signal(signal.SIGINT)
            assert follow.wait(10) == 130


# -- help


def test_help_of_a_command_is_what_the_option_says() -> None:
    for name in COMMANDS:
        told = CliRunner().invoke(cli, ["help", name], prog_name="hpm")
        assert told.exit_code == 0
        assert told.output == CliRunner().invoke(cli, [name, "--help"], prog_name="hpm").output


def test_help_of_a_noun_lists_its_commands() -> None:
    lines = CliRunner().invoke(cli, ["help", "class"]).output.splitlines()
    assert [line.split()[0] for line in lines] == [name for name in COMMANDS if name.startswith("class-")]


def test_help_alone_and_help_of_nothing_known() -> None:
    assert CliRunner().invoke(cli, ["help"], prog_name="hpm").output == CliRunner().invoke(
        cli, ["--help"], prog_name="hpm"
    ).output
    result = CliRunner().invoke(cli, ["help", "vs-lst"])
    assert result.exit_code == 2 and "did you mean vs-list" in result.stderr
