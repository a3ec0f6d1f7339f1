"""The commands one by one: what they send, what they say, what they refuse."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from hpm.cli.main import cli
from hpm.errors import StoreError

from .test_client_fake import GOLD, Fake, adjusted, adjustment, policy, refuse, run, server, uuid

GROUP = f"/workload-resource-groups/{GOLD}"
DB = {"type": "filter", "filter-type": "virtual-server-name", "operation": "string-match", "value": "db*"}


def done(fake: Fake, *args: str, **kwargs: Any) -> str:
    """Run a command that works; its output."""
    result = run(fake, *args, **kwargs)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def fake() -> Fake:
    return Fake()


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("TZ", "UTC-2")    # POSIX: two hours east
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def classes(fake: Fake, place: int = 0) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = fake.groups[GOLD]["perf-policies"][place]["service-classes"]
    return found


# -- groups


def test_wrg_create_says_what_it_did(fake: Fake) -> None:
    assert done(fake, "wrg-create", "--wrg-name", "Silver") == "Created group 'Silver'.\n"
    assert fake.sent() == [("/workload-resource-groups", {"name": "Silver", "description": "", "perf-policies": []})]
    assert json.loads(done(fake, "wrg-create", "Bronze", "--json"))["name"] == "Bronze"


def test_wrg_update_sends_only_what_changes(fake: Fake) -> None:
    done(fake, "wrg-update", "Gold", "--description", "")
    assert fake.sent() == [(GROUP, {"description": ""})]


def test_wrg_delete_asks_first(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(fake, "wrg-delete", "Gold")
    assert result.exit_code == 2 and "--yes" in result.stderr
    assert GOLD in fake.groups
    assert "there is no workload resource group 'Nix'" in run(fake, "wrg-delete", "Nix").stderr
    monkeypatch.setattr("hpm.cli.groups.sys", _Terminal())
    result = run(fake, "wrg-delete", "Gold", input="n\n")
    assert result.exit_code == 1 and GOLD in fake.groups
    assert "'Gold' with 1 policy? (2 servers will go to the group default)" in result.stderr
    assert "Deleted group 'Gold'" in done(fake, "wrg-delete", "Gold", input="y\n")
    assert GOLD not in fake.groups


class _Terminal:
    class stdin:    # noqa: N801
        @staticmethod
        def isatty() -> bool:
            return True


def test_wrg_delete_with_yes_asks_nobody(fake: Fake) -> None:
    assert done(fake, "wrg-delete", "Gold", "--yes") == "Deleted group 'Gold'.\n"
    assert done(Fake(), "wrg-delete", "Gold", "-y", "--json") == ""


def test_wrg_remove_vs(fake: Fake) -> None:
    assert "Took db1, db2 out of group 'Gold'" in done(fake, "wrg-remove-vs", "Gold", "db1", "db2")


def test_wrg_show_names_the_servers_of_the_group_alone(fake: Fake) -> None:
    fake.servers.append(server(3, "other", **{"workload-resource-group": "/x/workload-resource-groups/default"}))
    text = done(fake, "wrg-show", "Gold")
    assert "db1" in text and "weekday (active)" in text and "other" not in text
    assert "unmanaged" in done(fake, "wrg-show", "default")


# -- policies


def test_policy_create_without_classes_makes_a_catch_all_and_activates_the_first(fake: Fake) -> None:
    text = done(fake, "policy-create", "default", "base", "--importance", "low", "--velocity", "fast")
    assert "It is the active one now." in text
    made = {"name": "base", "importance": "low", "service-classes": [
        {"name": "rest", "goal": {"type": "velocity", "velocity": "fast"}}]}  # fmt: skip
    assert fake.sent() == [("/workload-resource-groups/default/policies", made)]


def test_policy_create_activates_where_none_of_several_is_active(fake: Fake) -> None:
    fake.groups[GOLD]["active-policy"] = None
    text = done(fake, "policy-create", "Gold", "night", "--importance", "low", "--json")
    assert fake.groups[GOLD]["active-policy"] == "night" and json.loads(text)["active"] is True


def test_policy_create_leaves_another_active_policy_unless_told(fake: Fake) -> None:
    text = done(fake, "policy-create", "Gold", "night", "--importance", "low")
    assert "Active is still 'weekday'" in text
    assert fake.groups[GOLD]["active-policy"] == "weekday" and len(fake.sent()) == 1
    done(fake, "policy-create", "Gold", "noon", "--importance", "low", "--activate")
    assert fake.groups[GOLD]["active-policy"] == "noon"


def test_policy_create_with_classes(fake: Fake) -> None:
    done(fake, "policy-create", "Gold", "night", "--importance", "low", "--class", "db 60 'name=db *' os-type!=aix",
         "--class", "web discretionary hostname=web?")  # fmt: skip
    assert classes(fake, 1) == [
        {"name": "db", "goal": {"type": "velocity", "velocity": 60}, "classification": {"type": "and", "rules": [
            {**DB, "value": "db *"},
            {"type": "filter", "filter-type": "os-type", "operation": "string-not-match", "value": "aix"}]}},
        {"name": "web", "goal": {"type": "discretionary"},
         "classification": {**DB, "filter-type": "hostname", "value": "web?"}},
        {"name": "rest", "goal": {"type": "discretionary"}},
    ]  # fmt: skip


def test_policy_create_refuses_a_catch_all_that_is_not_last(fake: Fake) -> None:
    result = run(fake, "policy-create", "Gold", "x", "--importance", "low", "--class", "a fast", "--class", "b slow")
    assert result.exit_code == 2 and "'a' has no pattern" in result.stderr
    assert not fake.requests


def test_a_policy_goes_through_a_file_unchanged(fake: Fake, tmp_path: Path) -> None:
    text = done(fake, "policy-show", "Gold", "weekday", "--json")
    assert json.loads(text) == policy()
    file = tmp_path / "p.json"
    file.write_text(text)
    done(fake, "policy-create", "default", "--file", str(file))
    assert fake.groups["default"]["perf-policies"] == [policy()]
    done(fake, "policy-create", "Gold", "copy", "--file", "-", input=text)
    assert fake.groups[GOLD]["perf-policies"][1] == policy("copy")
    done(fake, "policy-update", "Gold", "--file", "-", "--importance", "lowest", input=text)
    assert fake.groups[GOLD]["perf-policies"][0] == {**policy(), "importance": "lowest"}


@pytest.mark.parametrize(("text", "said"), [
    ("{", "not JSON"),
    ('{"name": "x"}', "the field 'importance' is missing"),
    ('{"name": "x", "importance": "low", "service-classes": [{"name": "a", "goal": '
     '{"type": "velocity", "velocity": 100}}]}', "service-classes[0].goal.velocity"),
])  # fmt: skip
def test_a_bad_file_is_told_with_place_and_changes_nothing(fake: Fake, text: str, said: str) -> None:
    result = run(fake, "policy-create", "Gold", "--file", "-", input=text)
    assert result.exit_code == 1
    assert said in result.stderr and "standard input" in result.stderr
    assert not fake.requests


def test_policy_update_keeps_the_rest_also_what_it_does_not_know(fake: Fake) -> None:
    fake.groups[GOLD]["perf-policies"][0]["service-classes"][0]["goal"]["latency-ms"] = 3
    fake.groups[GOLD]["perf-policies"][0]["color"] = "red"
    done(fake, "policy-update", "Gold", "weekday", "--importance", "low")
    changed = fake.groups[GOLD]["perf-policies"][0]
    assert (changed["importance"], changed["color"]) == ("low", "red")
    assert changed["service-classes"][0]["goal"] == {"type": "velocity", "velocity": "fast", "latency-ms": 3}


def test_a_policy_is_renamed(fake: Fake) -> None:
    assert "Changed policy 'workday'" in done(fake, "policy-update", "Gold", "weekday", "--new-name", "workday")
    assert fake.sent() == [(f"{GROUP}/policies/weekday", {"name": "workday"})]


def test_the_active_policy_is_deleted_only_on_purpose(fake: Fake) -> None:
    result = run(fake, "policy-delete", "Gold", "weekday")
    assert result.exit_code == 1 and "--deactivate" in result.stderr
    assert not fake.sent()
    assert "unmanaged" in done(fake, "policy-delete", "Gold", "weekday", "--deactivate")
    assert fake.groups[GOLD]["active-policy"] is None
    assert fake.requests[-1].headers["If-Match"] == '"9"'


def test_a_policy_that_somebody_changed_is_not_deleted(fake: Fake) -> None:
    fake.answers["DELETE", f"{GROUP}/policies/weekday"] = refuse(httpx.Request("DELETE", "/"), 412, "changed")
    result = run(fake, "policy-delete", "Gold", "weekday", "--deactivate")
    assert result.exit_code == 1 and "somebody else changed the policy 'weekday'" in result.stderr


def test_policy_activate(fake: Fake) -> None:
    assert "is active now" in done(fake, "policy-activate", "Gold", "weekday")
    assert "unmanaged" in done(fake, "policy-activate", "Gold", "--none")
    assert "similar: weekday" in run(fake, "policy-activate", "Gold", "weekdy").stderr


@pytest.mark.parametrize("args", [
    ["class-add", "Gold", "x", "--discretionary", "--match", "name=x"], ["class-remove", "Gold", "db"],
], ids=lambda a: a[0])  # fmt: skip
def test_who_was_slower_than_somebody_else_is_told_to_try_again(fake: Fake, args: list[str]) -> None:
    fake.answers["POST", f"{GROUP}/policies/weekday"] = refuse(httpx.Request("POST", "/"), 412, "it changed")
    result = run(fake, *args)
    assert result.exit_code == 1
    assert "somebody else changed the policy 'weekday' of group 'Gold'" in result.stderr


# -- classes


def test_class_list_shows_rule_goal_and_how_it_fares(fake: Fake) -> None:
    lines = done(fake, "class-list", "Gold").splitlines()
    db = next(line for line in lines if line.startswith("db"))
    assert db.split() == ["db", "high", "fast", "(75)", "name", "=", "db*", "2", "77", "0.97", "●", "met"]
    assert "all that are left" in lines[-1]


def test_class_list_of_a_policy_that_is_not_active_or_of_none(fake: Fake) -> None:
    fake.groups[GOLD]["perf-policies"].append(policy("night"))
    assert "Policy night (not active)" in done(fake, "class-list", "Gold", "night")
    assert json.loads(done(fake, "class-list", "Gold", "night", "--json")) == policy()["service-classes"]
    assert "no active policy" in done(fake, "class-list", "default")


def test_class_add_goes_before_the_catch_all(fake: Fake) -> None:
    text = done(fake, "class-add", "Gold", "weekday", "web", "--velocity", "60", "--match", "name=web*",
                "--match", "os-type != aix", "--importance", "low")  # fmt: skip
    assert "name = web* and os-type ≠ aix" in text
    assert [c["name"] for c in classes(fake)] == ["db", "web", "rest"]
    assert classes(fake)[1]["importance"] == "low"
    assert fake.sent()[-1][1].keys() == {"service-classes"}


def test_class_add_before_another_and_with_a_rule(fake: Fake) -> None:
    rule = {"type": "or", "rules": [DB, {"type": "not", "rule": DB}]}
    done(fake, "class-add", "Gold", "a", "--discretionary", "--rule", json.dumps(rule), "--before", "db")
    assert classes(fake)[0] == {"name": "a", "goal": {"type": "discretionary"}, "classification": rule}


def test_class_add_of_a_name_that_is_there_is_refused(fake: Fake) -> None:
    result = run(fake, "class-add", "Gold", "db", "--velocity", "60", "--match", "name=x")
    assert result.exit_code == 1 and "'db' in policy 'weekday' already" in result.stderr
    assert not fake.sent()


def test_class_update_changes_what_is_said_and_moves(fake: Fake) -> None:
    done(fake, "class-add", "Gold", "web", "--velocity", "60", "--match", "name=web*", "--importance", "low")
    done(fake, "class-update", "Gold", "weekday", "web", "--before", "db", "--importance", "none",
         "--velocity", "fastest", "--new-name", "www")  # fmt: skip
    assert classes(fake)[0] == {
        "name": "www", "goal": {"type": "velocity", "velocity": "fastest"}, "classification": {**DB, "value": "web*"},
    }  # fmt: skip
    done(fake, "class-update", "Gold", "rest", "--importance", "none", "--velocity", "slow")
    assert classes(fake)[-1] == {"name": "rest", "goal": {"type": "velocity", "velocity": "slow"}}


def test_the_catch_all_stays_last(fake: Fake) -> None:
    for args in (["class-remove", "Gold", "rest"], ["class-update", "Gold", "rest", "--before", "db"]):
        result = run(fake, *args)
        assert result.exit_code == 1 and "all servers that are left" in result.stderr
    assert not fake.sent()


def test_class_remove(fake: Fake) -> None:
    done(fake, "class-remove", "--wrg-name", "Gold", "--policy-name", "weekday", "--class-name", "db")
    assert [c["name"] for c in classes(fake)] == ["rest"]


def test_classes_of_a_group_without_active_policy_need_its_name(fake: Fake) -> None:
    fake.groups[GOLD]["active-policy"] = None
    result = run(fake, "class-remove", "Gold", "db")
    assert result.exit_code == 1 and "say which policy you mean: weekday" in result.stderr
    done(fake, "class-remove", "Gold", "weekday", "db")


# -- virtual servers


def test_vs_list_reads_well(fake: Fake) -> None:
    lines = done(fake, "vs-list").splitlines()
    assert lines[-2].split() == ["db1", "running", "Gold", "db", "75", "77", "0.97", "2310", "●", "met"]
    assert lines[-1].split() == ["db2", "running", "Gold", "db", "75", "-", "0.97", "2310", "◌", "idle"]


def test_vs_list_of_one_group_or_status(fake: Fake) -> None:
    assert "db1" not in done(fake, "vs-list", "--wrg", "default")
    assert "db1" not in done(fake, "vs-list", "--goal-status", "idle")
    found = json.loads(done(fake, "vs-list", "--wrg-name", "Gold", "--goal-status", "idle", "--json"))
    assert [s["name"] for s in found["virtual-servers"]] == ["db2"]
    assert found["snapshot-time"]


def test_numbers_in_names_are_in_their_order(fake: Fake) -> None:
    fake.servers = [server(n, name) for n, name in enumerate(("app1", "app10", "App2", "app100", "7", "b"))]
    lines = done(fake, "vs-list").splitlines()
    assert [line.split()[0] for line in lines[-6:]] == ["7", "app1", "App2", "app10", "app100", "b"]


def test_vs_update_sends_what_is_said(fake: Fake) -> None:
    done(fake, "vs-update", "db1", "--group", "Gold", "--move", "--exclude", "--reserve", "1.5", "--cap", "none",
         "--attribute", "os-type=linux", "--attribute", "hostname=a=b")  # fmt: skip
    assert fake.sent() == [(f"/virtual-servers/{uuid(1)}", {
        "workload-resource-group": GOLD, "move": True, "excluded": True, "cpu-reserve": 1.5, "cpu-cap": None,
        "attributes": {"os-type": "linux", "hostname": "a=b"},
    })]  # fmt: skip
    done(fake, "vs-update", "db1", "--include")
    assert fake.sent()[-1][1] == {"excluded": False}


def test_vs_update_warns_of_more_cpus_than_a_server_has(fake: Fake) -> None:
    vcpus = fake.servers[0]["vcpus"]
    result = run(fake, "vs-update", "db1", "--reserve", str(vcpus + 1), "--cap", str(vcpus + 2), "--json")
    assert result.exit_code == 0 and json.loads(result.stdout)["name"] == "db1"
    assert result.stderr == (
        f"warning: db1 has {vcpus} vCPUs, so a reserve of {vcpus + 1} CPUs cannot all be used\n"
        f"warning: db1 has {vcpus} vCPUs, so a cap of {vcpus + 2} CPUs never holds it back\n"
    )
    assert run(fake, "vs-update", "db1", "--reserve", "none", "--cap", str(vcpus)).stderr == ""


def test_vs_release_and_vs_show(fake: Fake) -> None:
    done(fake, "vs-release", "--vs-name", "db1")
    assert fake.sent() == [(f"/virtual-servers/{uuid(1)}", {"release": True})]
    fake.servers[0].update({"management": "unmanaged", "management-reason": "changed-by-administrator"})
    text = done(fake, "vs-show", "db1")
    assert "unmanaged: somebody changed its shares; vs-release takes it back" in text
    assert "2310 (found: 1024)" in text


def test_explain_prints_the_sentences(fake: Fake) -> None:
    assert "• db1 is in group Gold, whose active policy is weekday.\n" in done(fake, "explain", "db1")


# -- levels and adjustments


def test_config_shows_and_sets(fake: Fake) -> None:
    assert "CPU management     off" in done(fake, "config")
    assert "CPU management     advise" in done(fake, "config", "--cpu-mgmt", "advise")
    assert fake.sent() == [("/mgmt-levels", {"cpu-mgmt": "advise"})]


@pytest.mark.parametrize("words", [("serve",), ("top",), ("settings",)])
def test_an_interval_that_is_no_number_is_wrong_usage(words: tuple[str, ...]) -> None:
    result = CliRunner().invoke(cli, [*words, "--interval", "nan"])
    assert result.exit_code == 2 and "'nan' is not a number" in result.output


def test_dra_list_reads_in_local_time_with_before_and_after(fake: Fake) -> None:
    measured = adjusted("db1", **{"pi-measured": 0.97})
    fake.adjustments = [
        adjustment(8, receivers=[measured]),
        adjustment(7, outcome="failed", reason="at-capacity", detail="4 CPUs are all used.", donors=[]),
        adjustment(6, resource="memory", cause="drift-corrected", detail="guest policy", donors=[]),
    ]
    text = done(fake, "dra-list")
    assert "2026-02-03 15:05:10  #8  applied\n" in text
    assert "received  db1     db      1024 → 2310   2.42 →  0.98 →  0.97\n" in text
    assert "gave      web1    db      1024 → 206    0.70 →  0.98 →     -\n" in text
    assert "#6  applied: set again, because somebody changed it\n  guest policy\n" in text
    assert "#7  failed: at-capacity (the host has no more CPU to give)\n  4 CPUs are all used.\n" in text


def test_an_empty_list_says_what_would_fill_it(fake: Fake) -> None:
    assert "'hpm config --cpu-mgmt advise'" in done(fake, "dra-list")
    assert "that fit" in done(fake, "dra-list", "--vs", "db1")
    fake.levels["cpu-mgmt"] = "on"
    assert "'hpm explain VS'" in done(fake, "dra-list")
    assert "'hpm policy-create'" in done(fake, "class-list", "default")
    assert "'hpm policy-create'" in done(fake, "policy-list", "default")
    fake.answers["GET", "/virtual-servers/detail"] = httpx.Response(200, json={
        "virtual-servers": [], "snapshot-time": None, "problem": None,
    })  # fmt: skip
    assert "'hpm version'" in done(fake, "vs-list")
    assert "that fit" in done(fake, "vs-list", "--goal-status", "missed")


def test_dra_list_asks_for_what_is_said(fake: Fake) -> None:
    done(fake, "dra-list", "--from", "2026-02-03 14:00", "--to", "2026-02-03T13:00:00Z", "--wrg", "Gold", "--vs",
         "db1", "--outcome", "applied", "--cause", "placement", "--limit", "7")  # fmt: skip
    assert dict(fake.requests[-1].url.params) == {
        "from": "2026-02-03T12:00:00Z", "to": "2026-02-03T13:00:00Z", "group": GOLD, "virtual-server": uuid(1),
        "outcome": "applied", "cause": "placement", "limit": "7",
    }  # fmt: skip


def test_dra_list_follows_pages_up_to_the_limit(fake: Fake) -> None:
    fake.adjustments = [adjustment(n) for n in range(250, 0, -1)]
    text = done(fake, "dra-list", "--limit", "230")
    assert text.count("received") == 230 and "There are older ones" in text
    whole = json.loads(done(fake, "dra-list", "--limit", "240", "--json"))
    assert [a["object-id"] for a in whole["dynamic-resource-adjustments"]][:240] == list(range(250, 10, -1))


# -- on this host


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A `hpm.host.serve` that only notes how it was called."""
    called: dict[str, Any] = {}

    def serve(**arguments: Any) -> int:
        called["serve"] = arguments
        return 4

    def restore(**arguments: Any) -> list[str]:
        called["restore"] = arguments
        if arguments["connect"] == "broken":
            raise StoreError("the journal cannot be read")
        return ["Put 3 servers back.", "Left 1 server alone."]

    module = ModuleType("hpm.host.serve")
    module.serve = serve  # type: ignore[attr-defined]
    module.restore = restore  # type: ignore[attr-defined]
    module.is_stopped = lambda unit: unit == "stopped.service"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "hpm.host.serve", module)
    return called


