"""Policy files: what is written is read again, in both notations, and the schema knows all of it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from importlib import resources
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

import hpm.policy.files
from hpm.errors import InvalidValue, NotFound
from hpm.policy.catalog import Catalog, ServerSettings, empty_catalog
from hpm.policy.classification import And, Filter, Not, Or
from hpm.policy.files import content
from hpm.policy.files.applying import with_group, with_groups, with_policy
from hpm.policy.files.content import FileGroup, FileServer, GroupsFile
from hpm.policy.files.difference import difference
from hpm.policy.files.group_references import in_guest_policy, in_policies, names_of
from hpm.policy.files.notation import Notation, read, write
from hpm.policy.files.places import json_offset, place
from hpm.policy.goals import DiscretionaryGoal, TemporaryGoal, VelocityGoal
from hpm.policy.groups import DEFAULT_GROUP, Activation
from hpm.policy.guest_policies import DiskLimits, EachOnCpus, GuestPolicy, OnCpus, OnNode, Spread
from hpm.policy.policies import PerformancePolicy, ServiceClass
from hpm.policy.schedule import ScheduleEntry
from hpm.policy.start_policies import Dependency, HeartbeatFile, PortAnswers, RunWindow, StartPolicy

from .policy_files import catalogs, policies

NOTATIONS: tuple[Notation, ...] = ("json", "xml")
SCHEMA = etree.RelaxNG(etree.fromstring((resources.files(hpm.policy.files) / "policy-file.rng").read_bytes()))

DB, WEB = "69efbdd8-3715-5a7c-8dcf-76fe2d380a52", "7a11aa52-8f6c-5f1e-9a53-0d7a3f1c2b4e"


def ids() -> Any:
    counter = itertools.count()
    return lambda: f"new-{next(counter)}"


def same(catalog: Catalog) -> Any:
    """What a catalog says, whatever the ids of groups. What is active where there is a schedule is not said: that
    decides."""
    names = names_of(catalog)
    groups = {
        group.name: msgspec.structs.replace(
            group, id="", perf_policies=in_policies(group.perf_policies, names),
            guest_policy=in_guest_policy(group.guest_policy, names, ""),
            **({"active_policy": None} if group.schedule else {}),
        )
        for group in catalog.groups.values()
    }  # fmt: skip
    servers = {
        uuid: msgspec.structs.replace(
            said, group=catalog.groups[said.group].name, guest_policy=in_guest_policy(said.guest_policy, names, "")
        )
        for uuid, said in catalog.servers.items()
    }
    return groups, servers, catalog.partitions


@given(catalogs(), st.sampled_from(NOTATIONS))
@settings(max_examples=80, deadline=None)
def test_a_catalog_is_the_same_after_export_and_import(catalog: Catalog, notation: Notation) -> None:
    text = write(content.of_host(catalog), notation)
    again = with_groups(empty_catalog(), read(text, notation), ids())
    assert same(again) == same(catalog)
    assert write(content.of_host(again), notation) == text
    assert with_groups(again, read(text), ids(), replace=True) is again
    if notation == "xml":
        SCHEMA.assertValid(etree.fromstring(text))


@given(policies(), st.sampled_from(NOTATIONS))
@settings(deadline=None)
def test_a_policy_is_the_same_after_export_and_import(policy: PerformancePolicy, notation: Notation) -> None:
    text = write(policy, notation)
    assert read(text) == policy
    if notation == "xml":
        SCHEMA.assertValid(etree.fromstring(text))


@given(catalogs(), catalogs(), st.booleans())
@settings(max_examples=30, deadline=None)
def test_a_difference_names_what_changed_and_nothing_else(one: Catalog, other: Catalog, replace: bool) -> None:
    after = with_groups(one, content.of_host(other), ids(), replace=replace)
    told = difference(one, after)
    changed = {group.name for group in told.workload_resource_groups if group.change != "unchanged"}
    before, then = ({g.name: g for g in content.of_host(c).workload_resource_groups} for c in (one, after))
    assert changed == {name for name in {**before, **then} if before.get(name) != then.get(name)}
    servers, now = ({s.uuid: s for s in content.of_host(c).virtual_servers} for c in (one, after))
    assert [s.uuid for s in told.virtual_servers] == sorted(
        uuid for uuid in {**servers, **now} if servers.get(uuid) != now.get(uuid)
    )
    partitions, later = one.partitions, after.partitions
    assert [p.path for p in told.partitions] == sorted(
        path for path in {**partitions, **later} if partitions.get(path) != later.get(path)
    )
    assert all(p.fields for p in told.partitions if p.change == "changed")
    if replace:
        assert same(after) == same(other)


def policy(name: str, *more: ServiceClass, importance: Any = "high", description: str = "") -> PerformancePolicy:
    return PerformancePolicy(name, importance, (*more, ServiceClass("rest", DiscretionaryGoal())), description)


def host(*groups: FileGroup, servers: tuple[FileServer, ...] = ()) -> GroupsFile:
    return GroupsFile(groups, servers)


GOLD = FileGroup("Gold", "Orders", "day", (), None, (policy("day"), policy("night", importance="low")), (DB,))


@pytest.fixture
def catalog() -> Catalog:
    """Gold with two policies and one server; Silver with none; said something of both servers."""
    said = (FileServer(DB, cpu_cap=2.0), FileServer(WEB, excluded=True))
    silver = FileGroup("Silver", virtual_servers=(WEB,))
    return with_groups(empty_catalog(), host(GOLD, silver, servers=said), ids())


def test_a_group_of_a_known_name_keeps_its_id_and_is_as_the_file_says(catalog: Catalog) -> None:
    new = FileGroup("Gold", perf_policies=(policy("day", importance="low"),), virtual_servers=(WEB,))
    after = with_groups(catalog, host(new, FileGroup("Bronze")), lambda: "b")
    assert set(after.groups) == {"default", "new-0", "new-1", "b"}
    gold = after.groups["new-0"]
    assert (gold.name, gold.description, gold.active_policy) == ("Gold", "", "day")
    assert [p.importance for p in gold.perf_policies] == ["low"]
    # a server of the file moves there, one that is not in it leaves; what was said of both stays
    assert after.servers[WEB] == ServerSettings("new-0", excluded=True)
    assert after.servers[DB] == ServerSettings(cpu_cap=2.0)
    assert after.generation == catalog.generation + 1
    assert same(catalog)[0]["Gold"].description == "Orders"    # the old one is as it was


def test_what_a_file_does_not_name_stays_unless_all_is_replaced(catalog: Catalog) -> None:
    file = host(FileGroup("Bronze"))
    assert with_groups(catalog, file, lambda: "b").groups.keys() > catalog.groups.keys()
    default = FileGroup("default", "All others", perf_policies=(policy("p"),))
    catalog = with_groups(catalog, host(default), ids())
    after = with_groups(catalog, file, lambda: "b", replace=True)
    assert {group.name for group in after.groups.values()} == {"default", "Bronze"}
    assert after.groups[DEFAULT_GROUP].perf_policies == ()
    assert after.groups[DEFAULT_GROUP].active_policy is None
    assert after.servers == {}


def test_other_settings_of_a_server_survive_an_import(catalog: Catalog) -> None:
    boost = TemporaryGoal("fastest", "2026-11-27T14:00:00.000Z")
    catalog = catalog.with_settings(DB, msgspec.structs.replace(catalog.settings(DB), temporary_goal=boost))
    again = with_groups(catalog, content.of_host(catalog), ids(), replace=True)
    assert again is catalog
    after = with_groups(catalog, host(servers=(FileServer(WEB, excluded=True),)), ids(), replace=True)
    assert after.servers[DB] == ServerSettings(temporary_goal=boost)


def test_the_first_policy_is_active_unless_the_file_says_another_or_none() -> None:
    for active, expected in ((msgspec.UNSET, "day"), ("night", "night"), (None, None)):
        file = host(msgspec.structs.replace(GOLD, active_policy=active))
        assert same(with_groups(empty_catalog(), file, ids()))[0]["Gold"].active_policy == expected


def test_a_schedule_leaves_the_active_policy_alone_and_decides_anew_if_it_changed(catalog: Catalog) -> None:
    entry = ScheduleEntry("night", ("mon",), "22:00", "06:00")
    planned = msgspec.structs.replace(GOLD, active_policy=msgspec.UNSET, schedule=(entry,), otherwise="day")
    gold = with_groups(catalog, host(planned), ids()).groups["new-0"]
    assert (gold.active_policy, gold.scheduled) == ("day", None)
    running = msgspec.structs.replace(gold, active_policy="night", scheduled=Activation("day"))
    catalog = catalog.with_group(running)    # by hand, until the schedule wants another one
    assert with_groups(catalog, host(planned), ids()) is catalog
    assert content.of_host(catalog).workload_resource_groups[0] == planned
    gone = msgspec.structs.replace(planned, perf_policies=(policy("late"),), schedule=(), otherwise=None)
    assert with_groups(catalog, host(gone), ids()).groups["new-0"].active_policy == "late"


def test_a_group_alone(catalog: Catalog) -> None:
    file = content.of_group(catalog, "new-0")
    assert file == host(GOLD, servers=(FileServer(DB, cpu_cap=2.0),))
    assert with_group(catalog, "new-0", file) is catalog
    assert content.of_group(catalog, DEFAULT_GROUP).workload_resource_groups[0].name == "default"
    for wrong in (file, host(GOLD, FileGroup("Silver")), host(servers=(FileServer(DB),))):
        with pytest.raises(InvalidValue, match="the file must hold the group 'Silver' alone, or one policy"):
            with_group(catalog, "new-1", wrong)
    with pytest.raises(NotFound):
        content.of_group(catalog, "new-9")


def test_a_policy_is_added_or_takes_the_place_of_its_namesake(catalog: Catalog) -> None:
    new = policy("day", importance="lowest")
    gold = with_policy(catalog, "new-0", new).groups["new-0"]
    assert [p.name for p in gold.perf_policies] == ["day", "night"] and gold.perf_policies[0] == new
    late = with_policy(catalog, "new-0", policy("late")).groups["new-0"]
    assert [p.name for p in late.perf_policies] == ["day", "night", "late"] and late.active_policy == "day"
    assert with_policy(catalog, "new-1", new).groups["new-1"].active_policy == "day"    # the first one
    full = catalog
    for number in range(62):
        full = with_policy(full, "new-0", policy(f"p{number}"))
    with pytest.raises(InvalidValue, match="perf-policies"):
        with_policy(full, "new-0", policy("one more"))


@pytest.mark.parametrize(("file", "path"), [
    (host(FileGroup("A"), FileGroup("A")), "workload-resource-groups[1].name"),
    (host(FileGroup("Default")), "workload-resource-groups[0].name"),
    (host(FileGroup("A", virtual_servers=(DB, DB))), "workload-resource-groups[0].virtual-servers[1]"),
    (host(FileGroup("A", virtual_servers=(DB,)), FileGroup("B", virtual_servers=(WEB, DB))),
     "workload-resource-groups[1].virtual-servers[1]"),
    (host(servers=(FileServer(DB, cpu_cap=1.0), FileServer(DB))), "virtual-servers[1].uuid"),
    (host(servers=(FileServer(DB, cpu_cap=1.0, cpu_reserve=2.0),)), "virtual-servers[0].cpu-reserve"),
    (host(FileGroup("A", otherwise="x")), "workload-resource-groups[0].otherwise"),
    (host(FileGroup("A", active_policy="x")), "workload-resource-groups[0].active-policy"),
    (host(msgspec.structs.replace(GOLD, schedule=(ScheduleEntry("day", ("mon",), "00:00", "00:00"),))),
     "workload-resource-groups[0].active-policy"),
    (host(FileGroup("A", perf_policies=(policy("a"), policy("a")))),
     "workload-resource-groups[0].perf-policies[1].name"),
    (policy("a", ServiceClass("b", DiscretionaryGoal())), "service-classes[0].classification"),
    (host(FileGroup("A", guest_policy=GuestPolicy(cpu_reserve=2.0, cpu_cap=1.0))),
     "workload-resource-groups[0].guest-policy.cpu-reserve"),
    (host(servers=(FileServer(DB, guest_policy=GuestPolicy(cpu_cap=1.0)),)), "virtual-servers[0].guest-policy.cpu-cap"),
    (host(), ""),
])  # fmt: skip
@pytest.mark.parametrize("notation", NOTATIONS)
def test_what_types_cannot_say_is_checked_in_both_notations(file: Any, path: str, notation: Notation) -> None:
    with pytest.raises(InvalidValue) as caught:
        read(write(file, notation))
    assert caught.value.path == path
    line, column = caught.value.place or (0, 0)
    lines = write(file, notation).decode().splitlines()
    assert lines[line - 1][column - 1] in '"{[<0123456789' + "abcdefghijklmnopqrstuvwxyz"


def test_a_difference_in_words(catalog: Catalog) -> None:
    db = ServiceClass("db", VelocityGoal("fast"), Filter("virtual-server-name", "string-match", "db*"))
    day = policy("day", db, importance="highest")
    after = with_groups(catalog, host(
        FileGroup("Bronze", perf_policies=(policy("base"),), virtual_servers=(WEB,)),
        FileGroup("Gold", "Orders", "late", (), None, (day, policy("late")), (DB,)),
        servers=(FileServer(WEB, cpu_reserve=0.5),),
    ), lambda: "b", replace=True)  # fmt: skip
    assert msgspec.json.decode(msgspec.json.encode(difference(catalog, after))) == {
        "workload-resource-groups": [
            {"name": "Bronze", "change": "created", "servers-added": [WEB], "servers-removed": [],
             "fields": [{"field": "active-policy", "before": None, "after": "base"}],
             "perf-policies": [{"name": "base", "change": "created", "fields": [], "service-classes": []}]},
            {"name": "Gold", "change": "changed", "servers-added": [], "servers-removed": [],
             "fields": [{"field": "active-policy", "before": "day", "after": "late"}],
             "perf-policies": [
                {"name": "day", "change": "changed",
                 "fields": [{"field": "importance", "before": "high", "after": "highest"}],
                 "service-classes": [{"name": "db", "change": "created", "fields": [
                     {"field": "goal", "before": None, "after": "velocity fast"},
                     {"field": "classification", "before": None, "after": "name = db*"},
                 ]}]},
                {"name": "late", "change": "created", "fields": [], "service-classes": []},
                {"name": "night", "change": "deleted", "fields": [], "service-classes": []},
             ]},
            {"name": "Silver", "change": "deleted", "fields": [], "perf-policies": [],
             "servers-added": [], "servers-removed": [WEB]},
            {"name": "default", "change": "unchanged", "fields": [], "perf-policies": [], "servers-added": [],
             "servers-removed": []},
        ],
        "virtual-servers": [
            {"uuid": DB, "fields": [{"field": "cpu-cap", "before": "2", "after": None}]},
            {"uuid": WEB, "fields": [{"field": "excluded", "before": "true", "after": None},
                                     {"field": "cpu-reserve", "before": None, "after": "0.5"}]},
        ],
        "partitions": [],
    }  # fmt: skip


def test_groups_that_others_depend_on_stand_in_a_file_by_name() -> None:
    needs = GuestPolicy(start=StartPolicy(depends_on=(Dependency(None, "Silver"),)))
    file = host(FileGroup("Gold", guest_policy=needs), FileGroup("Silver"))
    made = with_groups(empty_catalog(), file, ids())
    (group,) = (one for one in made.groups.values() if one.name == "Gold")
    assert made.groups[group.guest_policy.start.depends_on[0].workload_resource_group].name == "Silver"
    assert content.of_host(made).workload_resource_groups[0].guest_policy == needs
    told = difference(made, with_groups(made, host(FileGroup("Gold")), ids()))
    (field,) = told.workload_resource_groups[0].fields
    assert (field.field, field.after) == ("guest-policy.start", None) and "after group Silver" in str(field.before)
    with pytest.raises(InvalidValue, match="no group named 'Silver'") as caught:
        with_groups(empty_catalog(), host(FileGroup("Gold", guest_policy=needs)), ids())
    path = "workload-resource-groups[0].guest-policy.start.depends-on[0].workload-resource-group"
    assert caught.value.path == path


def test_equal_files_have_equal_texts_and_small_things_stand_on_one_line() -> None:
    file = host(msgspec.structs.replace(GOLD, perf_policies=(policy("day"),)), servers=(FileServer(DB, True),))
    assert write(file, "json").decode() == JSON
    assert write(file, "xml").decode() == XML


JSON = """\
{
  "workload-resource-groups": [
    {
      "name": "Gold",
      "description": "Orders",
      "active-policy": "day",
      "perf-policies": [
        {
          "name": "day",
          "importance": "high",
          "service-classes": [
            {
              "name": "rest",
              "goal": {"type": "discretionary"}
            }
          ]
        }
      ],
      "virtual-servers": [
        "69efbdd8-3715-5a7c-8dcf-76fe2d380a52"
      ]
    }
  ],
  "virtual-servers": [
    {"uuid": "69efbdd8-3715-5a7c-8dcf-76fe2d380a52", "excluded": true}
  ]
}
"""

XML = """\
<?xml version="1.0" encoding="UTF-8"?>
<policy-file>
  <workload-resource-group name="Gold" active-policy="day">
    <description>Orders</description>
    <perf-policy name="day" importance="high">
      <service-class name="rest">
        <goal type="discretionary"/>
      </service-class>
    </perf-policy>
    <virtual-server uuid="69efbdd8-3715-5a7c-8dcf-76fe2d380a52"/>
  </workload-resource-group>
  <virtual-server uuid="69efbdd8-3715-5a7c-8dcf-76fe2d380a52" excluded="true"/>
