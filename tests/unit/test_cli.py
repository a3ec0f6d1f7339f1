"""The command line as a whole: help, exit codes, global options, what goes where."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import httpx
import pytest
from click.testing import CliRunner

from hpm.cli.command import HpmCommand, fill
from hpm.cli.main import cli
from hpm.cli.registry import COMMANDS
from hpm.cli.session import Session
from hpm.version import VERSION

from .test_client_fake import BASE, GOLD, Fake, adjustment, refuse, run, server, uuid

NAMES = list(COMMANDS)

READING = [
    ["wrg-list"], ["wrg-show", "Gold"], ["policy-list", "Gold"], ["policy-show", "Gold", "weekday"],
    ["class-list", "Gold"], ["class-show", "Gold", "db"], ["vs-list"], ["vs-show", "db1"], ["config"],
    ["dra-list"], ["explain", "db1"], ["version"],
]  # fmt: skip


@pytest.fixture
def fake() -> Fake:
    return Fake(adjustments=[adjustment(2), adjustment(1, outcome="failed", reason="at-capacity")])


def test_help_lists_every_command_by_noun() -> None:
    text = CliRunner().invoke(cli, ["--help"]).output
    for name, entry in COMMANDS.items():
        assert re.search(rf"^  {name} +{re.escape(entry.summary)}$", text, re.M), name
    assert "\nWorkload resource groups" in text and "\nVirtual servers" in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("name", NAMES)
def test_every_command_has_help_with_examples_that_parse(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = CliRunner().invoke(cli, [name, "--help"])
    assert result.exit_code == 0
    assert "Examples:\n  hpm " in result.output
    assert max(map(len, result.output.splitlines())) <= 80
    command = cli.get_command(click.Context(cli), name)
    assert isinstance(command, HpmCommand)
    assert command.get_short_help_str(limit=80) == COMMANDS[name].summary
    assert command.name == name
    for param in command.params:
        assert not isinstance(param, click.Option) or param.help, f"{name} {param.name} has no help"
    monkeypatch.chdir(tmp_path)
    Path("weekday.json").write_text("{}")
    text = "\n".join(command.examples).replace("\\\n", "")
    for example in re.split(r"\n|\|", text):
        words = shlex.split(example.split(" > ")[0])
        assert words[:1] == ["hpm"]
        parsed = cli.get_command(click.Context(cli), words[1])
        assert isinstance(parsed, HpmCommand)
        ctx = parsed.make_context(words[1], words[2:])
        if parsed.slots:
            fill(parsed.slots, ctx)


def test_version_of_the_program_needs_no_connection() -> None:
    result = CliRunner().invoke(cli, ["--version"])
    assert (result.exit_code, result.output) == (0, f"hpm {VERSION}\n")


@pytest.mark.parametrize("args", READING, ids=lambda a: a[0])
def test_tables_fit_80_columns_without_colour_when_piped(fake: Fake, args: list[str]) -> None:
    long = "x" * 31 + " " + "y" * 32
    fake.servers.append(server(3, "n" * 64, velocity=99.0, **{
        "status": "shut-off", "service-class": long, "goal-status": "discretionary", "cpu-shares": 10000,
        "performance-index": 12.345,
    }))  # fmt: skip
    fake.groups[GOLD]["perf-policies"][0]["service-classes"].insert(
        0, {"name": long, "goal": {"type": "discretionary"}, "importance": "highest",
            "classification": {"type": "not", "rule": {"type": "filter", "filter-type": "title",
                                                       "operation": "string-match", "value": "v" * 255}}},
    )  # fmt: skip
    fake.adjustments[0]["receivers"][0].update({"name": "n" * 64, "service-class": long, "pi-before": 75.25})
    fake.adjustments[0]["detail"] = "word " * 40
    result = run(fake, *args)
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert max(map(len, lines)) <= 80, result.output
    assert all(line == line.rstrip() for line in lines)
    assert "\x1b" not in result.output


def test_names_are_folded_and_never_cut(fake: Fake) -> None:
    fake.servers.append(server(3, "abcdefghij" * 6))
    text = run(fake, "vs-list").output
    column = "".join(line.split(" ")[0] for line in text.splitlines() if line[:1] in "abcdefghij")
    assert "abcdefghij" * 6 in column


def test_columns_of_the_environment_count(fake: Fake) -> None:
    fake.servers.append(server(3, "abcdefghij" * 6))
    result = CliRunner(env={"COLUMNS": "160"}).invoke(cli, ["vs-list"], obj=Session(transport=fake.transport))
    assert "abcdefghij" * 6 in result.output


def test_control_characters_of_guests_do_not_reach_the_terminal(fake: Fake) -> None:
    fake.servers.append(server(3, "evil\x1b[2J\x9b1m", attributes={"hostname": "a\nb\x07"}))
    for args in (["vs-list"], ["vs-show", uuid(3)], ["vs-list", "--json"]):
        result = run(fake, *args)
        assert result.exit_code == 0
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", result.output)


@pytest.mark.parametrize("args", [
    ["wrg-list"], ["wrg-show", "Gold"], ["vs-list"], ["vs-show", "db1"], ["config"], ["explain", "db1"],
    ["version"], ["class-list", "Gold"], ["dra-list"], ["class-show", "Gold", "db"],
], ids=lambda a: a[0])  # fmt: skip
def test_json_is_the_answer_of_the_api_before_and_after_the_command(fake: Fake, args: list[str]) -> None:
    before, after = run(fake, "--json", *args), run(fake, *args, "--json")
    assert before.exit_code == 0
    assert before.output == after.output
    answer = json.loads(fake.handle(fake.requests[-1]).content)
    assert json.loads(before.output) == answer
    assert before.output.startswith('{\n  "')


@pytest.mark.parametrize("args", [["vs-list"], ["wrg-create", "Silver"], ["wrg-delete", "Gold", "--yes"]])
def test_without_a_connection_the_user_is_told_how_to_start_hpm(tmp_path: Path, args: list[str]) -> None:
    result = CliRunner().invoke(cli, [*args, "--socket", str(tmp_path / "s")])
    assert result.exit_code == 3
    assert result.stdout == ""
    assert "hpm serve" in result.stderr and str(tmp_path / "s") in result.stderr


def test_a_refusal_is_one_message_on_stderr_and_exit_code_1(fake: Fake) -> None:
    result = run(fake, "wrg-create", "Gold")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "error: name: there is a group named 'Gold' already\n"


@pytest.mark.parametrize("args", [
    ["wrg-create"], ["wrg-create", "A", "B"], ["vs-update", "db1"], ["config", "--cpu-mgmt", "maybe"],
    ["vs-lst"], ["--host", "nowhere", "vs-list"], ["--socket", "/x", "vs-list", "--host", "http://x"],
    ["wrg-update", "Gold"], ["policy-create", "Gold", "x"], ["class-add", "Gold", "x"],
    ["class-add", "Gold", "x", "--velocity", "0", "--match", "name=x"],
    ["class-add", "Gold", "x", "--velocity", "fast", "--match", "color=x"],
    ["class-add", "Gold", "x", "--velocity", "fast", "--rule", "{}"],
    ["dra-list", "--from", "yesterday"], ["dra-list", "--limit", "0"], ["vs-update", "db1", "--cap", "-1"],
    ["policy-activate", "Gold"], ["serve", "--interval", "0.5"], ["serve", "--interval", "nan"],
    ["settings", "--history-hours-days", "nan"], ["top", "--batch", "--interval", "nan"], ["serve", "--host", "http://x"],
], ids=" ".join)  # fmt: skip
def test_wrong_usage_is_exit_code_2_and_sends_nothing_that_changes(args: list[str]) -> None:
    # without a transport of ours, so that --socket and --host are really looked at
    result = CliRunner().invoke(cli, args)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert "Error: " in result.stderr


def test_an_unknown_command_names_similar_ones() -> None:
    assert "did you mean vs-list" in CliRunner().invoke(cli, ["vs-lst"]).stderr


def test_names_may_be_arguments_or_options_as_zhpm_had_them(fake: Fake) -> None:
    for args in (
        ["wrg-add-vs", "Gold", "db1", "db2"],
        ["wrg-add-vs", "--wrg-name", "Gold", "--vs-name", "db1", "--vs-name", "db2"],
        ["wrg-add-vs", "--wrg-name", "Gold", "db1", "db2"],
        ["wrg-add-vs", "--vs-name", "db1", "--vs-name", "db2", "Gold"],
    ):
        fake.requests.clear()
        assert run(fake, *args).exit_code == 0
        action = {"action": "add-virtual-servers", "virtual-servers": [uuid(1), uuid(2)], "move": False}
        body = fake.sent()[-1][1]
        assert {"move": False, **body} == action


def test_things_are_found_by_name_or_id(fake: Fake) -> None:
    for name in ("Gold", GOLD, GOLD.upper()):
        assert "weekday" in run(fake, "wrg-show", name).output
    assert "db1" in run(fake, "vs-show", uuid(1)).output


def test_an_unknown_name_is_answered_with_similar_ones(fake: Fake) -> None:
    assert "no workload resource group 'gold'; similar: Gold" in run(fake, "wrg-show", "gold").stderr
    assert "no virtual server 'db'; similar: db1, db2" in run(fake, "vs-show", "db").stderr
    assert "there are: Default, Gold" in run(fake, "wrg-show", "xyz").stderr
    fake.servers = [server(n, f"guest{n}") for n in range(30)]
    result = run(fake, "explain", "zzz")
    assert result.exit_code == 1 and "'hpm vs-list' lists them all" in result.stderr


def test_an_ambiguous_name_is_refused_with_the_ids(fake: Fake) -> None:
    fake.servers.append(server(9, "db1"))
    result = run(fake, "vs-release", "db1")
    assert result.exit_code == 1
    assert uuid(1) in result.stderr and uuid(9) in result.stderr
    assert not fake.sent()


def test_old_figures_are_said_to_be_old(fake: Fake) -> None:
    fake.answers["GET", "/virtual-servers/detail"] = httpx.Response(200, json={
        "virtual-servers": [], "snapshot-time": "2026-02-03T13:05:10Z", "problem": "libvirt does not answer",
    })  # fmt: skip
    result = run(fake, "vs-list")
    assert result.exit_code == 0
    assert "warning: libvirt does not answer; the figures are of 2026-02-03" in result.stderr


def test_a_server_that_is_not_hpm_is_an_error_not_a_traceback(fake: Fake) -> None:
    fake.answers["GET", "/mgmt-levels"] = httpx.Response(200, text="<html>")
    for args in (["config"], ["config", "--json"]):
        result = run(fake, *args)
        assert result.exit_code == 1 and "not JSON" in result.stderr


def test_help_imports_neither_http_nor_tables() -> None:
    code = (
        "import sys\nfrom hpm.cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print([m for m in ('httpx', 'rich', 'msgspec', 'cherrypy', 'sqlite3') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_serving_starts_no_threads_for_linear_algebra() -> None:
    code = "import hpm.cli.local, numpy, os\nprint(len(os.listdir('/proc/self/task')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"


def test_only_local_py_reaches_beyond_the_client() -> None:
    import hpm.cli

    folder = Path(str(hpm.cli.__file__)).parent
    allowed = {"client", "wire", "policy", "memory", "errors", "paths", "texts", "version"}
    for file in folder.glob("*.py"):
        reached = set(re.findall(r"^\s*from \.\.(\w+)", file.read_text(), re.M))
        assert reached <= (allowed | {"host"} if file.name == "local.py" else allowed), file.name


def test_a_refusal_speaks_of_servers_by_name(fake: Fake) -> None:
    message = f"virtual server {uuid(1)} is in group 'Silver'; say move to take it from there"
    request = httpx.Request("POST", f"http://localhost{BASE}/")
    fake.answers["POST", f"/workload-resource-groups/{GOLD}/actions"] = refuse(request, 409, message, 2)
    result = run(fake, "wrg-add-vs", "Gold", "db1")
    assert result.exit_code == 1
    assert result.stderr == "error: virtual server 'db1' is in group 'Silver'; say --move to take it from there\n"
