"""Simulations: what would happen on a described host, over REST and offline; what is refused, and with which words."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from hpm.backend.simulated import uuid_of
from hpm.cli.main import cli
from hpm.cli.session import Session
from hpm.control.caller import Caller
from hpm.errors import Conflict, InvalidValue
from hpm.host.simulate import simulate
from hpm.manager.change import Busy
from hpm.model.simulation.process import Runner, command
from hpm.policy.decode import convert, decode
from hpm.wire.simulations import DescribedHost, SimulatedServer, SimulatedSide, Simulation, SimulationCreate
from tests.lab.errors import wait_until

from .api_host import GROUPS, SERVERS, ApiHost, running

EXAMPLES = sorted(Path(__file__).parents[2].glob("examples/simulations/*.json"))
Json = dict[str, Any]


def velocity(percent: int | str) -> Json:
    return {"type": "velocity", "velocity": percent}


def group(name: str, importance: str, goal: Json | None = None, **more: Any) -> Json:
    """A group with one policy of one class; discretionary without a goal."""
    rest = {"name": "rest", "goal": goal or {"type": "discretionary"}}
    return {"name": name, "perf-policies": [{"name": "day", "importance": importance, "service-classes": [rest]}],
            **more}  # fmt: skip


def spinner(name: str, in_group: str = "default", **more: Any) -> Json:
    return {"name": name, "load": {"type": "spin"}, "workload-resource-group": in_group, **more}


#: Six that spin on two CPUs. The goals of a and b can be met at once.
HOST: Json = {
    "cpus": 2, "interval-seconds": 3, "intervals": 8,
    "virtual-servers": [spinner("a", "A"), spinner("b", "B"), spinner("rest", count=4)],
    "workload-resource-groups": [
        group("A", "highest", velocity(70)), group("B", "high", velocity(45)), group("default", "low"),
    ],
}  # fmt: skip


def host(**changes: Any) -> Json:
    return {**HOST, **changes}


def offline(said: Json, **request: Any) -> Simulation:
    """As `hpm simulate` does it."""
    return simulate(convert({"host": said, **request}, SimulationCreate))


def side(found: Simulation, name: str = "managed") -> SimulatedSide:
    return next(one for one in found.sides if one.side == name)


def server(found: Simulation, name: str, of: str = "managed") -> SimulatedServer:
    return next(one for one in side(found, of).virtual_servers if one.name == name)


# -- what would happen


def test_goals_that_can_be_met_are_met_one_interval_later_and_from_then_on() -> None:
    found = offline(HOST)
    assert [one.side for one in found.sides] == ["unmanaged", "managed"]
    for name in ("a", "b"):
        before, after = server(found, name, "unmanaged"), server(found, name)
        assert (before.goal_status, before.intervals_met, before.met_after_seconds) == ("missed", 0, None)
        assert (after.goal_status, after.met_after_seconds) == ("met", 3.0)
        assert after.intervals_met == after.intervals_busy == 5    # intervals 4 to 8
        assert set(after.goal_statuses) == {"met"} and len(after.goal_statuses) == 8
        assert before.velocity is not None and 28 <= before.velocity <= 38
    assert side(found).unmet == []
    assert side(found).cpu_using == pytest.approx(side(found, "unmanaged").cpu_using, rel=0.02)
    first = side(found).adjustments[0]
    assert first.after_seconds == 0.0 and "a" in {s.name for s in first.receivers}
    by_name = {one.name: one for one in side(found).workload_resource_groups}
    assert by_name["A"].intervals_met == 5 and by_name["A"].service_classes[0].virtual_server_count == 1
    assert by_name["default"].goal_status == "discretionary"


def test_without_management_shares_stay_and_nothing_is_adjusted() -> None:
    unmanaged = side(offline(host(intervals=2)), "unmanaged")
    assert {shares for one in unmanaged.virtual_servers for shares in one.shares} == {1024}
    assert unmanaged.adjustments == [] and unmanaged.unmet == []


def test_the_same_description_gives_the_same_result() -> None:
    web = {"name": "web", "load": {"type": "web", "demand": 0.3}, "workload-resource-group": "A"}
    said = host(intervals=3, **{"virtual-servers": [*HOST["virtual-servers"], web]})
    assert offline(said) == offline(said)
    assert offline({**said, "seed": 7}) != offline(said)


def test_what_cannot_be_met_is_said_with_the_reason_and_the_less_important_misses_it() -> None:
    found = offline(host(**{"workload-resource-groups": [
        group("A", "highest", velocity(75)), group("B", "low", velocity(90)), group("default", "medium", velocity(60)),
    ]}))  # fmt: skip
    assert server(found, "a").goal_status == "met"
    unmet = side(found).unmet
    assert [one.importance for one in unmet] == ["medium"] * 4 + ["low"]
    assert {one.virtual_server for one in unmet} == {"b", "rest1", "rest2", "rest3", "rest4"}
    assert {one.reason for one in unmet} <= {"at-capacity", "at-floor"}
    assert any("More is not possible" in sentence for sentence in unmet[-1].sentences)


def test_unmanaged_groups_excluded_servers_reserves_and_caps_are_as_in_life() -> None:
    found = offline(host(intervals=6, **{
        "virtual-servers": [
            spinner("a", "A"), spinner("capped", "A", **{"cpu-cap": 0.25}), spinner("out", "A", excluded=True),
            spinner("kept", "default", **{"cpu-reserve": 0.6}), spinner("free", count=3),
        ],
        "workload-resource-groups": [group("A", "high", velocity(60))],
    }))  # fmt: skip
    assert 0.1 <= (server(found, "capped").cpu_using or 0) <= 0.26
    assert (server(found, "capped", "unmanaged").cpu_using or 0) > 0.26
    assert server(found, "kept").cpu_using == pytest.approx(0.6, abs=0.1)
    assert server(found, "out").management_reason == "excluded" and set(server(found, "out").shares) == {1024}
    assert server(found, "free1").management_reason == "no-policy" and set(server(found, "free1").shares) == {1024}
    assert server(found, "free1").goal_status == "unmanaged"


def test_other_policies_are_compared_on_the_same_host() -> None:
    swapped = [group("A", "low"), group("B", "highest", velocity(80)), group("default", "low")]
    found = offline(host(intervals=5), **{"compare-with": swapped})
    assert [one.side for one in found.sides] == ["unmanaged", "managed", "compared"]
    managed, compared = server(found, "b"), server(found, "b", "compared")
    assert (managed.velocity or 0) < 70 < (compared.velocity or 0)
    assert server(found, "a", "compared").goal_status == "discretionary"
    assert found.sides[0] == offline(host(intervals=5)).sides[0]


def test_schedules_are_not_played_and_that_is_said() -> None:
    entry = {"policy": "day", "days": ["mon"], "from": "22:00", "to": "06:00"}
    scheduled = group("A", "high", velocity(60), schedule=[entry], otherwise="day")
    found = offline(host(intervals=1, **{"workload-resource-groups": [scheduled, group("B", "low")]}))
    assert found.notes == ["Schedules are not played: the active policy of 'A' stays active all the time."]


def test_status_facts_and_attributes_classify_servers() -> None:
    rule = {"type": "filter", "filter-type": "os-type", "operation": "string-match", "value": "linux"}
    classes = [{"name": "linux", "goal": velocity(60), "classification": rule},
               {"name": "rest", "goal": {"type": "discretionary"}}]  # fmt: skip
    groups = [{"name": "A", "perf-policies": [{"name": "day", "importance": "high", "service-classes": classes}]}]
    found = offline(host(intervals=2, **{"workload-resource-groups": groups, "virtual-servers": [
        spinner("x", "A", attributes={"os-type": "linux"}), spinner("y", "A"),
        spinner("p", "A", status="paused"), spinner("o", "A", status="shut-off"),
    ]}))  # fmt: skip
    assert [one.service_class for one in side(found).virtual_servers] == ["linux", "rest", "rest", "rest"]
    assert [one.goal_status for one in side(found).virtual_servers][2:] == ["paused", "idle"]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_examples_show_what_they_are_for(example: Path) -> None:
    said = decode(example.read_bytes(), DescribedHost)
    found = simulate(SimulationCreate(host=msgspec.structs.replace(said, intervals=min(12, said.intervals))))
    unmet = {one.workload_resource_group for one in side(found).unmet}
    assert unmet == ({"Search", "Reports"} if example.stem == "overcommitted" else set())
    missed = [one for one in side(found, "unmanaged").virtual_servers if one.goal_status == "missed"]
    assert missed, "without management some goals are missed"
    assert (server(found, missed[0].name).cpu_using or 0) > (missed[0].cpu_using or 0)


def test_the_host_in_the_document_is_one() -> None:
    text = (Path(__file__).parents[2] / "docs/simulate.md").read_text()
    said = decode(text.split("```json\n")[1].split("```")[0].encode(), DescribedHost)
    found = simulate(SimulationCreate(host=said, intervals=8))
    assert {one.goal_status for one in side(found).virtual_servers} == {"met", "discretionary"}
    assert {one.goal_status for one in side(found, "unmanaged").virtual_servers} == {"missed", "discretionary"}


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 4


# -- what is refused


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        ({"virtual-servers": []}, "virtual-servers", "1 to 10000"),
        ({"cpus": 0}, "cpus", "1"),
        ({"virtual-servers": [spinner("a"), spinner("a")]}, "virtual-servers[1].name", "already"),
        ({"virtual-servers": [spinner("a1"), spinner("a", count=2)]}, "virtual-servers[1].name", "'a1'"),
        ({"virtual-servers": [spinner("a", "Silver")]}, "virtual-servers[0].workload-resource-group", "A, B, default"),
        ({"virtual-servers": [spinner("a", load={"type": "dance"})]}, "virtual-servers[0].load.type", "periodic"),
        ({"virtual-servers": [spinner("a", load={"type": "periodic", "on-ms": 1e-9, "off-ms": 1})]},
         "virtual-servers[0].load.on-ms", "0.1"),
        ({"virtual-servers": [spinner("a", load={"type": "demand", "cpus": 1.5})]},
         "virtual-servers[0].load.cpus", "1 is the most"),
        ({"virtual-servers": [spinner("a", load=[{"type": "spin"}] * 2)]}, "virtual-servers[0].load", "1 vCPU"),
        ({"virtual-servers": [spinner("a", count=2, **{"object-id": uuid_of("a")})]},
         "virtual-servers[0].object-id", "leave it or count out"),
        ({"virtual-servers": [spinner("a", **{"cpu-reserve": 2, "cpu-cap": 1})]},
         "virtual-servers[0].cpu-reserve", "above the cap"),
        ({"workload-resource-groups": [group("A", "high"), group("A", "low")]},
         "workload-resource-groups[1].name", "already"),
        ({"workload-resource-groups": [group("A", "high", **{"active-policy": "night"})]},
         "workload-resource-groups[0].active-policy", "'night'"),
        ({"workload-resource-groups": [group("A", "urgent")]},
         "workload-resource-groups[0].perf-policies[0].importance", "highest"),
        ({"hypervisor": "xen"}, "hypervisor", "known are: cpus"),
    ],
)  # fmt: skip
def test_a_bad_description_is_refused_with_the_place(api: ApiHost, changes: Json, path: str, words: str) -> None:
    error = api.refused("POST", "/simulations", {"host": host(**changes)})
    assert error["http-status"] == 400
    assert error["message"].startswith(f"host.{path}: ") and words in error["message"]
    with pytest.raises(InvalidValue, match="^" + path.replace("[", r"\[").replace("]", r"\]")):
        simulate(SimulationCreate(host=convert(host(**changes), DescribedHost)))


def test_errors_of_other_groups_name_the_place_where_those_stand(api: ApiHost) -> None:
    twice = [group("A", "high"), group("A", "high")]
    for field in ("workload-resource-groups", "compare-with"):
        error = api.refused("POST", "/simulations", {"host": HOST, field: twice})
        assert error["message"].startswith(f"{field}[1].name: ")


@pytest.mark.parametrize(
    ("changes", "path", "words"),
    [
        ({"virtual-servers": [{"name": "a", "count": 2001}]}, "host.virtual-servers", "2,001 virtual servers"),
        ({"virtual-servers": [{"name": "a", "vcpus": 512, "count": 8}]}, "host.virtual-servers", "4,000"),
        ({"intervals": 1000}, "intervals", "at most 833 are possible here"),
        ({"interval-seconds": 1, "intervals": 100, "virtual-servers": [{"name": "a", "count": 1000}]}, "intervals",
         "at most 20 are possible here"),
    ],
)  # fmt: skip
def test_the_manager_takes_no_large_simulation(api: ApiHost, changes: Json, path: str, words: str) -> None:
    error = api.refused("POST", "/simulations", {"host": host(**changes)})
    assert error["http-status"] == 400 and error["reason"] == 7
    assert error["message"].startswith(f"{path}: too large") and words in error["message"]
    assert "hpm simulate" in error["message"]


def request(intervals: int = 400) -> SimulationCreate:
    return convert({"host": host(intervals=intervals)}, SimulationCreate)


def test_one_simulation_at_a_time() -> None:
    runner, results = Runner(), list[Exception]()

    def run() -> None:
        try:
            runner.run(request(), limit=3.0)
        except Exception as error:
            results.append(error)

    first = threading.Thread(target=run)
    first.start()
    try:
        wait_until(lambda: refused(lambda: runner.run(request(1)), Busy), 3.0, "the second one is refused")
    finally:
        first.join()
    assert runner.run(request(1))    # and afterwards there is room again


def refused(what: Callable[[], object], error: type[Exception]) -> bool:
    try:
        what()
    except error:
        return True
    return False


def test_a_simulation_that_takes_too_long_is_ended() -> None:
    with pytest.raises(Conflict, match=r"took longer than 0\.1 s"):
        Runner().run(request(), limit=0.1)


def test_one_that_is_ended_before_it_has_read_all_is_told_alike() -> None:
    many = convert({"host": host(**{"virtual-servers": [spinner(f"a{n}") for n in range(2000)]})}, SimulationCreate)
    with pytest.raises(Conflict, match="took longer"):
        Runner().run(many, limit=0.02)


def test_a_simulation_ends_with_its_manager() -> None:
    with subprocess.Popen(command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(msgspec.json.encode(request()) + b"\n")
        process.stdin.close()    # as the kernel does for a process that was killed
        assert process.wait(20.0) == 1
        assert process.stdout.read() == b""


# -- over REST, and at the shell


def test_rest_and_offline_agree(api: ApiHost) -> None:
    before = api.state()
    answer = api.send("POST", "/simulations", {"host": host(intervals=3)})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.content == msgspec.json.encode(offline(host(intervals=3)))
    assert api.state() == before


def test_the_host_as_it_is_can_be_recorded_and_simulated(api: ApiHost) -> None:
    gold = api.group("Gold", group("", "high", velocity(75))["perf-policies"][0], servers=("db1", "web1"))
    api.post(f"{SERVERS}/{uuid_of('db2')}", {"cpu-cap": 0.5, "attributes": {"hostname": "db2.example"}})
    for _ in range(3):
        api.cycle()
    recorded = api.get("/simulations/recorded-host")
    said = convert(recorded, DescribedHost)
    by_name = {one["name"]: one for one in recorded["virtual-servers"]}
    assert (said.cpus, said.interval_seconds) == (2, 3.0)
    assert by_name["db1"]["load"] == {"type": "spin"} and by_name["db1"]["vcpus"] == 2
    assert by_name["db1"]["workload-resource-group"] == "Gold" and by_name["db1"]["object-id"] == uuid_of("db1")
    assert by_name["db2"]["cpu-cap"] == 0.5 and by_name["db2"]["attributes"] == {"hostname": "db2.example"}
    assert by_name["web1"]["load"]["type"] == "demand" and 0.2 <= by_name["web1"]["load"]["cpus"] <= 1.0
    assert by_name["idle1"]["load"] == {"type": "idle"} and by_name["off1"]["status"] == "shut-off"
    assert [one["name"] for one in recorded["workload-resource-groups"]] == ["Gold", "default"]
    now = api.post("/simulations", {"intervals": 2})
    assert now == api.post("/simulations", {"host": recorded, "intervals": 2})
    assert now == msgspec.to_builtins(simulate(SimulationCreate(host=said, intervals=2)))
    other = api.post("/simulations", {"intervals": 2, "workload-resource-groups": [group("Gold", "low")]})
    assert other["sides"][1]["virtual-servers"][0]["goal"] == {"type": "discretionary"}
    assert api.get(f"{GROUPS}/{gold}")["perf-policies"][0]["importance"] == "high"


def test_a_described_host_takes_the_groups_in_force(api: ApiHost) -> None:
    api.group("A", group("", "high", velocity(75))["perf-policies"][0])
    api.group("B")
    bare = {key: value for key, value in HOST.items() if key != "workload-resource-groups"}
    found = convert(api.post("/simulations", {"host": bare, "intervals": 2}), Simulation)
    assert server(found, "a").goal is not None and server(found, "b").goal is None
    with pytest.raises(InvalidValue, match="no groups"):
        simulate(SimulationCreate(host=convert(bare, DescribedHost)))


class Reader:
    """A door that knows everybody as somebody who may read."""

    def caller(self) -> Caller:
        return Caller("ann", "user")


def test_who_may_read_may_simulate() -> None:
    with running(Reader()) as host_:
        assert host_.send("POST", "/simulations", {"host": host(intervals=1)}).status_code == 200
        assert host_.send("GET", "/simulations/recorded-host").status_code == 200
        assert host_.send("POST", GROUPS, {"name": "Gold"}).status_code == 403


def hpm(*words: str, socket: Path | None = None, columns: int = 140) -> Result:
    session = Session(socket=socket)
    try:
        return CliRunner(env={"COLUMNS": str(columns)}).invoke(cli, ["simulate", *words], obj=session)
    finally:
        session.client.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "host.json"
    path.write_text(json.dumps(host(description="Six that spin")))
    return path


def test_the_command_shows_before_and_after(file: Path) -> None:
    result = hpm(str(file), "--intervals", "5")
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0] == "Six that spin"
    assert "2 CPUs, 6 virtual servers, 5 intervals of 3 s" in lines[1]
    row = next(line.split() for line in lines if line.startswith("a "))
    assert row[:4] == ["a", "A", "rest", "70"] and row[-1] == "met"
    assert int(row[4]) < 40 < 67 <= int(row[6])
    assert "All goals are met." in lines and "Adjustments" not in result.output
    loud = hpm(str(file), "--intervals", "5", "-v").output
    assert "Adjustments" in loud and "received  a" in loud and "1024 → " in loud


def test_names_are_whole_in_the_tables(tmp_path: Path) -> None:
    path = tmp_path / "host.json"
    path.write_text(json.dumps(host(intervals=1, **{"virtual-servers": [
        spinner("gold-web-frontend-1", "A"), spinner("silver-idle-reserve-1", "B"), spinner("rest", count=2),
    ]})))  # fmt: skip
    lines = hpm(str(path), columns=80).output.splitlines()
    assert {"gold-web-frontend-1", "silver-idle-reserve-1", "rest1"} <= {line.split()[0] for line in lines if line}


def test_the_command_prints_what_rest_answers(file: Path) -> None:
    result = hpm(str(file), "--intervals", "2", "--json")
    assert json.loads(result.output) == msgspec.to_builtins(offline(host(description="Six that spin", intervals=2)))


def test_the_command_takes_policies_from_files(file: Path, tmp_path: Path) -> None:
    hard = tmp_path / "hard.json"
    hard.write_text(json.dumps({"workload-resource-groups": [
        group("A", "high", velocity(99)), group("B", "high", velocity(99)), group("default", "low", velocity(50)),
    ]}))  # fmt: skip
    result = hpm(str(file), "--policy", str(hard), "--intervals", "5")
    assert result.exit_code == 0, result.output
    assert "Not met: " in result.output and "default, class rest, at-" in result.output
    compared = hpm(str(file), "--compare", str(hard), "--intervals", "5")
    assert "All goals are met (hpm)." in compared.output and "Not met (compared): " in compared.output


def test_a_policy_file_says_where_the_servers_are_that_it_names_and_other_groups_stay(tmp_path: Path) -> None:
    known = [spinner("a", "A", **{"object-id": uuid_of("a")}), spinner("b", "B"), spinner("rest", count=4)]
    described, policies = tmp_path / "host.json", tmp_path / "policies.xml"
    described.write_text(json.dumps(host(intervals=2, **{"virtual-servers": known})))
    policies.write_text(f"""<policy-file>
      <workload-resource-group name="New">
        <perf-policy name="day" importance="highest">
          <service-class name="rest"><goal type="velocity" velocity="80"/></service-class>
        </perf-policy>
        <virtual-server uuid="{uuid_of('a')}"/>
      </workload-resource-group>
      <virtual-server uuid="{uuid_of('a')}" cpu-cap="0.5"/>
    </policy-file>""")
    result = hpm(str(described), "--policy", str(policies), "--json")
    assert result.exit_code == 0, result.output
    found = convert(json.loads(result.output), Simulation)
    a, b = server(found, "a"), server(found, "b")
    assert (a.workload_resource_group, a.importance) == ("New", "highest") and (a.cpu_using or 0) <= 0.51
    assert (b.workload_resource_group, b.importance) == ("B", "high")


def test_a_policy_file_that_is_none_is_refused_with_the_place(file: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text('{"workload-resource-groups": [\n  {"name": "A", "colour": "red"}]}')
    result = hpm(str(file), "--policy", str(bad))
    assert result.exit_code == 1 and f"error: {bad}: line 2, column " in result.stderr
    bad.write_text(json.dumps(group("", "high")["perf-policies"][0]))
    assert "holds the policy 'day' alone" in hpm(str(file), "--policy", str(bad)).stderr


def test_the_command_says_what_is_wrong_in_which_file(file: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text(json.dumps(host(**{"virtual-servers": [spinner("a", load={"type": "dance"})]})))
    result = hpm(str(bad))
    assert result.exit_code == 1
    assert f"error: {bad}: virtual-servers[0].load.type: " in result.stderr
    assert hpm(str(tmp_path / "none.json")).exit_code == 1
    assert hpm(str(file), "--policy", str(tmp_path / "none.json")).exit_code == 1
    assert hpm(str(file), "--record", str(file)).exit_code == 2


def test_the_command_records_the_host_of_a_running_hpm(api: ApiHost, tmp_path: Path) -> None:
    api.cycle()
    path = tmp_path / "recorded.json"
    result = hpm("--record", str(path), socket=api.socket)
    assert result.exit_code == 0, result.output
    assert result.output == f"Wrote {path}: 5 virtual servers.\n"
    assert json.loads(path.read_text()) == api.get("/simulations/recorded-host")
    played = hpm(str(path), "--intervals", "1")
    assert played.exit_code == 0 and "There are no goals to be met." in played.output
    assert hpm("--intervals", "1", socket=api.socket).output == played.output
