"""The commands for policy files, with a running hpm and without one."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from lxml import etree

from hpm.backend.simulated import uuid_of
from hpm.cli.main import cli
from hpm.cli.session import Session

from .api_host import GROUPS, SERVERS, ApiHost, policy


def run(api: ApiHost | None, *args: str, **more: Any) -> Result:
    session = Session(socket=api.socket if api is not None else Path("/nowhere"))
    try:
        return CliRunner(env={"COLUMNS": None}).invoke(cli, args, obj=session, **more)
    finally:
        if "client" in vars(session):
            session.client.close()


def done(api: ApiHost | None, *args: str, **more: Any) -> str:
    result = run(api, *args, **more)
    assert result.exit_code == 0, result.output
    return str(result.stdout)


@pytest.fixture
def gold(api: ApiHost) -> str:
    made = api.group("Gold", policy(), servers=("db1",))
    api.post(f"{SERVERS}/{uuid_of('web1')}", {"cpu-cap": 2})
    return made


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody sits at it."""
    monkeypatch.setattr("hpm.cli.files.sys", SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True)))


def test_export_writes_what_the_api_gives(api: ApiHost, gold: str, tmp_path: Path) -> None:
    assert done(api, "policy-export") == api.send("GET", f"{GROUPS}/export").text
    assert done(api, "policy-export", "Gold", "--format", "xml") == (
        api.send("GET", f"{GROUPS}/{gold}/export?format=xml").text
    )
    assert json.loads(done(api, "policy-export", "Gold", "weekday")) == policy()
    file = tmp_path / "host.xml"
    result = run(api, "policy-export", "-o", str(file))
    assert file.read_bytes() == api.send("GET", f"{GROUPS}/export?format=xml").content
    assert "2 groups, 1 policy, 2 service classes, 1 server in a group, something said of 1 server" in result.stderr
    assert result.stdout == ""
    assert run(api, "policy-export", "-o", str(tmp_path / "no/x.json")).exit_code == 1
    assert "similar: weekday" in run(api, "policy-export", "Gold", "weekda").stderr
    assert run(api, "policy-export", "--policy-name", "weekday").exit_code == 2
    assert run(api, "policy-export", "--json", "--format", "xml").exit_code == 2


