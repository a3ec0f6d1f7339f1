"""Metrics for Prometheus: what its own parser reads is what the snapshot says."""

from __future__ import annotations

import math
from typing import Any

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from hpm.backend.simulated import uuid_of
from hpm.engine.metrics.figures import GROUP_METRICS, HOST_METRICS, SERVER_METRICS
from hpm.manager.upkeep import OWN
from hpm.model.prometheus import labels

from .access_host import PASSWORDS
from .api_host import ApiHost, policy
from .front_host import FrontHost

SCRAPE = "/metrics/prometheus"


def families(text: str) -> dict[str, Metric]:
    found = list(text_string_to_metric_families(text))
    assert len({one.name for one in found}) == len(found)    # the same name twice is an error for Prometheus
    return {one.name: one for one in found}


def values(text: str) -> dict[tuple[str, tuple[str, ...]], float]:
    """By name and the labels' values."""
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in families(text).values() for sample in family.samples
    }  # fmt: skip


@pytest.fixture
def text(api: ApiHost) -> str:
    """What is scraped of a host with a group, after two intervals."""
    api.group("Gold", policy(), servers=("db1", "db2"))
    api.cycle()
    api.cycle()
    answer = api.send("GET", SCRAPE)
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return answer.text


def test_every_figure_is_there_under_its_name(api: ApiHost, text: str) -> None:
    found, figures = values(text), api.manager.snapshot.figures
    roster = figures.roster
    for row, name in enumerate(roster.names):
        for metric in SERVER_METRICS:
            if metric.each is not None or not metric.scraped:
                continue
            value = found.get((metric.exported("virtual_server"), (name,)), math.nan)
            assert value == pytest.approx(figures.servers[metric.name][row], nan_ok=True), metric.name
    for row, group in enumerate(roster.groups):
        key = api.manager.snapshot.catalog.groups[group].name
        for group_metric in (one for one in GROUP_METRICS if one.scraped):
            value = found.get((group_metric.exported("workload_resource_group"), (key,)), math.nan)
            assert value == pytest.approx(figures.groups[group_metric.name][row], nan_ok=True)
    for row, (_, one) in enumerate(roster.classes):
        for group_metric in (one for one in GROUP_METRICS if one.scraped):
            value = found.get((group_metric.exported("service_class"), ("Gold", one)), math.nan)
            assert value == pytest.approx(figures.classes[group_metric.name][row], nan_ok=True)
    for host_metric in (one for one in HOST_METRICS if one.scraped):
        value = found.get((host_metric.exported("hypervisor"), ()), math.nan)
        assert value == pytest.approx(figures.host[host_metric.name], nan_ok=True)
    assert {metric.exported("hpm") for metric in OWN} <= {name for name, _ in found}


def test_vcpus_are_told_one_by_one_as_libvirts_exporters_do(api: ApiHost, text: str) -> None:
    found, counters = values(text), api.manager.snapshot.sample.counters
    for what, column in (("time", counters.run_ns), ("delay", counters.delay_ns)):
        wanted = f"libvirt_domain_vcpu_{what}_seconds_total"
        told = {labels_: value for (name, labels_), value in found.items() if name == wanted}
        assert list(told.values()) == pytest.approx((column / 1e9).tolist())
        assert ("db1", "0") in told


