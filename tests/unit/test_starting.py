"""Servers start and stop in the order of their dependencies, whatever happens meanwhile."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from hpm.backend.simulated import uuid_of
from hpm.errors import Conflict, HypervisorError, HypervisorUnreachable, InvalidValue, NotFound
from hpm.policy.start_order import DependencyCycle
from hpm.policy.start_policies import Dependency, Running, StartPolicy

from .start_house import PORT, StartHouse, needs, off


def test_what_a_server_needs_is_started_first_and_waited_for(tmp_path: Path) -> None:
    house = StartHouse(tmp_path, off("db", "web"), db=StartPolicy(ready=PORT), web=needs("db"))
    house.host.faults.unready[uuid_of("db")] = "its port 5432 does not answer"
    job = house.begin("web")
    house.wait(5)
    assert house.running() == {"db"} and house.phases(job) == {"web": "waiting", "db": "started"}
    assert house.reason(job, "web") == "waits for db (its port 5432 does not answer)"
    assert house.job_metrics() == {"running": 1, "done": 0, "failed": 0}
    del house.host.faults.unready[uuid_of("db")]
    house.wait(2)
    assert house.started() == ["db", "web"] and house.job(job).state == "done"
    assert house.phases(job) == {"web": "ready", "db": "ready"}
    assert house.job_metrics() == {"running": 0, "done": 1, "failed": 0}


def test_a_chain_of_five_starts_in_order_and_two_chains_side_by_side(tmp_path: Path) -> None:
    names = [f"{chain}{n}" for chain in "ab" for n in range(5)]
    ready = Running(2)
    chain = {n: needs(*([f"{n[0]}{int(n[1]) - 1}"] if n[1] != "0" else []), ready=ready) for n in names}
    house = StartHouse(tmp_path, off(*reversed(names)), **chain)
    job = house.begin("a4", "b4")
    house.wait(3)
    assert house.running() == {"a0", "b0", "a1", "b1"}    # each after 2 s of the one before it, side by side
    house.wait(10)
    assert house.job(job).state == "done"
    for letter in "ab":
        assert [name for name in house.started() if name[0] == letter] == [f"{letter}{n}" for n in range(5)]


def test_no_more_than_eight_start_at_once(tmp_path: Path) -> None:
    names = [f"s{n}" for n in range(12)]
    house = StartHouse(tmp_path, off(*names))
    job = house.begin(*names)
    assert house.running() == set()
    house.manager.starting.turn()
    assert len(house.running()) == 8 and sorted(house.phases(job).values()) == ["starting"] * 8 + ["waiting"] * 4
    house.wait(2)
    assert house.job(job).state == "done" and sorted(house.started()) == sorted(names)


def test_a_crash_in_mid_chain_is_gone_on_from(tmp_path: Path) -> None:
    house = StartHouse(
        tmp_path, off("db", "app", "web"), db=StartPolicy(ready=Running(2)), app=needs("db", ready=PORT),
        web=needs("app"),
    )  # fmt: skip
    house.host.faults.unready[uuid_of("app")] = "its port 5432 does not answer"
    job = house.begin("web")
    house.wait(5)
    assert house.running() == {"db", "app"}
    house.crash()
    house.wait(5)
    assert house.running() == {"db", "app"} and house.job(job).state == "running"
    house.host.faults.unready.clear()
    house.wait(2)
    assert house.job(job).state == "done" and house.started() == ["db", "app", "web"]


@pytest.mark.parametrize("seconds", [0.5, 1.0, 1.5, 2.5])
def test_crashes_again_and_again_start_each_server_once_and_in_order(tmp_path: Path, seconds: float) -> None:
    names = ["db", "app", "web", "edge"]
    house = StartHouse(
        tmp_path, off(*names), db=StartPolicy(ready=Running(1)), app=needs("db", ready=PORT),
        web=needs("app", ready=Running(2)), edge=needs("web"),
    )  # fmt: skip
    job = house.begin("edge")
    for _ in range(60):
        house.wait(seconds)
        if house.job(job).state != "running":
            break
        house.crash()
    assert house.job(job).state == "done" and house.started() == names


def test_a_crash_between_the_store_and_the_start_starts_it_once(tmp_path: Path) -> None:
    house = StartHouse(tmp_path, off("db", "web"), web=needs("db"))
    real = house.host.start_server
    house.host.start_server = lambda *_: (_ for _ in ()).throw(SystemExit)  # type: ignore[method-assign]
    with pytest.raises(SystemExit):
        house.begin("web")
        house.look()
    house.host.start_server = real  # type: ignore[method-assign]
    house.crash()
    house.wait(3)
    assert house.started() == ["db", "web"]


def test_a_stop_goes_on_after_a_crash(tmp_path: Path) -> None:
    house = StartHouse(tmp_path, dict.fromkeys(("db", "web"), True), web=needs("db"))
    house.host.faults.deaf.add(uuid_of("web"))
    job = house.end("db", dependants="stop", grace_seconds=6, force=True)
    house.wait(3)
    house.crash()
    house.wait(2)
    assert house.running() == {"db", "web"} and house.phases(job) == {"db": "waiting", "web": "stopping"}
    house.wait(8)
    assert house.job(job).state == "done" and not house.running()


def test_who_fails_fails_those_that_wait_with_the_reason(tmp_path: Path) -> None:
    house = StartHouse(tmp_path, off("db", "app", "web", "other"), app=needs("db"), web=needs("app"))
    house.host.faults.broken[uuid_of("db")] = "no memory for it"
    job = house.begin("web", "other")
    house.wait(2)
    assert house.job(job).state == "failed" and house.running() == {"other"}
    assert house.reason(job, "db") == "no memory for it"
    assert house.reason(job, "web") == "it needs app, which failed: it needs db, which failed: no memory for it"


def test_who_is_not_ready_in_time_has_failed(tmp_path: Path) -> None:
    house = StartHouse(
        tmp_path, off("db", "web"), db=StartPolicy(ready=PORT, timeout_seconds=4), web=needs("db", timeout_seconds=60)
    )
    house.host.faults.unready[uuid_of("db")] = "its port 5432 does not answer"
    job = house.begin("web")
    house.wait(6)
    assert house.reason(job, "db") == "it was not ready within 4 s: its port 5432 does not answer"
    assert house.phases(job) == {"db": "failed", "web": "failed"} and house.running() == {"db"}


def test_who_is_not_seen_to_run_has_not_failed_while_the_host_does_not_answer(tmp_path: Path) -> None:
    house = StartHouse(tmp_path, off("db"), db=StartPolicy(ready=PORT))
    house.host.faults.unready[uuid_of("db")] = "its port 5432 does not answer"
    job = house.begin("db")
    house.wait(1)
    house.host.faults.problem = "listing domains took longer than 5 s"
    house.host.stop(uuid_of("db"))
    house.wait(20)
    assert house.phases(job) == {"db": "started"}
    house.host.faults.problem = None
    house.wait(1)
    assert house.reason(job, "db") == "it ended before it was ready"


def test_who_alone_is_not_seen_has_not_failed_and_others_have(tmp_path: Path) -> None:
    house = StartHouse(tmp_path, off("db", "web"), db=StartPolicy(ready=PORT), web=StartPolicy(ready=PORT))
    for name in ("db", "web"):
        house.host.faults.unready[uuid_of(name)] = "its port 5432 does not answer"
    job = house.begin("db", "web")
    house.wait(1)
    house.host.faults.stale[uuid_of("db")] = 1e9
    for name in ("db", "web"):
        house.host.stop(uuid_of(name))
    house.wait(20)
    assert house.phases(job) == {"db": "started", "web": "failed"}
    house.host.faults.stale.clear()
    house.wait(1)
    assert house.reason(job, "db") == "it ended before it was ready"


def test_a_job_can_be_cancelled(tmp_path: Path) -> None:
    house = StartHouse(tmp_path, off("db", "web"), db=StartPolicy(ready=Running(60)), web=needs("db"))
    job = house.begin("web")
    house.wait(1)
    house.manager.starting.cancel(job.id, "bob")
    house.wait(70)
    assert house.running() == {"db"} and house.job(job).state == "cancelled"
    assert house.reason(job, "web") == "bob cancelled the job"
    with pytest.raises(Conflict, match="over already"):
        house.manager.starting.cancel(job.id, "bob")
    with pytest.raises(NotFound):
        house.manager.starting.job(99)


def test_a_stop_takes_dependants_first(tmp_path: Path) -> None:
    runs = dict.fromkeys(("db", "app", "web"), True)
    house = StartHouse(tmp_path, runs, app=needs("db", when_it_stops="stop"), web=needs("app"))
    with pytest.raises(Conflict, match="web needs what is to stop"):
        house.end("db")
    stopped: list[str] = []
    real = house.host.stop_server

    def stop(uuid: str, start: str, *, at_once: bool = False) -> None:
        stopped.append(house.host.observe().infos[uuid].name)
        real(uuid, start, at_once=at_once)

    house.host.stop_server = stop  # type: ignore[method-assign]
    job = house.end("db", dependants="stop")
    house.wait(2)
    assert stopped == ["web", "app", "db"] and house.job(job).state == "done" and not house.running()
    with pytest.raises(Conflict, match="db does not run"):
        house.end("db")


def test_who_does_not_shut_down_is_ended_only_if_asked_for(tmp_path: Path) -> None:
    house = StartHouse(tmp_path, {"a": True, "b": True, "c": True})
    house.host.faults.deaf |= {uuid_of(name) for name in "abc"}
    patient, forced, at_once = house.end("a", grace_seconds=5), house.end("b", grace_seconds=5, force=True), None
    house.wait(4)
    assert house.running() == {"a", "b", "c"}
    house.wait(3)
    assert house.running() == {"a", "c"}
    assert house.phases(patient) == {"a": "failed"} and "did not shut down within 5 s" in house.reason(patient, "a")
    assert house.phases(forced) == {"b": "stopped"} and "was ended" in house.reason(forced, "b")
    at_once = house.end("c", grace_seconds=0, force=True)
    house.wait(1)
    assert house.job(at_once).state == "done"


def test_who_is_to_be_ended_is_ended_although_libvirt_refuses_to_shut_it_down(tmp_path: Path) -> None:
    house = StartHouse(tmp_path, {"a": True, "b": True})
    real, asked = house.host.stop_server, []

    def stop(uuid: str, start: str, *, at_once: bool = False) -> None:
        asked.append((uuid, at_once))
        if not at_once:
            raise HypervisorError("its monitor does not answer")
        real(uuid, start, at_once=at_once)

    house.host.stop_server = stop  # type: ignore[method-assign]
    forced, patient = house.end("a", grace_seconds=4, force=True), house.end("b", grace_seconds=4)
    house.wait(2)
    assert house.running() == {"a", "b"} and house.phases(patient) == {"b": "failed"}
    assert house.reason(forced, "a") == "its monitor does not answer; it is ended after 4 s"
    house.wait(4)
    assert house.running() == {"b"} and house.job(forced).state == "done"
    assert asked.count((uuid_of("a"), False)) == 1


def test_a_shutdown_is_not_tried_again_beyond_its_grace(tmp_path: Path) -> None:
    house = StartHouse(tmp_path, {"a": True}, a=StartPolicy(timeout_seconds=600))
    house.host.faults.deaf.add(uuid_of("a"))
    real = house.host.stop_server

    def stop(uuid: str, start: str, *, at_once: bool = False) -> None:
        if not at_once:
            raise HypervisorUnreachable("shutting down took too long")
        real(uuid, start, at_once=at_once)

    house.host.stop_server = stop  # type: ignore[method-assign]
    house.manager.starting.start()
    try:
        job = house.end("a", grace_seconds=1, force=True)
        deadline = time.monotonic() + 10
        while house.running() and time.monotonic() < deadline:
            house.host.advance(0.1)
            house.look()
            time.sleep(0.02)
        assert not house.running() and house.job(job).servers[0].forced
    finally:
        house.manager.starting.stop()


def test_a_forced_stop_that_hpm_did_not_come_to_is_done_after_a_crash(tmp_path: Path) -> None:
    house = StartHouse(tmp_path, {"a": True})
    house.host.faults.deaf.add(uuid_of("a"))
    job = house.end("a", grace_seconds=2, force=True)
    house.wait(1)
    real = house.host.stop_server
    house.host.stop_server = lambda *_, **__: (_ for _ in ()).throw(SystemExit)  # type: ignore[method-assign]
    with pytest.raises(SystemExit):    # it is in the store that it is ended, and it is not
        house.wait(4)
    house.host.stop_server = real  # type: ignore[method-assign]
    house.crash()
    house.wait(2)
    assert house.running() == set() and house.phases(job) == {"a": "stopped"}


def test_when_a_dependency_stops_by_itself_dependants_are_warned_or_stopped(tmp_path: Path) -> None:
    runs = dict.fromkeys(("db", "web", "app", "cron"), True)
    house = StartHouse(
        tmp_path, runs, web=needs("db"), app=needs("db", when_it_stops="stop"),
        cron=needs("db", when_it_stops="ignore"),
    )  # fmt: skip
    events = house.manager.events.reader(None)
    events.take(1)
    house.host.stop(uuid_of("db"))
    house.wait(2)
    assert house.running() == {"web", "cron"}
    (told,) = [event.data for event in events.take(10**6) if event.kind == "dependency-stopped"]
    assert (told.name, told.warned, told.stopped) == ("db", (uuid_of("web"),), (uuid_of("app"),))  # type: ignore[attr-defined]
    from hpm.store.activity import ActivityFilter

    said = [record.message for record in house.manager.activity.find(ActivityFilter(user="hpm"))]
    assert said == ["db stopped; web needs it; app needs it and is stopped"]


def test_who_stops_with_what_it_needs_is_stopped_although_a_job_starts_it(tmp_path: Path) -> None:
    house = StartHouse(
        tmp_path, {"db": True, "web": False, "edge": False}, web=needs("db", when_it_stops="stop", ready=PORT),
        edge=needs("web"),
    )  # fmt: skip
    house.host.faults.unready[uuid_of("web")] = "its port 5432 does not answer"
    job = house.begin("edge")
    house.wait(2)
    assert house.phases(job) == {"web": "started", "edge": "waiting"}
    house.host.stop(uuid_of("db"))
    house.wait(2)
    assert house.running() == set() and house.job(job).state == "failed"
    assert house.phases(job) == {"web": "cancelled", "edge": "failed"}
    assert house.reason(job, "edge") == "it needs web, which failed: what it needs stopped"


def test_nothing_half_done_where_it_makes_no_sense(tmp_path: Path) -> None:
    house = StartHouse(tmp_path, {"db": True, "web": False, "old": False}, web=needs("db"))
    with pytest.raises(Conflict, match="db runs already"):
        house.begin("db")
    house.say_start("old", needs("web"))
    house.host.delete(uuid_of("web"))
    house.look()
    with pytest.raises(Conflict, match="old needs a virtual server with id"):
        house.begin("old")
    assert house.started() == [] and house.manager.starting.jobs() == []
    house = StartHouse(tmp_path / "2", off("db", "web"), db=StartPolicy(ready=Running(60)), web=needs("db"))
    job = house.begin("web")
    house.wait(1)
    with pytest.raises(Conflict, match=f"the job {job.id} is to start db"):
        house.end("db", dependants="leave")


def test_cycles_are_named_and_refused_whoever_makes_them(tmp_path: Path) -> None:
    house = StartHouse(tmp_path, off("db", "app", "web"), web=needs("app"), app=needs("db"))
    before = house.manager.snapshot.catalog
    with pytest.raises(DependencyCycle, match=r"app → db → web → app|db → web → app → db|web → app → db → web"):
        house.say_start("db", needs("web"))
    with pytest.raises(DependencyCycle, match="db → db: a server cannot wait for itself"):
        house.say_start("db", needs("db"))
    with pytest.raises(InvalidValue, match="no virtual server with id"):
        house.say_start("db", needs("nobody"))
    with pytest.raises(InvalidValue, match="no workload resource group with id"):
        house.say_start("db", StartPolicy(depends_on=(Dependency(workload_resource_group="gone"),)))
    assert house.manager.snapshot.catalog is before
    house.wish({"db": None}, "tier")
    house.say_start("db", StartPolicy(depends_on=(Dependency(workload_resource_group="tier"),)))    # all but itself
    with pytest.raises(DependencyCycle), house.manager.change() as change:    # a membership makes one, too
        change.catalog = change.catalog.with_members("tier", [uuid_of("web")], move=True)


def test_a_group_as_target_is_all_of_its_servers(tmp_path: Path) -> None:
    house = StartHouse(tmp_path, off("db1", "db2", "web"))
    house.wish({"db1": None, "db2": None}, "tier")
    house.say_start("web", StartPolicy(depends_on=(Dependency(workload_resource_group="tier"),)))
    house.begin("web")
    house.wait(2)
    assert sorted(house.started()[:2]) == ["db1", "db2"] and house.started()[2] == "web"
    with pytest.raises(Conflict, match="is what others wait for"), house.manager.change() as change:
        change.catalog = change.catalog.without_group("tier")


def test_definitions_are_asked_for_at_each_start(tmp_path: Path) -> None:
    house = StartHouse(tmp_path, off("a"))
    house.manager.starting.at_start.append(lambda _uuid, xml: xml.replace("</domain>", "<x/></domain>"))
    house.begin("a")
    house.wait(1)
    assert [xml.endswith("<x/></domain>") for _, xml in house.host.started] == [True]


def test_a_start_that_would_break_reserves_is_refused_with_the_numbers(tmp_path: Path) -> None:
    house = StartHouse(tmp_path, {"db": True, "a": False, "b": False})    # on two CPUs
    house.say("db", cpu_reserve=1.0)
    house.say("a", cpu_reserve=0.75)
    house.say("b", cpu_reserve=0.75)
    assert house.manager.starting.verdict(uuid_of("b")).start    # one of both fits in
    job = house.begin("a", "b")
    house.wait(2)
    (failed,) = [name for name, phase in house.phases(job).items() if phase == "failed"]
    assert house.job_metrics() == {"running": 0, "done": 0, "failed": 1}
    assert len(house.running()) == 2 and house.reason(job, failed) == (
        f"{failed} has a reserve of 0.75 CPUs; this host has 2 CPUs, of which 1.75 are reserved already: 0.5 CPUs too"
        " many"
    )
    assert "0.5 CPUs too many" in house.manager.starting.verdict(uuid_of(failed)).message


def test_stopped_servers_count_where_that_is_set(tmp_path: Path) -> None:
    house = StartHouse(tmp_path, {"db": True, "a": False, "b": False})    # on two CPUs
    house.say("db", cpu_reserve=1.0)
    house.say("a", cpu_reserve=0.75)
    house.say("b", cpu_reserve=0.75)
    house.manager.starting.set_admission("all")
    for name in "ab":
        said = house.manager.starting.verdict(uuid_of(name))
        assert not said.start and "1.75 are reserved already, stopped ones counted: 0.5 CPUs too" in said.message
    house.crash()    # it is kept
    assert not house.manager.starting.verdict(uuid_of("a")).start
    house.say("b", cpu_reserve=0.25)    # less than before, and all fit in
    job = house.begin("a")
    house.wait(1)
    assert house.phases(job) == {"a": "ready"} and house.running() == {"db", "a"}
    with pytest.raises(InvalidValue, match="CPUs too many"):
        house.say("b", cpu_reserve=0.5)    # it does not run, and is counted
    house.manager.starting.set_admission("running")
    house.say("b", cpu_reserve=0.5)


def test_a_server_whose_definition_names_a_foreign_partition_counts_at_the_root(tmp_path: Path) -> None:
    house = StartHouse(tmp_path, {"db": True, "a": False})    # on two CPUs
    house.host.set_partition(uuid_of("a"), "/production")
    house.look()
    house.say("db", cpu_reserve=1.5)
    house.say("a", cpu_reserve=1.0)
    assert "0.5 CPUs too many" in house.manager.starting.verdict(uuid_of("a")).message


def test_a_paused_server_is_resumed(tmp_path: Path) -> None:
    house = StartHouse(tmp_path, {"a": True})
    house.host.pause(uuid_of("a"))
    house.look()
    house.begin("a")
    house.wait(1)
    assert house.running() == {"a"}