def test_import_shows_what_changes_asks_and_does_it(
    api: ApiHost, gold: str, tmp_path: Path, terminal: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "host.json"
    file.write_text(json.dumps({
        "workload-resource-groups": [
            {"name": "Gold", "description": "Orders", "perf-policies": [
                {**policy(importance="highest"), "service-classes": [
                    {**policy()["service-classes"][0], "goal": {"type": "velocity", "velocity": 60}},
                    {"name": "web", "goal": {"type": "discretionary"},
                     "classification": {"type": "filter", "filter-type": "title", "operation": "string-match",
                                        "value": "web*"}},
                    policy()["service-classes"][1],
                ]},
                policy("night"),
            ], "active-policy": "night", "virtual-servers": [uuid_of("web1")]},
            {"name": "Silver"},
        ],
    }))  # fmt: skip
    answers: list[bool] = [False]
    asked: list[str] = []

    def confirm(text: str, abort: bool, err: bool) -> None:
        asked.append(text)
        if not answers.pop():
            raise click.Abort

    monkeypatch.setattr("hpm.cli.files.click.confirm", confirm)
    before = api.state()
    result = run(api, "policy-import", str(file))
    assert result.exit_code == 1 and api.state() == before
    assert result.stdout == f"""\
~ group Gold
    + description: Orders
    ~ active-policy: weekday → night
    ~ policy weekday
        ~ importance: high → highest
        ~ class db
            ~ goal: velocity fast → velocity 60
        + class web
            + goal: discretionary
            + classification: title = web*
    + policy night
    + virtual server web1 ({uuid_of("web1")})
    - virtual server db1 ({uuid_of("db1")})
+ group Silver
  1 group unchanged
"""
    answers.append(True)
    text = done(api, "policy-import", str(file))
    assert text.endswith("Imported: 1 group created, 1 group changed.\n")
    assert api.get(f"{GROUPS}/{gold}")["active-policy"] == "night"
    assert asked == ["Import this?"] * 2
    assert done(api, "policy-import", str(file)) == "  3 groups unchanged\nImported: nothing changed.\n"
    text = done(api, "policy-import", str(file), "--replace", "--dry-run")
    assert text == f"""\
~ what is said of virtual servers
    ~ web1 ({uuid_of("web1")})
        - cpu-cap: 2
  3 groups unchanged
Dry run: something else said of 1 virtual server.
"""


def test_what_was_shown_is_done_or_nothing(
    api: ApiHost, gold: str, tmp_path: Path, terminal: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "weekday.json"
    file.write_text(json.dumps(policy(importance="low")))

    def confirm(text: str, abort: bool, err: bool) -> None:
        told = api.get(f"{GROUPS}/{gold}")["description"]
        api.post(f"{GROUPS}/{gold}", {"description": f"{told}, and by somebody else"})

    monkeypatch.setattr("hpm.cli.files.click.confirm", confirm)
    for words in (("Gold",), ("--wrg-name", "Gold")):
        result = run(api, "policy-import", *words, str(file))
        assert result.exit_code == 1 and "somebody else changed groups" in result.stderr
    host = tmp_path / "host.json"
    host.write_text(json.dumps({"workload-resource-groups": [{"name": "Silver"}]}))
    monkeypatch.setattr("hpm.cli.files.click.confirm", lambda *_, **__: api.group("Bronze"))
    assert "somebody else" in run(api, "policy-import", str(host)).stderr
    assert [p["importance"] for p in api.get(f"{GROUPS}/{gold}")["perf-policies"]] == ["high"]
    assert [g["name"] for g in api.get(GROUPS)["workload-resource-groups"]] == ["Bronze", "Gold", "default"]


def test_import_where_nobody_can_be_asked(api: ApiHost, gold: str, tmp_path: Path) -> None:
    file = tmp_path / "weekday.json"
    file.write_text(json.dumps(policy(importance="low")))
    assert run(api, "policy-import", "Gold", str(file)).exit_code == 2
    assert run(api, "policy-import", "Gold", "-").exit_code == 2
    assert "cannot read" in run(api, "policy-import", str(tmp_path / "none")).stderr
    assert run(api, "policy-import", "Gold", str(file), "--json").exit_code == 2
    assert run(api, "policy-import", "Gold", str(file), "--replace", "--yes").exit_code == 2
    assert "Dry run: 1 group changed" in done(api, "policy-import", "Gold", "-", "--dry-run", input=file.read_bytes())
    assert api.get(f"{GROUPS}/{gold}")["perf-policies"][0]["importance"] == "high"
    answer = json.loads(done(api, "policy-import", "Gold", str(file), "--yes", "--json"))
    assert answer["dry-run"] is False and answer["changed"] is True
    assert api.get(f"{GROUPS}/{gold}")["perf-policies"][0]["importance"] == "low"


def test_errors_have_file_line_and_column(api: ApiHost | None, gold: str, tmp_path: Path) -> None:
    file = tmp_path / "host.xml"
    file.write_text('<policy-file>\n  <workload-resource-group name="A/B"/>\n</policy-file>\n')
    said = f"{file}:2:28: workload-resource-groups[0].name: 'A/B' cannot be a name; allowed: 1 to 64 characters"
    result = run(api, "policy-import", str(file), "--yes")
    assert result.exit_code == 1 and result.stderr.startswith(f"error: {said}")
    result = run(None, "policy-check", str(file))
    assert result.exit_code == 1 and result.stderr.startswith(said) and result.stdout == ""
    assert "cannot read" in run(api, "policy-import", str(tmp_path / "none"), "--yes").stderr


def test_check_needs_no_hpm_and_tells_what_is_in_a_file(tmp_path: Path) -> None:
    good, one, bad = tmp_path / "good.json", tmp_path / "one.xml", tmp_path / "bad.json"
    good.write_text(json.dumps({"workload-resource-groups": [{"name": "A", "perf-policies": [policy()]}]}))
    one.write_text("<perf-policy name='p' importance='low'><service-class name='rest'><goal type='discretionary'/>"
                   "</service-class></perf-policy>")  # fmt: skip
    bad.write_text('{"workload-resource-groups": [\n  {"name": "A",}\n]}')
    result = run(None, "policy-check", str(good), str(bad), str(one), str(tmp_path / "none"))
    assert result.exit_code == 1
    assert result.stdout == (
        f"{good}: 1 group, 1 policy, 2 service classes, 0 servers in groups\n"
        f"{one}: the policy 'p' with 1 service class\n"
    )
    assert result.stderr.splitlines() == [
        f"{bad}:2:16: the text is not JSON: trailing comma in object",
        f"{tmp_path / 'none'}: cannot read {tmp_path / 'none'}: No such file or directory",
    ]
    assert done(None, "policy-check", "-", input=good.read_bytes()).startswith("standard input: 1 group")
    assert run(None, "policy-check").exit_code == 2
    schema = etree.RelaxNG(etree.fromstring(done(None, "policy-check", "--schema").encode()))
    assert schema.validate(etree.parse(str(one)))


def test_check_tells_several_errors_of_a_file(tmp_path: Path) -> None:
    rest = {"name": "rest", "goal": {"type": "discretionary"}}
    fast = {"name": "db", "goal": {"type": "velocity", "velocity": 100}}
    groups: list[dict[str, object]] = [
        {"name": "A", "perf-policies": [
            {"name": "p", "importance": "hgh", "service-classes": [fast, rest]},
            {"name": "q", "importance": "low", "service-classes": [rest, rest]},
        ]},
        {"name": "B", "colour": "red"},
        {"name": "C", "active-policy": "none"},
    ]  # fmt: skip
    file = tmp_path / "bad.json"
    file.write_text(json.dumps({"workload-resource-groups": groups, "virtual-servers": [{"uuid": "x"}]}, indent=1))
    result = run(None, "policy-check", str(file))
    assert (result.exit_code, result.stdout) == (1, "")
    lines = file.read_text().splitlines()
    told = [line.removeprefix(f"{file}:").split(":") for line in result.stderr.splitlines()]
    for (line, column, path, *_), (where, text) in zip(told, [
        ("workload-resource-groups[0].perf-policies[0].importance", '"hgh"'),
        ("workload-resource-groups[0].perf-policies[0].service-classes[0].goal.velocity", "100"),
        ("workload-resource-groups[0].perf-policies[1].service-classes[0].classification", "{"),
        ("workload-resource-groups[1].colour", '"colour"'),
        ("workload-resource-groups[2].active-policy", '"none"'),
        ("virtual-servers[0].uuid", '"x"'),
    ], strict=True):  # fmt: skip
        assert path.strip() == where
        assert lines[int(line) - 1][int(column) - 1 :].startswith(text), (where, line, column)


def test_check_tells_several_errors_of_xml_and_not_too_many(tmp_path: Path) -> None:
    goal = "<goal type='velocity' velocity='0'/>"
    classes = "\n".join(f"<service-class name='{n}'>{goal}</service-class>" for n in range(30))
    file = tmp_path / "bad.xml"
    file.write_text(f"<perf-policy name='p' importance='low'>\n{classes}\n</perf-policy>")
    result = run(None, "policy-check", str(file))
    assert result.exit_code == 1
    assert [line.removeprefix(f"{file}:").split(":")[0] for line in result.stderr.splitlines()] == [
        str(number) for number in range(2, 22)
    ]
    file.write_text("<perf-policy name='p' importance='low'>\n<x/>\n<y/></perf-policy>")
    assert len(run(None, "policy-check", str(file)).stderr.splitlines()) == 1


def test_check_takes_a_file_for_what_an_import_does(tmp_path: Path) -> None:
    """It is one of groups, so that it lacks no field of a policy."""
    file = tmp_path / "mixed.json"
    file.write_text('{"importance": "high", "workload-resource-groups": []}')
    (line,) = run(None, "policy-check", str(file)).stderr.splitlines()
    assert "'importance'" in line


def test_policy_create_and_update_take_xml_too(api: ApiHost, gold: str, tmp_path: Path) -> None:
    file = tmp_path / "p.xml"
    file.write_text("<perf-policy name='p' importance='low'>\n<service-class name='rest'><goal type='discretionary'/>"
                    "</service-class></perf-policy>")  # fmt: skip
    done(api, "policy-create", "Gold", "--file", str(file))
    done(api, "policy-update", "Gold", "weekday", "--file", str(file))
    found = api.get(f"{GROUPS}/{gold}")["perf-policies"]
    assert [(p["name"], p["importance"]) for p in found] == [("weekday", "low"), ("p", "low")]
    file.write_text(file.read_text().replace("<goal", "<gaol"))
    assert f"{file}:2:28: there is no element 'gaol'" in run(api, "policy-create", "Gold", "--file", str(file)).stderr
    file.write_text("<policy-file><workload-resource-group name='A'/></policy-file>")
    assert "policy-import" in run(api, "policy-create", "Gold", "--file", str(file)).stderr
