"""What goes leaves servers to what else is said of them: that must not be more than there is, nor a circle."""

from __future__ import annotations

from typing import Any

import pytest

from hpm.backend.simulated import uuid_of

from .api_host import GROUPS, SERVERS, ApiHost, policy, service_class

DB1, DB2 = uuid_of("db1"), uuid_of("db2")


def needs(name: str) -> dict[str, Any]:
    return {"start": {"depends-on": [{"virtual-server": uuid_of(name), "when-it-stops": "warn"}]}}


@pytest.mark.parametrize("what", ["group", "policy"])
def test_what_would_reserve_more_than_there_is_stays(api: ApiHost, what: str) -> None:
    """Four servers run on two CPUs."""
    little = policy("little", service_class(**{"guest-policy": {"cpu-reserve": 0.1}}))
    gold = api.group("Gold", little, servers=("db1",))
    said = f"{GROUPS}/default" if what == "group" else f"{GROUPS}/{gold}"
    api.post(said, {"guest-policy": {"cpu-reserve": 0.6}})
    if what == "policy":    # where the others have none
        api.post(f"{SERVERS}/{DB2}", {"cpu-reserve": 1.5})
    gone = f"{GROUPS}/{gold}" if what == "group" else f"{GROUPS}/{gold}/policies/little"
    error = api.refused("DELETE", gone)
    assert error["http-status"] == 400 and error["error-details"]["path"] == "cpu-reserve"
    assert "this host has 2 CPUs" in error["message"]
    assert api.get(f"{SERVERS}/{DB1}")["cpu-reserve"] == 0.1
    api.post(f"{SERVERS}/{DB2}", {"cpu-reserve": 0.1})
    assert api.send("DELETE", gone).status_code == 204
    assert api.get(f"{SERVERS}/{DB1}")["cpu-reserve"] == 0.6


@pytest.mark.parametrize("what", ["group", "policy"])
def test_what_would_have_servers_wait_for_each_other_stays(api: ApiHost, what: str) -> None:
    waits = policy("waits", service_class(**{"guest-policy": needs("web1")}))
    gold = api.group("Gold", waits, servers=("db1",))
    said = f"{GROUPS}/default" if what == "group" else f"{GROUPS}/{gold}"
    if what == "group":
        api.group("Beside", servers=("db2", "web1", "idle1", "off1"))
    api.post(f"{SERVERS}/{DB2}/guest-policy", needs("db1"))
    api.post(said, {"guest-policy": needs("db2")})
    gone = f"{GROUPS}/{gold}" if what == "group" else f"{GROUPS}/{gold}/policies/waits"
    error = api.refused("DELETE", gone)
    assert error["http-status"] == 400 and "db1 → db2 → db1" in error["message"]
    assert api.get("/dependencies")["cycle"] is None
    api.post(f"{SERVERS}/{DB2}/guest-policy", {"start": None})
    assert api.send("DELETE", gone).status_code == 204
