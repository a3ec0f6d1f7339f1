"""Partitions over the life of hpm: what is defined is there again after the host was started anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from .api_host import ApiHost, running
from .test_api_partitions import DB, GOLD, act, define, uri


def test_what_is_defined_is_created_again_when_hpm_starts(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with running(kind=ApiHost, directory=tmp_path) as api:
        define(api, GOLD, create=True, parameters={"cpu": {"shares": 77}}, description="Orders", reserve=0.5)
        define(api, DB, create=True)
        define(api, "/machine/later", autostart=False)
        define(api, "/machine/gone", parameters={"blkio": {"devices": [{"device": "/dev/vda", "read-iops-sec": 9}]}})
        before = api.get("/partitions")["partitions"]
        act(api, "/machine/gone", "create")
    # The simulated host is a new one each time: nothing but the store is left, and one disk fewer.
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("hpm.backend.simulated.partitions.DISKS", ("/dev/vdb",))
        with running(kind=ApiHost, directory=tmp_path) as api:
            after = {one["path"]: one for one in api.get("/partitions")["partitions"]}
            assert {path: one["state"] for path, one in after.items()} == {
                "/machine": "active", GOLD: "active", DB: "active", "/machine/gone": "inactive",
                "/machine/later": "inactive",
            }  # fmt: skip
            gold = next(one for one in before if one["path"] == GOLD)
            for field in ("object-id", "description", "reserve", "config", "live", "drift"):
                assert after[GOLD][field] == gold[field]
            assert "/machine/gone could not be created: blkio.devices: this host has no disk /dev/vda" in caplog.text
            assert api.refused("POST", f"{uri('/machine/gone')}/actions", {"action": "create"})["http-status"] == 400
            assert api.get(uri("/machine/gone"))["state"] == "inactive"