def test_serve_passes_its_options_on(host: dict[str, Any]) -> None:
    assert CliRunner().invoke(cli, ["serve"]).exit_code == 4
    assert host["serve"] == {
        "connect": None, "state_dir": None, "socket": None, "interval": None, "verbose": False,
        "web": True, "listen": None, "tls_cert": None, "tls_key": None, "mom_rpc": None, "plot_dir": None,
        "helpers": None,
    }  # fmt: skip
    args = ["serve", "--connect", "simulated:9", "--state-dir", "/x", "--socket", "/x/s", "--interval", "3", "-v"]
    CliRunner().invoke(cli, [*args, "--no-web", "--mom-rpc", "/x/m", "--plot-dir", "/x", "--helpers", "/h"])
    assert host["serve"] == {
        "connect": "simulated:9", "state_dir": Path("/x"), "socket": Path("/x/s"), "interval": 3.0, "verbose": True,
        "web": False, "listen": None, "tls_cert": None, "tls_key": None, "mom_rpc": Path("/x/m"),
        "plot_dir": Path("/x"), "helpers": Path("/h"),
    }  # fmt: skip
    CliRunner().invoke(cli, ["--socket", "/y/s", "serve"])
    assert host["serve"]["socket"] == Path("/y/s")


def test_restore_prints_what_it_did(host: dict[str, Any]) -> None:
    result = CliRunner().invoke(cli, ["restore", "--connect", "simulated"])
    assert (result.exit_code, result.output) == (0, "Put 3 servers back.\nLeft 1 server alone.\n")
    result = CliRunner().invoke(cli, ["restore", "--connect", "broken"])
    assert (result.exit_code, result.stderr) == (1, "error: the journal cannot be read\n")


def test_restore_after_a_unit_waits_for_its_stop(host: dict[str, Any]) -> None:
    result = CliRunner().invoke(cli, ["restore", "--after", "other.service"])
    assert result.exit_code == 0 and "other.service is not stopped" in result.output and "restore" not in host
    assert "Put 3" in CliRunner().invoke(cli, ["restore", "--after", "stopped.service"]).output