</policy-file>
"""


def paths(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """All values in a value, with their paths."""
    yield path, value
    if isinstance(value, dict):
        for name, part in value.items():
            yield from paths(part, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from paths(part, f"{path}[{index}]")


@given(catalogs(), st.data())
@settings(max_examples=40, deadline=None)
def test_the_place_of_a_path_is_where_its_value_stands(catalog: Catalog, data: st.DataObject) -> None:
    text = write(content.of_host(catalog), "json")
    if data.draw(st.booleans()):
        text = json.dumps(json.loads(text), separators=(",", ":")).encode()
    path, value = data.draw(st.sampled_from(list(paths(json.loads(text)))))
    at = json_offset(text, path)
    assert json.JSONDecoder().raw_decode(text[at:].decode())[0] == value
    line, column = place(text, at)
    assert text.decode().split("\n")[line - 1][column - 1 :].encode() == text[at:].split(b"\n")[0]
    if path and not path.endswith("]"):
        at = json_offset(text, path, name=1)
        assert json.JSONDecoder().raw_decode(text[at:].decode())[0] == path.rpartition(".")[2]
    missing = json_offset(text, f"{path}.x" if path else "x")
    assert json.JSONDecoder().raw_decode(text[missing:].decode())[0] == value


VALUES = [
    "", " ", "x", "a/b", "0", "100", "07", " 7 ", "2.", "fast", "discretionary", "velocity", "true", "mon",
    "mon\u3000tue", "24:00", "é", "\u3000", "A" * 36,
]  # fmt: skip


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_what_the_schema_refuses_hpm_refuses_too(data: st.DataObject) -> None:
    """hpm checks more than the schema, but nothing less: an editor's red line is never wrong."""
    root = etree.fromstring(write(RICH, "xml"))
    for _ in range(data.draw(st.integers(1, 2))):
        element = data.draw(st.sampled_from(list(root.iter("*"))))
        change = data.draw(st.sampled_from(["remove", "twice", "rename", "text", "attribute", "value", "drop"]))
        parent = element.getparent()
        if change == "rename":
            element.tag = data.draw(st.sampled_from(["filter", "and", "goal", "virtual-server", "perf-policy", "x"]))
        elif change == "text":
            element.text = data.draw(st.sampled_from(["x", "x" * 2000]))
        elif change == "attribute":
            element.set(data.draw(st.sampled_from(["name", "uuid", "x", "excluded", "cpu-cap", "otherwise"])), "x")
        elif change in ("value", "drop") and element.attrib:
            name = data.draw(st.sampled_from(sorted(map(str, element.attrib))))
            if change == "drop":
                del element.attrib[name]
            else:
                element.set(name, data.draw(st.sampled_from([*VALUES, "a" * 65, "a" * 300])))
        elif parent is not None and change == "remove":
            parent.remove(element)
        elif parent is not None and change == "twice":
            parent.append(etree.fromstring(etree.tostring(element)))
    text = etree.tostring(root, encoding="utf-8")
    try:
        read(text)
    except InvalidValue:
        return
    assert SCHEMA.validate(etree.fromstring(text)), text.decode()


