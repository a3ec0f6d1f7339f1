"""Policy files through the running API: export, import, and what is refused without a trace."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import httpx
import pytest

from hpm.backend.simulated import uuid_of
from hpm.control.route import MAX_BODY
from hpm.errors import InvalidValue
from hpm.policy.files.content import MAX_SIZE
from hpm.policy.files.notation import Notation, read, write
from tests.yardstick import least_cpu

from .api_host import GROUPS, NOBODY, SERVERS, ApiHost, policy, running, whole_error
from .policy_files import large

EXPORT, IMPORT = f"{GROUPS}/export", f"{GROUPS}/import"
TYPES: dict[Notation, str] = {"json": "application/json", "xml": "application/xml"}
NOTATIONS: tuple[Notation, ...] = ("json", "xml")

DB = uuid_of("db1")


def exported(api: ApiHost, notation: Notation = "json", path: str = EXPORT) -> bytes:
    response = api.send("GET", f"{path}?format={notation}")
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == TYPES[notation]
    return response.content


def send(api: ApiHost, data: bytes, notation: Notation = "json", path: str = IMPORT, **headers: str) -> httpx.Response:
    return api.send("POST", path, content=data, headers={"Content-Type": TYPES[notation], **headers})


def taken(api: ApiHost, data: bytes, notation: Notation = "json", path: str = IMPORT) -> Any:
    response = send(api, data, notation, path)
    assert response.status_code == 200, response.text
    return response.json()


def gold(api: ApiHost) -> str:
    """The id of a group with a policy and a server; something was said of another one."""
    made = api.group("Gold", policy(), servers=("db1",))
    api.post(f"{SERVERS}/{uuid_of('web1')}", {"cpu-cap": 2})
    return made


@pytest.mark.parametrize("notation", NOTATIONS)
def test_what_was_exported_comes_back_by_import(api: ApiHost, notation: Notation) -> None:
    id_ = gold(api)
    before, text = api.get(f"{GROUPS}/{id_}"), exported(api, notation)
    assert id_.encode() not in text and DB.encode() in text
    assert taken(api, text, notation)["changed"] is False
    api.reset()
    told = taken(api, text, notation)
    assert (told["dry-run"], told["changed"]) == (False, True)
    assert {g["name"]: g["change"] for g in told["workload-resource-groups"]} == {
        "Gold": "created", "default": "unchanged",
    }  # fmt: skip
    assert exported(api, notation) == text
    (after,) = [g for g in api.get(f"{GROUPS}/detail")["workload-resource-groups"] if g["name"] == "Gold"]
    new_id = after["object-id"]
    assert new_id != id_
    assert {**after, "object-id": "", "object-uri": ""} == {**before, "object-id": "", "object-uri": ""}
    assert api.get(f"{SERVERS}/{uuid_of('web1')}")["cpu-cap"] == 2


def test_a_dry_run_tells_all_and_does_nothing(api: ApiHost) -> None:
    gold(api)
    before = api.state()
    new = {"workload-resource-groups": [{"name": "Silver", "virtual-servers": [DB]}]}
    told = api.post(f"{IMPORT}?dry-run=true&replace=true", new)
    assert told["dry-run"] is True and told["changed"] is True
    assert {g["name"]: g["change"] for g in told["workload-resource-groups"]} == {
        "Silver": "created", "Gold": "deleted", "default": "unchanged",
    }  # fmt: skip
    assert api.state() == before
    assert {g["name"] for g in api.get(GROUPS)["workload-resource-groups"]} == {"Gold", "default"}
    done = api.post(f"{IMPORT}?replace=true", new)
    assert {**done, "dry-run": True} == told
    assert {g["name"] for g in api.get(GROUPS)["workload-resource-groups"]} == {"Silver", "default"}
    assert api.get(f"{SERVERS}/{DB}")["workload-resource-group"].endswith(
        next(g["object-id"] for g in api.get(GROUPS)["workload-resource-groups"] if g["name"] == "Silver")
    )


def test_a_changed_policy_is_told_class_by_class_and_field_by_field(api: ApiHost) -> None:
    gold(api)
    file = api.get(EXPORT)
    group = next(g for g in file["workload-resource-groups"] if g["name"] == "Gold")
    wished = group["perf-policies"][0]
    wished["importance"] = "lowest"
    wished["service-classes"][0]["goal"]["velocity"] = 33
    told = next(g for g in api.post(f"{IMPORT}?dry-run=true", file)["workload-resource-groups"] if g["name"] == "Gold")
    (changed,) = told["perf-policies"]
    assert changed["name"] == wished["name"] and changed["change"] == "changed"
    assert [(f["field"], f["after"]) for f in changed["fields"]] == [("importance", "lowest")]
    (one,) = changed["service-classes"]
    assert (one["name"], one["change"]) == (wished["service-classes"][0]["name"], "changed")
    assert [(f["field"], f["after"]) for f in one["fields"]] == [("goal", "velocity 33")]


def test_what_was_exported_of_a_group_says_what_it_may_replace(api: ApiHost) -> None:
    gold(api)
    one = next(g for g in api.get(GROUPS)["workload-resource-groups"] if g["name"] == "Gold")["object-uri"]
    exported = api.send("GET", f"{one}/export")
    for tag in (exported.headers["etag"], api.send("GET", one).headers["etag"]):
        api.post(f"{one}/import?dry-run=true", exported.json(), headers={"If-Match": tag})
    api.post(one, {"description": "changed by somebody else"})
    later = api.send("POST", f"{one}/import", exported.json(), headers={"If-Match": exported.headers["etag"]})
    assert later.status_code == 412


@pytest.mark.parametrize("notation", NOTATIONS)
def test_one_group_and_one_policy(api: ApiHost, notation: Notation) -> None:
    id_ = gold(api)
    group = exported(api, notation, f"{GROUPS}/{id_}/export")
    content: Any = read(group)
    assert [g.name for g in content.workload_resource_groups] == ["Gold"]
    one = api.send("GET", f"{GROUPS}/{id_}/export?format={notation}&policy=weekday")
    assert one.headers["content-disposition"] == f'attachment; filename="Gold-weekday.{notation}"'
    assert json.loads(write(read(one.content), "json")) == policy()
    api.post(f"{GROUPS}/{id_}", {"perf-policies": [policy("night")], "description": "x"})
    told = taken(api, one.content, notation, f"{GROUPS}/{id_}/import")
    (gold_told, _) = told["workload-resource-groups"]
    assert [(p["name"], p["change"]) for p in gold_told["perf-policies"]] == [("weekday", "created")]
    assert [p["name"] for p in api.get(f"{GROUPS}/{id_}")["perf-policies"]] == ["night", "weekday"]
    taken(api, group, notation, f"{GROUPS}/{id_}/import")
    assert exported(api, notation, f"{GROUPS}/{id_}/export") == group
    error = api.refused("POST", f"{GROUPS}/default/import", content=group)
    assert (error["http-status"], error["error-details"]["line"]) == (400, {"json": 4, "xml": 3}[notation])
    assert api.refused("POST", f"{GROUPS}/{NOBODY}/import", content=group)["http-status"] == 404
    assert api.refused("GET", f"{GROUPS}/{NOBODY}/export")["http-status"] == 404
    assert api.refused("GET", f"{GROUPS}/{id_}/export?policy=nix")["http-status"] == 404
    assert "into a group" in api.refused("POST", IMPORT, content=one.content)["message"]


def test_what_accept_and_format_say(api: ApiHost) -> None:
    def kind(path: str, accept: str) -> Any:
        response = api.send("GET", path, headers={"Accept": accept})
        return response.headers["content-type"] if response.status_code == 200 else response.status_code

    assert kind(EXPORT, "*/*") == "application/json"
    assert kind(EXPORT, "application/xml") == "application/xml"
    assert kind(EXPORT, "application/json, application/xml") == "application/json"
    assert kind(f"{EXPORT}?format=xml", "*/*") == "application/xml"
    assert kind(f"{EXPORT}?format=xml", "application/*") == "application/xml"
    assert kind(f"{EXPORT}?format=xml", "application/json") == 406
    assert kind(EXPORT, "text/html") == 406
    assert kind(f"{EXPORT}?format=yaml", "*/*") == 400
    assert kind(GROUPS, "application/xml") == 406    # only files are written as XML


def test_media_types_of_a_file(api: ApiHost) -> None:
    text = exported(api, "xml")
    for kind in ("application/xml", "text/xml", "Text/XML; charset=utf-8"):
        assert api.send("POST", IMPORT, content=text, headers={"Content-Type": kind}).status_code == 200
    assert api.send("POST", IMPORT, content=text).status_code == 200    # it is what it seems to be
    assert api.refused("POST", IMPORT, content=text, headers={"Content-Type": "application/json"})["reason"] == 9
    assert api.refused("POST", IMPORT, content=text, headers={"Content-Type": "text/plain"})["http-status"] == 415
    assert api.refused("POST", GROUPS, content=text, headers={"Content-Type": "text/xml"})["http-status"] == 415
    assert api.refused("POST", IMPORT)["reason"] == 3


def test_a_change_by_somebody_else_is_not_lost(api: ApiHost) -> None:
    id_ = gold(api)
    first = api.send("GET", f"{EXPORT}?format=xml")
    tag = first.headers["etag"]
    assert api.send("GET", f"{EXPORT}?format=xml", headers={"If-None-Match": tag}).status_code == 304
    assert send(api, first.content, "xml", **{"If-Match": tag}).status_code == 200
    api.post(f"{GROUPS}/{id_}", {"description": "changed"})
    assert send(api, first.content, "xml", **{"If-Match": tag}).status_code == 412
    assert send(api, first.content, "xml", f"{IMPORT}?dry-run=true", **{"If-Match": tag}).status_code == 412
    assert api.get(f"{GROUPS}/{id_}")["description"] == "changed"
    group = api.send("GET", f"{GROUPS}/{id_}").headers["etag"]
    path = f"{GROUPS}/{id_}/import"
    assert send(api, json.dumps(policy()).encode(), "json", path, **{"If-Match": '"x"'}).status_code == 412
    assert send(api, json.dumps(policy()).encode(), "json", path, **{"If-Match": group}).status_code == 200


def test_an_error_says_line_column_path_and_what_would_be_right(api: ApiHost) -> None:
    gold(api)
    for notation, wrong in (("json", b'"velocity": "fats"'), ("xml", b'velocity="fats"')):
        text = exported(api, notation)    # type: ignore[arg-type]
        bad = text.replace(wrong.replace(b"fats", b"fast"), wrong)
        error = whole_error(send(api, bad, notation), "POST")    # type: ignore[arg-type]
        line = bad[: bad.index(b"fats")].count(b"\n") + 1
        path = "workload-resource-groups[0].perf-policies[0].service-classes[0].goal.velocity"
        assert error["error-details"]["line"] == line and error["error-details"]["path"] == path
        assert error["message"].startswith(f"line {line}, column ")
        assert path in error["message"] and "fastest" in error["message"]


# -- bad input

GROUP = b'{"workload-resource-groups": [{"name": "A"%s}]}'
XML = b'<policy-file><workload-resource-group name="A"%s/></policy-file>'
ENTITY = b'<!DOCTYPE policy-file [<!ENTITY a SYSTEM "file:///etc/passwd">]>\n'
LAUGHS = b'<!DOCTYPE lolz [<!ENTITY l0 "lol">%s]>\n' % b"".join(
    b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 10)
)
DEEP = b'{"type":"not","rule":'
ATTRIBUTES = b"<a b='>' " + b" ".join(b'a%d="1"' % n for n in range(200_000)) + b"/>"
BAD: dict[str, bytes] = {
    "xxe": ENTITY + b"<policy-file><workload-resource-group name='A'><description>&a;</description>"
           b"</workload-resource-group></policy-file>",
    "external-dtd": b'<!DOCTYPE policy-file SYSTEM "http://127.0.0.1:9/x.dtd">\n' + XML % b"",
    "parameter-entity": b'<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x"> %p;]>\n' + XML % b"",
    "billion-laughs": LAUGHS + b"<policy-file><workload-resource-group name='&l9;'/></policy-file>",
    "quadratic": b'<!DOCTYPE a [<!ENTITY b "%s">]>\n<policy-file>%s</policy-file>' % (b"b" * 50000, b"&b;" * 5000),
    "deep-json": b"[" * 500_000,
    "deep-objects": b'{"workload-resource-groups":' * 30_000,
    "deep-rule": b'{"name":"a","importance":"high","service-classes":[{"name":"b","goal":{"type":"discretionary"},'
                 b'"classification":' + DEEP * 20_000,
    "deep-xml": b"<policy-file>" + b"<workload-resource-group name='a'>" * 20_000,
    "deep-rule-xml": b"<perf-policy name='a' importance='high'><service-class name='b'><classification>"
                     + b"<not>" * 100_000,
    "many-json": b'{"workload-resource-groups": [' + b"{}," * 300_000,
    "many-xml": b"<policy-file>" + b"<workload-resource-group/>" * 40_000,
    "unknown-xml": b"<policy-file>" + b"<a/>" * 200_000,
    "50-mb-json": b'{"workload-resource-groups": [' + b" " * 50_000_000 + b"]}",
    "50-mb-xml": b"<policy-file>" + b" " * 50_000_000 + b"</policy-file>",
    "utf-16": (GROUP % b"").decode().encode("utf-16"),
    "utf-16-le": (GROUP % b"").decode().encode("utf-16-le"),
    "utf-16-xml": b"\xff\xfe" + (XML % b"").decode().encode("utf-16-le"),
    "utf-32": (GROUP % b"").decode().encode("utf-32"),
    "latin-1": GROUP.replace(b'"A"', b'"\xe9"') % b"",
    "latin-1-xml": b'<?xml version="1.0" encoding="latin-1"?>\n' + XML % b"",
    "latin-1-bytes-xml": XML.replace(b'"A"', b'"\xe9"') % b"",
    "utf-7-xml": b'<?xml version="1.0" encoding="utf-7"?>\n' + XML % b"",
    "bom": b"\xef\xbb\xbf" + GROUP % b"",
    "bom-xml": b"\xef\xbb\xbf" + XML % b"",
    "twice": GROUP % b', "description": "", "description": ""',
    "twice-xml": XML % b' active-policy="" active-policy=""',
    "nan": b'{"virtual-servers": [{"uuid": "69efbdd8-3715-5a7c-8dcf-76fe2d380a52", "cpu-cap": NaN}]}',
    "infinity": b'{"virtual-servers": [{"uuid": "69efbdd8-3715-5a7c-8dcf-76fe2d380a52", "cpu-cap": 1e999}]}',
    "nan-xml": b'<policy-file><virtual-server uuid="69efbdd8-3715-5a7c-8dcf-76fe2d380a52" cpu-cap="NaN"/>'
               b"</policy-file>",
    "huge-integer": b'{"virtual-servers": [{"uuid": "69efbdd8-3715-5a7c-8dcf-76fe2d380a52", "cpu-cap": %s}]}'
                    % (b"9" * 500_000),
    "huge-integer-xml": b'<policy-file><virtual-server uuid="69efbdd8-3715-5a7c-8dcf-76fe2d380a52" cpu-cap="%s"/>'
                        b"</policy-file>" % (b"9" * 500_000),
    "nul": GROUP.replace(b'"A"', b'"A\x00"') % b"",
    "nul-escaped": GROUP.replace(b'"A"', b'"A\\u0000"') % b"",
    "nul-xml": XML.replace(b'"A"', b'"A\x00"') % b"",
    "nul-reference-xml": XML.replace(b'"A"', b'"A&#0;"') % b"",
    "control": GROUP.replace(b'"A"', b'"A\\u0007"') % b"",
    "escape-xml": XML.replace(b'"A"', b'"A&#27;"') % b"",
    "control-c1-xml": XML.replace(b'"A"', b'"A&#155;"') % b"",
    "newline-in-name-xml": XML.replace(b'"A"', b'"A&#10;B"') % b"",
    "lone-surrogate": GROUP.replace(b'"A"', b'"A\\ud800"') % b"",
    "lone-surrogate-bytes": GROUP.replace(b'"A"', b'"A\xed\xa0\x80"') % b"",
    "lone-surrogate-xml": XML.replace(b'"A"', b'"A&#xD800;"') % b"",
    "noncharacter": GROUP.replace(b'"A"', '"A\ufffe"'.encode()) % b"",
    "noncharacter-xml": XML.replace(b'"A"', b'"A&#xFFFE;"') % b"",
    "namespace-xml": XML % b' xmlns="urn:a"',
    "two-roots-xml": XML % b"" + XML % b"",
    "long-text": GROUP.replace(b'"A"', b'"%s"' % (b"a\\n" * 300_000)) % b"",
    "long-text-xml": XML.replace(b'"A"', b'"%s"' % (b"a&amp;" * 150_000)) % b"",
    "many-fields": b'{"virtual-servers": [], ' + b'"b": [[]], ' * 70_000 + b'"c": 1}',
    "attributes-xml": b"<policy-file>" + ATTRIBUTES,
    "attributes-of-root-xml": ATTRIBUTES,
    "attributes-after-comment-xml": b"<!--" + b"<" * 100_000 + b"--><policy-file>" + ATTRIBUTES,
    "long-value-xml": XML % (b" x='%s'" % (b">" * 2_000_000)),
    "long-name-xml": b"<policy-file></" + b"a" * 2_000_000,
    "long-reference-xml": b"<policy-file>&" + b"a" * 2_000_000,
    "long-doctype-xml": b'<!DOCTYPE a SYSTEM "' + b"a" * 2_000_000,
    "long-comment-xml": b"<policy-file><!--" + b"a" * 1_000_000 + b"--><a/>",
    "long-text-of-brackets-xml": b"<perf-policy name='A' importance='high'><description><![CDATA[" + b"]" * 2_000_000,
    "long-text-of-returns-xml": b"<policy-file>" + b"\r" * 2_000_000 + b"<a/>",
    "cut-xml": (XML % b"")[:-3],
    "nothing": b" ",
    "cdata-and-text-xml": b"<policy-file><![CDATA[x]]></policy-file>",
}  # fmt: skip


@pytest.fixture(scope="module")
def warm() -> None:
    """What is imported and compiled once is not part of a refusal."""
    for text in (GROUP % b"", XML % b"", b"{", b"<"):
        with suppress(InvalidValue):
            read(text)


def cost(refuse: Callable[[], None]) -> tuple[float, int]:
    """Seconds of CPU, client included, and bytes of memory at the highest."""
    seconds, _ = least_cpu(refuse, 0.05)
    tracemalloc.start()
    try:
        refuse()
        return seconds, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", BAD)
@pytest.mark.usefixtures("warm")
def test_bad_input_is_refused_at_once_by_the_reader(name: str) -> None:
    def refuse() -> None:
        with pytest.raises(InvalidValue):
            read(BAD[name])

    seconds, memory = cost(refuse)
    assert seconds < 0.05
    assert memory < 5_000_000


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_refused_at_once_by_the_api_and_leaves_no_trace(api: ApiHost, name: str) -> None:
    gold(api)
    before, data = api.state(), BAD[name]

    def refuse() -> None:
        if len(data) > MAX_SIZE:    # the answer comes for the headers
            head = f"POST /zhpm/wsapi/v1{IMPORT} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data)}\r\n\r\n"
            assert int(api.raw(head.encode(), end=False).split()[1]) == 413
        else:
            assert api.send("POST", IMPORT, content=data).status_code == 400

    seconds, memory = cost(refuse)
    assert seconds < 0.05
    assert memory < 10_000_000
    assert api.state() == before


@pytest.mark.parametrize("name", ["数据库", "Ελλάδα", "قاعدة", "मिशन", "🗄 DB", "a" * 64, "naïve é", "&<>\"'"])
@pytest.mark.parametrize("notation", NOTATIONS)
def test_names_in_any_script_are_taken(api: ApiHost, name: str, notation: Notation) -> None:
    api.group(name)
    text = exported(api, notation)
    api.reset()
    taken(api, text, notation)
    assert exported(api, notation) == text
    assert name in [g["name"] for g in api.get(GROUPS)["workload-resource-groups"]]


def test_only_an_import_takes_more_than_a_megabyte_and_only_if_it_says_how_much(api: ApiHost) -> None:
    text = (GROUP % b"")[:-1] + b" " * (2 * MAX_BODY) + b"}"
    assert api.send("POST", IMPORT, content=text).status_code == 200
    assert api.refused("POST", IMPORT, content=iter([text]))["http-status"] == 413
    assert api.refused("POST", GROUPS, content=text)["http-status"] == 413
    over = api.refused("POST", IMPORT, content=b" " * (MAX_SIZE + 1))
    assert over["http-status"] == 413 and str(MAX_SIZE) in over["message"]


# -- a large host


@pytest.fixture(scope="module")
def two() -> Iterator[tuple[ApiHost, ApiHost]]:
    """A host of 200 groups with 5 policies each, and an empty one."""
    with running() as one, running() as other:
        taken(one, write(large(), "json"))
        yield one, other


@pytest.mark.parametrize("notation", NOTATIONS)
def test_a_host_of_200_groups_is_the_same_on_an_empty_host(two: tuple[ApiHost, ApiHost], notation: Notation) -> None:
    one, other = two
    other.reset()
    text = exported(one, notation)
    assert len(one.get(GROUPS)["workload-resource-groups"]) == 201
    told = taken(other, text, notation)
    assert [g["change"] for g in told["workload-resource-groups"]] == ["created"] * 200 + ["unchanged"]
    assert exported(other, notation) == text
    assert exported(other, "json") == exported(one, "json")
    assert taken(other, text, notation, f"{IMPORT}?replace=true")["changed"] is False


@pytest.mark.parametrize("notation", NOTATIONS)
def test_one_error_on_the_last_line_changes_nothing_and_names_the_line(
    two: tuple[ApiHost, ApiHost], notation: Notation
) -> None:
    one, other = two
    other.reset()
    lines = exported(one, notation).splitlines()
    at = max(n for n, line in enumerate(lines) if b"cpu-cap" in line)
    bad = [*lines[:at], b" ".join(lines[at:]).replace(b"2.5", b"5000", 1)]
    before = other.state()
    error = whole_error(send(other, b"\n".join(bad) + b"\n", notation), "POST")
    assert error["http-status"] == 400
    assert error["error-details"]["line"] == len(bad) > 30_000
    assert f"line {len(bad)}, column" in error["message"] and "cpu-cap" in error["message"]
    cut = b"\n".join(lines[:-1]) + b"\n"
    error = whole_error(send(other, cut, notation), "POST")
    assert error["error-details"]["line"] in (len(lines) - 1, len(lines))
    assert other.state() == before
