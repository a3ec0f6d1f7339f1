"""Programs that were written for an earlier release work with this one: it has all that theirs had."""

from __future__ import annotations

import copy
import functools
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from contrib.release.promises import PROMISES, RELEASES, ROOT, WHOLE, meanings, policy_files, promises
from hpm.version import VERSION

from .compatibility import broken, held, missed

MADE = sorted(one.name for one in RELEASES.iterdir() if one.is_dir())
CHANGES = (ROOT / "CHANGELOG.md").read_text()


@functools.cache
def present() -> dict[str, Any]:
    """What the tree promises."""
    return promises()


def now() -> dict[str, Any]:
    """Its API; to be changed."""
    found: dict[str, Any] = copy.deepcopy(present()["api"])
    return found


@functools.cache
def kept(release: str) -> dict[str, Any]:
    """What it promised."""
    found: dict[str, Any] = json.loads((RELEASES / release / PROMISES).read_text())
    return found


def promised() -> dict[str, Any]:
    """What the tree promises, and a release's policy files mean."""
    return present() | {"policy files": kept(MADE[-1])["policy files"]}


@pytest.mark.parametrize("release", MADE)
def test_what_a_release_promised_is_there(release: str) -> None:
    """Its policy files mean what they meant, too."""
    there = present() | {"policy files": meanings(policy_files(RELEASES / release))}
    assert held(release, VERSION, missed(kept(release), there), CHANGES) == []


def test_every_release_has_written_down_its_promises() -> None:
    assert set(re.findall(r"^## (\d+\.\d+\.\d+)", CHANGES, re.MULTILINE)) <= set(MADE)
    assert MADE and all(policy_files(RELEASES / release) for release in MADE)


def fields(of: dict[str, Any], name: str) -> dict[str, Any]:
    """The properties of a type."""
    found: dict[str, Any] = of["components"]["schemas"][name]["properties"]
    return found


def _no_path(of: dict[str, Any]) -> None:
    del of["paths"]["/virtual-servers"]


def _no_parameter(of: dict[str, Any]) -> None:
    operation = of["paths"]["/virtual-servers"]["get"]
    operation["parameters"] = [one for one in operation["parameters"] if one["name"] != "name"]


def _no_answer_field(of: dict[str, Any]) -> None:
    del fields(of, "ServerDetail")["velocity"]


def _null(of: dict[str, Any]) -> None:
    fields(of, "ServerDetail")["name"] = {"anyOf": [{"type": "string"}, {"type": "null"}]}


def _needed(of: dict[str, Any]) -> None:
    of["components"]["schemas"]["GroupCreate"]["required"].append("description")


def _not_taken(of: dict[str, Any]) -> None:
    del fields(of, "ServerUpdate")["cpu-cap"]


def _narrower(of: dict[str, Any]) -> None:
    fields(of, "SettingsUpdate")["interval-seconds"]["maximum"] = 60


def _no_word(of: dict[str, Any]) -> None:
    fields(of, "ManagementLevelsUpdate")["cpu-mgmt"]["enum"].remove("advise")


def _role(of: dict[str, Any]) -> None:
    of["paths"]["/simulations"]["post"]["x-role"] = "admin"


@pytest.mark.parametrize(("change", "said"), [
    (_no_path, "GET /virtual-servers is gone"),
    (_no_parameter, "GET /virtual-servers does not know the parameter name any more"),
    (_no_answer_field, "ServerDetail: the field velocity is gone"),
    (_null, "ServerDetail: the field name can be null now"),
    (_needed, "GroupCreate: the field description is needed now"),
    (_not_taken, "ServerUpdate: the field cpu-cap is not taken any more"),
    (_narrower, "SettingsUpdate: the field interval-seconds has a narrower maximum now"),
    (_no_word, "ManagementLevelsUpdate: the field cpu-mgmt cannot be 'advise' any more"),
    (_role, "POST /simulations takes the role admin now"),
])  # fmt: skip
def test_what_programs_would_miss_is_found(change: Callable[[dict[str, Any]], None], said: str) -> None:
    after = now()
    change(after)
    assert said in broken(now(), after)


def test_what_is_added_breaks_nothing() -> None:
    before = now()
    for name in ("velocity", "attributes"):
        del fields(before, "ServerDetail")[name]
    del fields(before, "ServerUpdate")["cpu-cap"]
    del before["paths"]["/partitions"]
    assert broken(before, now()) == []