RICH = GroupsFile(
    (
        FileGroup("Gold", "Orders", msgspec.UNSET, (ScheduleEntry("day", ("mon", "tue"), "08:00", "18:00"),), "night", (
            PerformancePolicy("day", "high", (
                ServiceClass("db", VelocityGoal("fast"), And((
                    Filter("os-type", "string-match", "linux"),
                    Not(Or((Filter("title", "string-not-match", "x"), Filter("metadata", "string-match", "y")))),
                )), "low", "first", GuestPolicy(OnNode(1, True), cpu_reserve=0.5, start=StartPolicy(PortAnswers(80)))),
                ServiceClass("rest", DiscretionaryGoal(), guest_policy=GuestPolicy(Spread(), huge_pages="none")),
            ), "by day"),
            PerformancePolicy("night", "low", (ServiceClass("rest", VelocityGoal(7)),)),
        ), (DB, WEB), guest_policy=GuestPolicy(
            OnCpus("0-3,8"), "0", cpu_weight=200, blkio_weight=500, page_sharing=False, drift="report",
            disk_limits={"*": DiskLimits(total_iops_sec=100), "vda": DiskLimits(read_bytes_sec=1 << 40)},
        )),
        FileGroup("default", active_policy=None, perf_policies=(policy("p"),)),
    ),
    (
        FileServer(DB, True, 0.5, 2.0, {"os-type": "linux", "title": "t"}, guest_policy=GuestPolicy(
            EachOnCpus(("0", "1-2")), memory_swap_limit_mib=4096, start=StartPolicy(
                HeartbeatFile("/run/alive", 30), (Dependency(WEB), Dependency(None, "Gold", "stop")), "wait", 60, True,
                (RunWindow(("mon", "tue"), "08:00", "18:00"),), "suspend",
            ),
        )),
    ),
)  # fmt: skip


@pytest.mark.parametrize("padding", [b" ", b"<!-- <a -->", "<!-- é -->".encode(), b"<?a b?>"])
def test_a_text_may_be_long_and_its_comments_too(padding: bytes) -> None:
    """However the pieces fall in which it is read."""
    group = b"<workload-resource-group name='A'><description>x &lt; \xc3\xa9</description></workload-resource-group>"
    wanted = read(b"<policy-file>" + group + b"</policy-file>")
    for length in range(65_400, 65_540, 7):
        long = b"<!--" + b"-<" * length + b"x-->"
        filling = padding * (length // len(padding)) + b" " * (length % len(padding))
        assert read(b"<policy-file>" + filling + group + filling + long + b"</policy-file>") == wanted
    with pytest.raises(InvalidValue, match=r"line 2, column 3: .*65536"):
        read(b"<policy-file>" + long + b"\n  <a " + b"b='' " * 50_000 + b"/></policy-file>")
