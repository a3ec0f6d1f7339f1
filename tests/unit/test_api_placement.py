"""Where vCPUs are moved, over the API: the setting, and moves among the adjustments."""

from __future__ import annotations

from typing import Any

from hpm.backend.simulated import Spin
from hpm.policy.guest_policies import GuestPolicy, Placement, Spread
from tests.unit.api_host import ApiHost
from tests.unit.test_api_events import Follower


def say(api: ApiHost, uuid: str, placement: Placement) -> None:
    """Have a server's guest policy say how it is to stand."""
    with api.manager.change() as change:
        settings = change.catalog.settings(uuid)
        change.catalog = change.catalog.with_settings(uuid, settings.with_policy(GuestPolicy(placement=placement)))


def test_moves_are_among_the_adjustments(api: ApiHost) -> None:
    assert api.post("/settings", {"placement-interval-seconds": 9})["placement-interval-seconds"] == 9
    for uuid, server in api.hypervisor.observe().samples.items():
        say(api, uuid, Spread())
        api.hypervisor.set_load(uuid, Spin())
        api.hypervisor.set_pins_by_hand(uuid, ["0"] * len(server.threads))
    api.post("/mgmt-levels", {"cpu-mgmt": "advise"})
    for _ in range(6):
        api.cycle()
    found: list[dict[str, Any]] = api.get("/dynamic-resource-adjustments")["dynamic-resource-adjustments"]
    moves = [one for one in found if one["cause"] == "placement"]
    assert moves and moves[0]["outcome"] == "advised" and moves[0]["resource"] == "cpu"
    assert moves[0]["total-velocity-projected"] > moves[0]["total-velocity-before"]
    assert moves[0]["total-velocity-measured"] is None
    mover = moves[0]["receivers"][0]
    assert set(mover["pinned-before"]) == {"0"} and mover["pinned-after"] != mover["pinned-before"]
    follower = Follower(api)
    api.post("/mgmt-levels", {"cpu-mgmt": "on"})
    for _ in range(6):
        api.cycle()
    found = api.get("/dynamic-resource-adjustments?outcome=applied")["dynamic-resource-adjustments"]
    made = next(one for one in found if one["cause"] == "placement")
    assert made["total-velocity-measured"] > made["total-velocity-before"]
    told = [follower.wait_for("dynamic-resource-adjustment", object_id=made["object-id"]) for _ in range(2)]
    assert [one["total-velocity-measured"] for one in told] == [None, made["total-velocity-measured"]]
    assert "placement-interval" in api.refused("POST", "/settings", {"placement-interval-seconds": 2})["message"]
    api.post("/settings", {"placement-interval-seconds": 60})


def test_the_hosts_cpus_are_told(api: ApiHost) -> None:
    (node,) = api.get("/version")["numa-nodes"]
    cores = [str(number) for number in range(api.hypervisor.cores)]
    assert (node["node"], node["cores"]) == (0, cores)
    assert node["caches"] == [node["cpus"]]
    assert len(cores) == 1 or node["cpus"] == f"0-{len(cores) - 1}"