def changed(of: Any, value: object, *where: str) -> Any:
    """The same with another value there; None: without it."""
    name, *rest = where
    if rest:
        return of | {name: changed(of[name], value, *rest)}
    return {key: one for key, one in of.items() if key != name} | ({} if value is None else {name: value})


SETTINGS = ("api", "components", "schemas", "SettingsUpdate", "properties")


@pytest.mark.parametrize(("where", "value", "said"), [
    (("commands", "vs-list"), None, "commands: vs-list is gone"),
    (("commands", "vs-list", "options", "--wrg-name"), None, "commands: vs-list: options: --wrg-name is gone"),
    (("commands", "vs-boost", "options", "--importance", "words", "low"), None,
     "commands: vs-boost: options: --importance: words: low is gone"),
    (("commands", "top", "options", "--sort", "flag"), True,
     "commands: top: options: --sort: flag is True now, and was False"),
    (("commands", "wrg-delete", "needs"), ["--wrg-name", "--to"], "commands: wrg-delete needs --to now"),
    (("commands", "hpm", "options", "--host"), None, "commands: hpm: options: --host is gone"),
    (("exit codes", "no connection"), 2, "exit codes: no connection is 2 now, and was 3"),
    (("metrics", "hypervisor", "cpu-using"), None, "metrics: hypervisor: cpu-using is gone"),
    (("metrics", "groups", "velocity", "kind"), "counter",
     "metrics: groups: velocity: kind is 'counter' now, and was 'gauge'"),
    (("metrics", "virtual servers", "velocity", "unit"), "ratio",
     "metrics: virtual servers: velocity: unit is 'ratio' now, and was '%'"),
    (("Prometheus", "hpm_build_info"), None, "Prometheus: hpm_build_info is gone"),
    (("hpm.conf", "[web] listen"), None, "hpm.conf: [web] listen is gone"),
    ((*SETTINGS, "interval-seconds"), None, "SettingsUpdate: the field interval-seconds is not taken any more"),
    (("policy files", "night-batch.json", "virtual-servers"), None,
     "policy files: night-batch.json: virtual-servers is gone"),
])  # fmt: skip
def test_what_users_would_miss_is_found(where: tuple[str, ...], value: object, said: str) -> None:
    before = promised()
    after = changed(before, value, *where)
    assert missed(before, after) == [said]
    if said.endswith("is gone"):
        assert missed(after, before) == []    # what comes is not missed


def test_a_policy_file_that_means_something_else_is_found() -> None:
    before = promised()
    after = before | {"policy files": copy.deepcopy(before["policy files"])}
    after["policy files"]["every-field.xml"]["workload-resource-groups"][0]["perf-policies"][0]["importance"] = "low"
    (said,) = missed(before, after)
    assert said.endswith("perf-policies[0]: importance is 'low' now, and was 'high'")


def test_the_whole_policy_file_says_everything_in_both_notations() -> None:
    """All fields that the API's document has for it, and of each choice (rules, goals, placements, …) all kinds."""
    types, text = now()["components"]["schemas"], WHOLE.read_text()
    said = set(re.findall(r'"([a-z-]+)"', text))
    waiting, known = ["GroupsFile"], {"GroupsFile"}
    for name in waiting:
        assert set(types[name].get("properties", ())) <= said, name
        refs = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(types[name]))) - known
        waiting += refs
        known |= refs
    assert set(re.findall(r'"const": "([a-z-]+)"', json.dumps([types[name] for name in known]))) <= said
    assert len(known) > 20
    found = promised()["policy files"]
    assert found["every-field.json"] == found["every-field.xml"]


@pytest.mark.parametrize(("release", "version", "said"), [
    ("0.1.0", "0.1.7", False), ("0.1.0", "0.2.0", True), ("1.1.0", "1.2.0", False), ("1.9.0", "2.0.0", True),
])  # fmt: skip
def test_only_another_major_version_may_take_away_and_says_so(release: str, version: str, said: bool) -> None:
    found = ["GET /cpus is gone", "POST /cpus is gone"]
    left = held(release, version, found, "### Changed for programs\n\n- GET /cpus is gone.\n")
    assert left == (found[1:] if said else found)
