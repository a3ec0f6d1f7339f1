"""The files in examples/ are right, and do on a host what they say."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from hpm.policy.files.content import GroupsFile
from hpm.policy.files.notation import MEDIA_TYPES, notation_of, read
from hpm.policy.policies import PerformancePolicy

from .api_host import GROUPS, SERVERS, ApiHost
from .test_policy_files import SCHEMA

EXAMPLES = Path(__file__).parents[2] / "examples"
FILES = sorted(file for file in EXAMPLES.iterdir() if file.suffix in (".json", ".xml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_an_example_is_right_and_can_be_imported(api: ApiHost, file: Path) -> None:
    data = file.read_bytes()
    content = read(data)
    assert notation_of(data) == file.suffix[1:]
    assert f"({file.name})" in (EXAMPLES / "README.md").read_text()
    if notation_of(data) == "xml":
        SCHEMA.assertValid(etree.fromstring(data))
    path = f"{GROUPS}/import"
    if isinstance(content, PerformancePolicy):
        path = f"{GROUPS}/{api.group('Shop', servers=('db1', 'web1'))}/import"
    response = api.send("POST", path, content=data, headers={"Content-Type": MEDIA_TYPES[notation_of(data)]})
    assert response.status_code == 200, response.text
    assert response.json()["changed"] is True
    groups = {group["name"]: group for group in api.get(f"{GROUPS}/detail")["workload-resource-groups"]}
    if isinstance(content, GroupsFile):
        for group in content.workload_resource_groups:
            assert groups[group.name]["active-policy"] in [policy.name for policy in group.perf_policies]
    else:
        assert groups["Shop"]["active-policy"] == content.name


def server(api: ApiHost, name: str) -> Any:
    (found,) = [s for s in api.get(f"{SERVERS}/detail")["virtual-servers"] if s["name"] == name]
    return found


def take(api: ApiHost, name: str, path: str = f"{GROUPS}/import") -> None:
    response = api.send("POST", path, content=(EXAMPLES / name).read_bytes())
    assert response.status_code == 200, response.text


def test_the_database_of_the_example_comes_first(api: ApiHost) -> None:
    take(api, "critical-database.xml", f"{GROUPS}/{api.group('Shop', servers=('db1', 'web1'))}/import")
    assert (server(api, "db1")["service-class"], server(api, "db1")["importance"]) == ("database", "highest")
    assert (server(api, "web1")["service-class"], server(api, "web1")["importance"]) == ("rest", "medium")


def test_gold_comes_before_silver_and_bronze_and_all_others_behind_them(api: ApiHost) -> None:
    take(api, "gold-silver-bronze.xml")
    groups = {group["name"]: group["importance"] for group in api.get(GROUPS)["workload-resource-groups"]}
    assert groups == {"Gold": "highest", "Silver": "medium", "Bronze": "low", "default": "lowest"}
    assert server(api, "db2")["goal"] == {"type": "discretionary"}


def test_batch_is_scheduled(api: ApiHost) -> None:
    take(api, "night-batch.json")
    (batch,) = [g for g in api.get(f"{GROUPS}/detail")["workload-resource-groups"] if g["name"] == "Batch"]
    assert batch["otherwise"] == "day" and len(batch["schedule"]) == 2
    assert batch["active-policy"] in ("day", "night")


def test_both_notations_have_an_example_and_the_document_shows_right_files() -> None:
    assert {file.suffix for file in FILES} == {".json", ".xml"}
    text = (EXAMPLES.parent / "docs/policy-files.md").read_text()
    (json_text,) = re.findall(r"^```json\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    (xml_text,) = re.findall(r"^```xml\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert read(json_text.encode()) == read(xml_text.encode())
