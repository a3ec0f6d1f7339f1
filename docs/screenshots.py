"""Take the pictures of docs/pages.md anew: ``python -m docs.screenshots`` (`make screenshots`; takes three minutes), or
only those that are named: ``python -m docs.screenshots partitions partition``.

They show a simulated host with goals, after some minutes of its time, in Chromium.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hpm.client.rest import Client
from tests.browser.flow import run_flow
from tests.browser.host import BrowserHost
from tests.lab.errors import wait_until
from tests.running import ROOT

PICTURES = Path(__file__).with_name("pictures")
#: Seconds until charts have something to show.
PLAYING = 150.0


def rule(pattern: str) -> dict[str, str]:
    """Takes servers by name."""
    return {
        "type": "filter", "filter-type": "virtual-server-name", "operation": "string-match", "value": pattern,
    }  # fmt: skip


def goal(velocity: str | int) -> dict[str, Any]:
    """A velocity."""
    return {"type": "velocity", "velocity": velocity}


REST = {"name": "rest", "goal": {"type": "discretionary"}}
SHOP = {
    "name": "weekday", "importance": "high", "description": "From the first customer to the last",
    "service-classes": [
        {"name": "database", "importance": "highest", "goal": goal("fastest"), "classification": rule("db*")},
        {"name": "web", "goal": goal("moderate"), "classification": rule("web*")}, REST,
    ],
}  # fmt: skip
NIGHT = {
    "name": "night", "importance": "medium", "description": "", "service-classes": [
        {"name": "all", "goal": goal(40)},
    ],
}  # fmt: skip
REPORTS = {
    "name": "always", "importance": "medium", "description": "", "service-classes": [
        {"name": "reports", "goal": goal("fast")},
    ],
}  # fmt: skip
OTHERS = {"name": "others", "importance": "low", "description": "", "service-classes": [REST]}


def prepare(host: BrowserHost) -> None:
    """Groups, policies of both kinds, and a schedule; and switches management of CPU and memory on."""
    with host.client() as client:
        servers = {one.name: one.object_id for one in client.servers().value.virtual_servers}
        week = ["mon", "tue", "wed", "thu", "fri"]
        shop = client.create_group({
            "name": "Shop", "description": "What customers see", "perf-policies": [SHOP, NIGHT],
            "active-policy": "weekday",
        }).value.object_id  # fmt: skip
        client.update_group(shop, {
            "schedule": [{"policy": "night", "days": week, "from": "22:00", "to": "06:00"}], "otherwise": "weekday",
        })  # fmt: skip
        reports = client.create_group({"name": "Reports", "perf-policies": [REPORTS]}).value.object_id
        client.update_group("default", {"perf-policies": [OTHERS]})
        for group, names in ((shop, ("db1", "db2", "web1", "web2", "web3")), (reports, ("batch1", "batch2"))):
            client.add_servers(group, [servers[name] for name in names])
        prepare_places(client, servers, shop)
        for name in ("10-ksm", "20-balloon"):
            client.create_memory_policy(name, (ROOT / f"examples/mom/{name}.policy").read_text())
        client.set_management_levels({"cpu-mgmt": "on", "memory-mgmt": "on"})


def prepare_places(client: Client, servers: dict[str, str], shop: str) -> None:
    """Partitions, one of which backs a group, and servers that need each other."""
    for path, reserve, parameters in (
        ("/machine/shop", 2, {"cpu": {"shares": 3000, "quota-us": 600000}, "memory": {"hard-limit-mib": 65536}}),
        ("/machine/shop/db", 1, {"cpu": {"shares": 2000}, "numa": {"cpus": "0-3"}}),
        ("/machine/shop/web", None, {"cpu": {"shares": 1000}}),
        ("/machine/reports", None, {"cpu": {"shares": 500, "quota-us": 200000}}),
    ):
        client.create_partition({"path": path, "create": True, "reserve": reserve, "parameters": parameters})
    client.update_group(shop, {"partition": "/machine/shop"})
    for name, others in (
        ("web1", {"db1": "stop"}), ("web2", {"db1": "stop"}), ("web3", {"db2": "warn", "web1": "ignore"}),
        ("batch1", {"db1": "warn", "db2": "warn"}), ("batch2", {"batch1": "ignore"}),
    ):  # fmt: skip
        client.update_guest_policy(servers[name], {"start": {"depends-on": [
            {"virtual-server": servers[other], "when-it-stops": when} for other, when in others.items()
        ]}})  # fmt: skip
    for name, path in (
        ("db1", "/machine/shop/db"), ("db2", "/machine/shop/db"), ("web1", "/machine/shop/web"),
        ("web2", "/machine/shop/web"), ("web3", "/machine/shop/web"), ("batch1", "/machine/reports"),
    ):  # fmt: skip
        client.update_server(servers[name], {"partition": path, "persist": True})
    stopped = client.stop_group(shop, {"action": "stop", "dependants": "stop", "force": True}).value.object_id
    wait_until(lambda: client.start_job(stopped).value.state != "running", 60.0, "the servers are stopped")
    client.start_server(servers["batch1"])    # and all that it needs
    started = client.start_group(shop).value.object_id
    wait_until(lambda: client.start_job(started).value.state != "running", 60.0, "the servers are started")


def main(only: list[str]) -> None:
    """Take them; those alone that are named, if any are."""
    PICTURES.mkdir(exist_ok=True)
    with TemporaryDirectory(prefix="hpm-browser-") as name, BrowserHost(Path(name), "simulated:24", 1.0) as host:
        prepare(host)
        time.sleep(PLAYING)
        run_flow("screenshots", host, {"folder": str(PICTURES), "only": only})


if __name__ == "__main__":
    main(sys.argv[1:])
