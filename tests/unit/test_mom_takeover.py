"""Living beside MOM: refused, held while it runs, taken over, and given back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from hpm.backend.rivals import Rival
from hpm.backend.simulated import uuid_of
from hpm.errors import Conflict
from hpm.model.explain_memory import explain_memory

from .api_host import ApiHost
from .memory_house import four, has, records
from .test_manager_mom import KSM, decided_by
from .test_mom_import import run

MOMD = Rival("momd", 123, "mom-vdsm.service")
KSMTUNED = Rival("ksmtuned", 77, "ksmtuned.service")
LOOSE = Rival("momd", 9)
VDSM = Rival("vdsmd", 8, "vdsmd.service")


@pytest.fixture
def beside(api: ApiHost) -> Iterator[ApiHost]:
    """A manager beside MOM."""
    faults = api.hypervisor.faults
    faults.rivals, faults.units = [MOMD], {"mom-vdsm.service": True, "ksmtuned.service": False, "vdsmd.service": True}
    faults.stuck_units, faults.no_units = set(), None
    yield api
    faults.rivals, faults.stuck_units, faults.no_units = [], set(), None
    api.post("/mgmt-levels", {"memory-mgmt": "off"})
    if api.get("/mom/rivals")["stopped"]:
        api.send("POST", "/mom/give-back")
    faults.rivals, faults.units = [], {}


def level(api: ApiHost) -> str:
    found: str = api.get("/mgmt-levels")["memory-mgmt"]
    return found


def test_on_is_refused_with_who_and_what_to_do(beside: ApiHost) -> None:
    error = beside.refused("POST", "/mgmt-levels", {"memory-mgmt": "on", "cpu-mgmt": "on"})
    assert (error["http-status"], error["reason"]) == (409, 2)
    assert error["message"] == (
        "momd (pid 123, mom-vdsm.service) manages memory here, too: stop it (systemctl stop mom-vdsm) or let hpm take"
        " over: hpm mom-import --takeover mom.conf"
    )
    beside.post("/mgmt-levels", {"memory-mgmt": "advise"})
    beside.hypervisor.faults.rivals = []
    beside.post("/mgmt-levels", {"memory-mgmt": "on"})


@pytest.mark.parametrize(("rival", "said", "stoppable"), [
    (KSMTUNED, "systemctl stop ksmtuned) or let hpm take over: hpm mom-import --takeover", True),
    (LOOSE, "stop it yourself (kill 9); hpm cannot, because systemd did not start it", False),
    (VDSM, "because oVirt would fence the host", False),
])  # fmt: skip
def test_each_one_has_its_advice(beside: ApiHost, rival: Rival, said: str, stoppable: bool) -> None:
    beside.hypervisor.faults.rivals = [rival]
    (told,) = beside.get("/mom/rivals")["rivals"]
    assert (told["name"], told["pid"], told["unit"], told["stoppable"]) == (
        rival.name, rival.pid, rival.unit, stoppable
    )  # fmt: skip
    assert said in told["advice"]
    assert said in beside.refused("POST", "/mgmt-levels", {"memory-mgmt": "on"})["message"]


def test_it_is_stopped_and_started_again_as_it_was(beside: ApiHost) -> None:
    faults = beside.hypervisor.faults
    faults.rivals.append(KSMTUNED)
    told = beside.send("POST", "/mom/takeover").json()
    assert told["rivals"] == []
    assert [(one["name"], one["unit"], one["enabled"]) for one in told["stopped"]] == [
        ("momd", "mom-vdsm.service", True), ("ksmtuned", "ksmtuned.service", False),
    ]  # fmt: skip
    assert all(one["stopped-by"] and one["stopped-time"] for one in told["stopped"])
    assert faults.units["mom-vdsm.service"] is False
    beside.post("/mgmt-levels", {"memory-mgmt": "on"})
    error = beside.refused("POST", "/mom/give-back")
    assert (error["http-status"], error["reason"]) == (409, 2) and "hpm config --memory-mgmt off" in error["message"]
    beside.post("/mgmt-levels", {"memory-mgmt": "off"})
    told = beside.send("POST", "/mom/give-back").json()
    assert {one["name"] for one in told["rivals"]} == {"momd", "ksmtuned"} and told["stopped"] == []
    assert faults.units == {"mom-vdsm.service": True, "ksmtuned.service": False, "vdsmd.service": True}
    assert "nothing to give back" in beside.refused("POST", "/mom/give-back")["message"]
    noted = [one["summary"] for one in beside.get("/activity-log?limit=6")["activity-log"]]
    assert "Stop other programs that manage memory here" in noted


def test_what_cannot_be_stopped_is_left_and_told(beside: ApiHost) -> None:
    faults = beside.hypervisor.faults
    faults.rivals = [VDSM, LOOSE]
    told = beside.send("POST", "/mom/takeover").json()
    assert [one["name"] for one in told["rivals"]] == ["vdsmd", "momd"] and told["stopped"] == []
    faults.rivals, faults.no_units = [MOMD], "this host does not run systemd"
    (left,) = beside.send("POST", "/mom/takeover").json()["rivals"]
    assert "kill 123" in left["advice"] and "does not run systemd" in left["advice"]


def test_what_systemd_refuses_can_be_tried_again(beside: ApiHost) -> None:
    faults = beside.hypervisor.faults
    faults.stuck_units = {"mom-vdsm.service"}
    error = beside.refused("POST", "/mom/takeover")
    assert (error["http-status"], error["reason"]) == (409, 2) and "cannot be stopped" in error["message"]
    (kept,) = beside.get("/mom/rivals")["stopped"]    # so that whatever systemd did can be undone
    assert kept["enabled"] is True
    faults.stuck_units = set()
    faults.units["mom-vdsm.service"] = False    # it was disabled before it failed
    (kept,) = beside.send("POST", "/mom/takeover").json()["stopped"]
    assert kept["enabled"] is True
    assert beside.send("POST", "/mom/give-back").status_code == 200
    assert faults.units["mom-vdsm.service"] is True


def test_the_command_imports_and_takes_over_and_undoes_it(beside: ApiHost, tmp_path: Path) -> None:
    (tmp_path / "my.policy").write_text("1")
    conf = tmp_path / "mom.conf"
    conf.write_text(f"[main]\npolicy: {tmp_path}/my.policy\n")
    dry = run(beside, conf, "--takeover", "--dry-run")
    assert dry.exit_code == 0 and "momd (pid 123, mom-vdsm.service): will be stopped" in dry.stdout
    assert beside.hypervisor.faults.rivals == [MOMD]
    done = run(beside, conf, "--takeover", "--yes")
    assert done.exit_code == 0, done.output
    assert "momd (mom-vdsm.service) is stopped" in done.stdout and "Imported: 1 memory policy" in done.stdout
    assert beside.hypervisor.faults.rivals == []
    beside.post("/mgmt-levels", {"memory-mgmt": "on"})
    assert run(beside, "--undo").exit_code == 2    # nobody can be asked
    dry = run(beside, "--undo", "--dry-run")
    assert "will be off" in dry.stdout and level(beside) == "on"
    undone = run(beside, "--undo", "--yes")
    assert undone.exit_code == 0 and "Started again: momd (mom-vdsm.service)." in undone.stdout
    assert level(beside) == "off" and beside.hypervisor.faults.rivals == [MOMD]
    assert "nothing to give back" in run(beside, "--undo", "--yes").stderr
    assert beside.send("DELETE", "/mom/policies/50_main_").status_code == 204


def test_the_command_fails_while_another_one_still_runs(beside: ApiHost) -> None:
    beside.hypervisor.faults.rivals.append(VDSM)
    result = run(beside, "--takeover", "--yes")
    assert result.exit_code == 1
    assert "vdsmd (pid 8, vdsmd.service) still runs; VDSM is oVirt's" in result.stderr
    assert beside.hypervisor.faults.rivals == [VDSM]
    beside.hypervisor.faults.rivals = []
    told = json.loads(run(beside, "--takeover", "--yes", "--json").stdout)
    assert told["done"] is True and told["takeover"]["rivals"] == []
    assert "No other program" in run(beside, "--takeover", "--dry-run").stdout


@pytest.mark.parametrize("words", [
    (), ("--decide",), ("--undo", "--takeover"), ("mom.conf", "--undo"), ("--takeover", "--replace"),
])  # fmt: skip
def test_options_that_do_not_go_together_are_a_matter_of_usage(beside: ApiHost, words: tuple[str, ...]) -> None:
    assert run(beside, *words, "--yes").exit_code == 2


def test_memory_is_left_alone_while_another_one_appears(tmp_path: Path) -> None:
    house = four(tmp_path)
    house.manager.set_memory_level("on")
    house.step(4)
    house.host.faults.rivals = [MOMD]
    writes = len(house.host.writes)
    house.host.set_host_memory(10 * 1024)
    house.step(8)
    assert len(house.host.writes) == writes
    (told,) = records(house, "another-manager")
    assert (told.outcome, told.reason) == ("failed", "another-manager")
    assert "momd (pid 123, mom-vdsm.service)" in (told.detail or "")
    snapshot = house.manager.snapshot
    assert set(snapshot.memory.held.values()) == {"another-manager"}
    assert "two that fight are worse than none" in explain_memory(snapshot, uuid_of("gold"))[0]
    house.host.faults.rivals = [Rival("momd", 124, "mom-vdsm.service")]    # it was started again: no news
    house.step(2)
    assert len(records(house, "another-manager")) == 1
    house.host.faults.rivals = []
    house.step(6)
    assert len(house.host.writes) > writes
    assert "another-manager" not in house.manager.snapshot.memory.held.values()
    assert has(house, "tin") < 4096


def test_memory_policies_set_nothing_either_and_advise_goes_on(tmp_path: Path) -> None:
    house = four(tmp_path)
    decided_by(house, "mom", KSM)
    house.host.faults.rivals = [KSMTUNED]
    house.manager.set_memory_level("on")
    house.step(4)
    assert not house.host.writes
    house.manager.set_memory_level("advise")
    house.step(4)
    assert [record.outcome for record in records(house, "memory-policy")] == ["advised"]


def test_what_was_stopped_is_known_after_a_crash(tmp_path: Path) -> None:
    house = four(tmp_path)
    house.host.faults.rivals, house.host.faults.units = [MOMD], {"mom-vdsm.service": True}
    house.manager.takeover.take_over("ann")
    house.crash()
    assert [(one.unit, one.user) for one in house.manager.takeover.stopped] == [("mom-vdsm.service", "ann")]
    house.manager.takeover.give_back()
    with pytest.raises(Conflict, match="nothing to give back"):
        house.manager.takeover.give_back()
