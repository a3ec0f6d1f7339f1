"""What stands on the host that the contract is tried on."""

from __future__ import annotations

from tests.unit.api_host import ApiHost, policy

POLICY = "weekday"
SERVICE_CLASS = "rest"
SERVERS = ("db1", "db2", "web1", "idle1", "off1")


def seed(host: ApiHost) -> None:
    """A group with a policy and two servers, and a policy for the others."""
    host.group("Gold", policy(POLICY), servers=("db1", "db2"))
    host.post("/workload-resource-groups/default", {"perf-policies": [policy(POLICY)]})
    host.cycle()