def test_disks_and_interfaces_are_told_one_by_one_as_libvirts_exporters_do(api: ApiHost) -> None:
    api.post("/settings", {"devices-interval-seconds": 10})
    for _ in range(5):
        api.cycle()
    first = api.send("GET", SCRAPE).text
    found, figures, sections = values(first), api.manager.snapshot.figures, api.manager.snapshot.extras.sections
    devices = sections[uuid_of("db1")].devices
    assert devices.disks and devices.network
    for one, expected in (
        ("block_stats_read_bytes", devices.disks[0].read_bytes),
        ("block_stats_write_requests", devices.disks[0].write_requests),
        ("interface_stats_receive_bytes", devices.network[0].rx_bytes),
        ("interface_stats_transmit_packets", devices.network[0].tx_packets),
    ):
        device = devices.disks[0].name if "block" in one else devices.network[0].name
        assert found[f"libvirt_domain_{one}_total", ("db1", str(device))] == expected
    row = figures.roster.names.index("db1")
    rate = found["hpm_virtual_server_disk_read_rate_bytes_per_second", ("db1",)]
    assert rate == figures.servers["disk-read-rate"][row] > 0
    sampled = found["hpm_virtual_server_devices_timestamp_seconds", ("db1",)]
    assert not [labels_ for name, labels_ in found if name.startswith("libvirt_domain_block") and labels_[0] == "off1"]
    for _ in range(5):    # what is kept of devices is made anew as they are sampled anew
        api.cycle()
    later = values(api.send("GET", SCRAPE).text)
    assert later["hpm_virtual_server_devices_timestamp_seconds", ("db1",)] > sampled
    read = "libvirt_domain_block_stats_read_bytes_total", ("db1", "vda")
    assert later[read] > found[read]


def test_what_alerts_choose_by_is_there(text: str) -> None:
    infos = families(text)
    classes = [sample.labels for sample in infos["hpm_service_class_info"].samples]
    assert {"group": "Gold", "service_class": "db", "policy": "weekday", "importance": "high"} in classes
    servers = {sample.labels["domain"]: sample.labels for sample in infos["hpm_virtual_server_info"].samples}
    assert servers["db1"] == {
        "domain": "db1", "uuid": uuid_of("db1"), "status": "running", "group": "Gold", "service_class": "db",
        "importance": "high",
    }  # fmt: skip
    assert servers["off1"]["status"] == "shut-off" and servers["off1"]["service_class"] == ""


def test_help_and_type_come_from_the_descriptions(text: str) -> None:
    found = families(text)
    for metric in SERVER_METRICS:
        name = metric.exported("virtual_server").removesuffix("_total")
        if name in found:
            assert found[name].documentation == metric.described and found[name].type == metric.kind, name
    assert len(found) > 60


def test_any_name_is_a_label(api: ApiHost) -> None:
    odd = 'a "quoted" \\ name, {with} =signs= ü'
    api.group(odd, policy())
    api.cycle()
    assert any(labels_ == (odd,) for _, labels_ in values(api.send("GET", SCRAPE).text))
    line = f"x{labels(name='two' + chr(10) + 'lines').decode()}1.0\n"
    assert next(iter(families(line).values())).samples[0].labels == {"name": "two\nlines"}


def test_it_is_made_once_for_all_who_scrape_a_snapshot(api: ApiHost, text: str) -> None:
    again = api.send("GET", SCRAPE)
    assert again.text == text
    assert api.send("GET", SCRAPE, headers={"If-None-Match": again.headers["etag"]}).status_code == 304
    api.cycle()
    assert api.send("GET", SCRAPE).text != text


@pytest.mark.parametrize("accept", [
    "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2", "text/plain", "text/*",
])  # fmt: skip
def test_it_is_what_prometheus_takes(api: ApiHost, accept: str) -> None:
    assert api.send("GET", SCRAPE, headers={"Accept": accept}).status_code == 200


def test_who_takes_json_alone_is_refused(api: ApiHost) -> None:
    assert api.refused("GET", SCRAPE, headers={"Accept": "application/json"})["http-status"] == 406


@pytest.mark.own_server("at the root of a server, which in Wok is Wok's")
def test_it_is_also_where_prometheus_looks_by_itself(api: ApiHost) -> None:
    answer = api.http.get("/metrics")
    assert answer.status_code == 200 and answer.text == api.send("GET", SCRAPE).text
    assert api.http.post("/metrics", content=b"").status_code == 405


@pytest.mark.own_server("the web front is hpm's own")
def test_through_the_web_front_it_takes_a_login(both: tuple[FrontHost, Any]) -> None:
    front, _ = both
    assert front.http.get("/metrics").status_code == 401
    auth = ("root", PASSWORDS["root"])
    assert front.http.get("/metrics", auth=auth).text.startswith("# HELP hpm_snapshot_timestamp_seconds")
    assert front.http.get("/metricsx", auth=auth).status_code == 404
