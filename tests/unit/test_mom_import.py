"""`hpm mom-import`: what MOM's configuration says, what becomes of it, and that bad files change nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hpm.cli.main import cli
from hpm.cli.session import Session
from hpm.errors import InvalidValue
from hpm.memory.mom.config import DEFAULTS, read_config
from hpm.memory.mom.migration import became, interval_of, without_effect
from hpm.wire.mom import LONGEST_TEXT

from .api_host import ApiHost

URI = "qemu:///system"
CONF = """\
# MOM's
[main]
main-loop-interval: 5
policy-engine-interval: 20
controllers: Balloon, KSM
plot-dir: /var/log/mom
rpc-port: /run/mom.sock
sample-history-length = 25
policy-dir: {policies}
polcy: x

[logging]
log: /var/log/mom.log
[guest]
collectors: GuestQemuProc,
    GuestMemory,
    GuestBalloon
[Collector: GuestQemuAgent]
socket_name_template: %(name)s.agent
"""
SHRINK = '(with Guests guest (guest.Control "balloon_target" (* 0.9 guest.balloon_cur)))\n'
KSM = '(Host.Control "ksm_run" 1)\n'


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    """A configuration with two policies."""
    policies = tmp_path / "mom.d"
    policies.mkdir()
    (policies / "02-balloon.policy").write_text(SHRINK)
    (policies / "01-ksm.policy").write_text(KSM)
    (policies / ".hidden.policy").write_text("(")
    (policies / "README").write_text("(")
    file = tmp_path / "mom.conf"
    file.write_text(CONF.format(policies=policies))
    return file


@pytest.fixture
def clean(api: ApiHost) -> ApiHost:
    """A manager without memory policies."""
    api.post("/mom/import", {"policies": {}, "replace": True})
    api.post("/settings", {"memory-policy": "goals", "interval-seconds": 3})
    return api


def run(api: ApiHost, *args: object, **more: Any) -> Result:
    session = Session(socket=api.socket)
    try:
        return CliRunner(env={"COLUMNS": "200"}).invoke(cli, ["mom-import", *map(str, args)], obj=session, **more)
    finally:
        if "client" in vars(session):
            session.client.close()


def policies(api: ApiHost) -> dict[str, str]:
    return {one["name"]: one["text"] for one in api.get("/mom/policies")["memory-policies"]}


def verdicts(text: str) -> dict[str, str]:
    return {one.setting.name: one.verdict for one in became(read_config(text), URI, 30)}


def test_settings_have_their_lines_and_defaults_have_none() -> None:
    config = read_config(CONF)
    lines = {one.name: one.line for one in config.settings if one.line is not None}
    assert lines["policy-engine-interval"] == 4 and lines["polcy"] == 10 and lines["collectors"] == 15
    assert config.names("guest", "collectors") == ("GuestQemuProc", "GuestMemory", "GuestBalloon")
    assert config.get("host", "collectors").value == DEFAULTS["host"]["collectors"]
    assert [one.name for one in config.settings if not one.known] == ["polcy"]
    template = config.get("Collector: GuestQemuAgent", "socket_name_template")
    assert (template.value, template.line) == ("%(name)s.agent", 19)


@pytest.mark.parametrize(("text", "line", "said"), [
    ("policy: x\n", 1, "no section has begun"),
    ("[main]\n\nwhat is this\n", 3, "neither a section nor a setting"),
    ("[main]\npolicy: a\npolicy: b\n", 3, "a second time"),
    ("[main]\n[main]\n", 2, "a second time"),
    ("[main]\nplot-dir: 5%\n", 2, "written %%"),
])  # fmt: skip
def test_a_file_that_mom_would_not_read_is_refused_with_its_line(text: str, line: int, said: str) -> None:
    with pytest.raises(InvalidValue, match=said) as caught:
        read_config(text)
    assert caught.value.place is not None and caught.value.place[0] == line


@pytest.mark.parametrize(("text", "line"), [
    ("[main]\npolicy-engine-interval: soon\n", 2),
    ("[main]\n\nsample-history-length: 1.5\n", 3),
    ("[main]\npolicy: a\npolicy-dir: b\n", 3),
])  # fmt: skip
def test_values_that_mom_would_not_take_are_refused_with_their_line(text: str, line: int) -> None:
    with pytest.raises(InvalidValue) as caught:
        became(read_config(text), URI, 30)
    assert caught.value.place == (line, 1)


@pytest.mark.parametrize(("setting", "verdict"), [
    ("policy-engine-interval: 10", "taken"), ("policy-engine-interval: 30", "same"),
    ("policy-engine-interval: 0", "left"),
    ("policy-engine-interval: 7200", "left"), ("controllers: Balloon, KSM, CpuTune, IoTune", "same"),
    ("controllers: Balloon, Own", "left"), ("sample-history-length: 10", "same"), ("plot-dir:", "same"),
    ("plot-dir: /x", "to-do"), ("rpc-port: -1", "same"), ("rpc-port: 8080", "to-do"), ("rpc-port: /x", "to-do"),
    ("hypervisor-interface: vdsmjsonrpcbulk", "left"), (f"libvirt-hypervisor-uri: {URI}", "same"),
    ("libvirt-hypervisor-uri: qemu:///session", "left"), ("guest-manager-multi-thread: false", "same"),
    ("main-loop-interval: 1", "left"), ("policy: /x", "taken"), ("rules: x", "unknown"),
])  # fmt: skip
def test_each_setting_becomes_what_it_can(setting: str, verdict: str) -> None:
    assert verdicts(f"[main]\n{setting}\n")[setting.partition(":")[0]] == verdict


def test_every_setting_of_mom_is_known_here() -> None:
    text = "\n".join(
        f"[{section}]\n" + "\n".join(f"{name}: {value}" for name, value in settings.items())
        for section, settings in DEFAULTS.items()
    )
    assert len(became(read_config(text), URI, 30)) == sum(map(len, DEFAULTS.values()))
    assert interval_of(read_config("")) == 10.0


def test_controls_that_mom_did_not_apply_are_told() -> None:
    texts = {"a": KSM + '# (Host.Control "vcpu_quota" 1)\n', "b": "(disk.setReadBytesSec 1)"}
    told = list(without_effect(read_config("[main]\ncontrollers: Balloon\n"), texts))
    assert len(told) == 2
    assert "ksm_run" in told[0] and "controller KSM" in told[0]
    assert "setReadBytesSec" in told[1]
    assert not list(without_effect(read_config("[main]\ncontrollers: KSM, IoTune\n"), texts))


def test_policies_and_interval_are_taken_over_but_do_not_decide_yet(clean: ApiHost, conf: Path) -> None:
    result = run(clean, conf, "--yes")
    assert result.exit_code == 0, result.output
    assert policies(clean) == {"01-ksm": KSM, "02-balloon": SHRINK}
    settings = clean.get("/settings")
    assert (settings["interval-seconds"], settings["memory-policy"]) == (20, "goals")
    for told in ("--plot-dir /var/log/mom", "--mom-rpc /run/mom.sock", "polcy x (line 10)", "memory-policy mom",
                 "memory-mgmt on"):  # fmt: skip
        assert told in result.stdout


def test_they_decide_if_that_is_asked_for(clean: ApiHost, conf: Path) -> None:
    assert run(clean, conf, "--yes", "--decide").exit_code == 0
    assert clean.get("/settings")["memory-policy"] == "mom"
    noted = clean.get("/activity-log?limit=1")["activity-log"][0]
    assert noted["summary"] == "Change settings: interval-seconds 20.0 memory-policy mom"


def test_a_dry_run_changes_nothing_and_shows_all(clean: ApiHost, conf: Path) -> None:
    before = clean.get("/settings")
    result = run(clean, conf, "--dry-run", "--json", "--decide")
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["policies"] == ["01-ksm", "02-balloon"] and told["done"] is False
    assert {(one["name"], one["line"]) for one in told["settings"] if one["became"] == "unknown"} == {("polcy", 10)}
    assert policies(clean) == {} and clean.get("/settings") == before


def test_one_policy_gets_the_name_that_mom_gives_it(clean: ApiHost, tmp_path: Path) -> None:
    (tmp_path / "my.rules").write_text(SHRINK)
    file = tmp_path / "mom.conf"
    file.write_text(f"[main]\npolicy: {tmp_path}/my.rules\n")
    assert run(clean, file, "--yes").exit_code == 0
    assert policies(clean) == {"50_main_": SHRINK}


def test_another_policy_can_be_named(clean: ApiHost, conf: Path, tmp_path: Path) -> None:
    (tmp_path / "other.policy").write_text("1")
    result = run(clean, conf, "--policy", tmp_path / "other.policy", "--yes")
    assert result.exit_code == 0 and "you named another place" in result.stdout
    assert policies(clean) == {"50_main_": "1"}
    assert run(clean, conf, "--policy-dir", tmp_path, "--yes", "--replace").exit_code == 0
    assert policies(clean) == {"other": "1"}


def test_what_is_there_already_stays_unless_it_is_to_be_replaced(clean: ApiHost, conf: Path) -> None:
    clean.post("/mom/policies", {"name": "99-own", "text": "1"})
    result = run(clean, conf, "--yes")
    assert "stay, and are one program with these" in result.stdout
    assert list(policies(clean)) == ["01-ksm", "02-balloon", "99-own"]
    assert run(clean, conf, "--yes", "--replace").exit_code == 0
    assert list(policies(clean)) == ["01-ksm", "02-balloon"]


def test_everything_is_checked_before_anything_changes(clean: ApiHost, conf: Path) -> None:
    folder = conf.parent / "mom.d"
    (folder / "03-bad.policy").write_text("(if 1 010 2)")
    (folder / "04-bad.policy").write_text("\n)")
    (folder / "05-long.policy").write_text("1" + " " * LONGEST_TEXT)
    result = run(clean, conf, "--yes", "--decide")
    assert result.exit_code == 1
    assert f"{folder}/03-bad.policy:1:7: '010' begins with 0" in result.stderr
    assert f"{folder}/04-bad.policy:2:1:" in result.stderr
    assert f"{folder}/05-long.policy: a memory policy has at most" in result.stderr
    assert policies(clean) == {} and clean.get("/settings")["memory-policy"] == "goals"


def test_wrong_places_are_told_with_their_lines(clean: ApiHost, conf: Path) -> None:
    (conf.parent / "mom.d/a b.policy").write_text("1")
    assert "cannot be the name of a policy" in run(clean, conf, "--yes").stderr
    conf.write_text("[main]\npolicy: /nowhere\n")
    assert "there is no /nowhere" in run(clean, conf, "--yes").stderr
    conf.write_text("[main]\npolicy-engine-interval: x\n")
    assert f"{conf}:2:1: policy-engine-interval: 'x' is no whole number" in run(clean, conf, "--yes").stderr
    assert "cannot read" in run(clean, conf.parent / "none.conf", "--yes").stderr
    conf.write_text("[main]\n")
    assert "there are no memory policies" in run(clean, conf, "--yes", "--decide").stderr


def test_it_asks_and_says_where_nobody_can_be_asked(
    clean: ApiHost, conf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(clean, conf).exit_code == 2
    assert run(clean, conf, "--json").exit_code == 2
    assert run(clean, conf, "--yes", "--policy", "x", "--policy-dir", "y").exit_code == 2
    monkeypatch.setattr("hpm.cli.mom_import._terminal", lambda: True)
    assert run(clean, conf, input="n\n").exit_code == 1
    assert policies(clean) == {}
    assert run(clean, conf, input="y\n").exit_code == 0

    def confirm(*_: object, **__: object) -> None:
        clean.post("/mom/import", {"policies": {"meanwhile": "1"}})

    monkeypatch.setattr("hpm.cli.mom_import.click.confirm", confirm)
    result = run(clean, conf, "--replace")
    assert result.exit_code == 1 and "at the same time: nothing is done" in result.stderr
    clean.send("DELETE", "/mom/policies/meanwhile")
    assert list(policies(clean)) == ["01-ksm", "02-balloon"]


def test_import_is_whole_or_nothing_and_keeps_who_wrote_what_did_not_change(clean: ApiHost) -> None:
    first = clean.post("/mom/import", {"policies": {"a": "1", "b": "2"}})
    assert [one["name"] for one in first["memory-policies"]] == ["a", "b"]
    for wrong in ({"a": "3", "c": "("}, {"no name": "1"}, {f"n{number}": "1" for number in range(65)}):
        error = clean.refused("POST", "/mom/import", {"policies": wrong})
        assert (error["http-status"], error["reason"]) == (400, 7)
    assert policies(clean) == {"a": "1", "b": "2"}
    tag = clean.send("GET", "/mom/policies").headers["etag"]
    again = clean.post("/mom/import", {"policies": {"a": "1", "c": "3"}, "replace": True}, headers={"If-Match": tag})
    error = clean.refused("POST", "/mom/import", {"policies": {"d": "1"}}, headers={"If-Match": tag})
    assert error["http-status"] == 412
    assert [one["name"] for one in again["memory-policies"]] == ["a", "c"]
    assert again["memory-policies"][0] == first["memory-policies"][0]
    refused, noted = clean.get("/activity-log?limit=2")["activity-log"]
    assert noted["summary"] == "Import memory policies: a, c" and refused["outcome"] == "refused"
