"""Small texts that would become large, deep or endless: codings, JSON, XML, patterns."""

from __future__ import annotations

import gzip
import json
import time
import zlib
from itertools import product

import pytest
import zstandard

from hpm.policy.classification import Filter, compile_pattern, matches
from tests.running import resident
from tests.unit.api_host import GROUPS, ApiHost, policy, service_class
from tests.unit.exercised import ROUTES

from .asking import path_of

MEGABYTE = 1024 * 1024
#: Seconds that none of this may take; it takes milliseconds.
SOON = 2.0


ZEROS = b" " * (64 * MEGABYTE)
BOMBS = {
    "gzip": gzip.compress(ZEROS, 9), "deflate": zlib.compress(ZEROS, 9), "zstd": zstandard.compress(ZEROS),
    "br": b"\x5b\xff\xff\x03\x00", "x-gzip": gzip.compress(ZEROS, 9), "gzip, gzip": gzip.compress(gzip.compress(ZEROS)),
    "identity, gzip": gzip.compress(ZEROS), "GZIP": gzip.compress(ZEROS),
}  # fmt: skip


@pytest.mark.parametrize("coding", BOMBS)
def test_no_route_takes_a_body_that_is_compressed(api: ApiHost, coding: str) -> None:
    before, state = resident(), api.state()
    for route in ROUTES:
        if route.body is not None:
            answer = api.send(route.method, path_of(route), content=BOMBS[coding],
                              headers={"Content-Encoding": coding, "Content-Type": route.takes[0]})    # fmt: skip
            assert answer.status_code in (415, 413), f"{route.path}: {answer.text}"
    assert resident() - before < 30 * MEGABYTE
    assert api.state() == state


def _nested(opening: str, closing: str, depth: int) -> bytes:
    return (opening * depth + "1" + closing * depth).encode()


JSON_BOMBS = {
    "lists": _nested("[", "]", 400_000),
    "objects": _nested('{"a":', "}", 150_000),
    "lists that do not close": b"[" * 900_000,
    "objects that do not close": b'{"perf-policies":[' * 50_000,
    "rules": b'{"name":"x","perf-policies":[{"name":"p","importance":"high","service-classes":[{"name":"c","goal":'
             b'{"type":"discretionary"},"classification":' + _nested('{"type":"not","rule":', "}", 20_000) + b"}]}]}",
    "a number of a million digits": b'{"name":' + b"9" * 1_000_000 + b"}",
    "an exponent without end": b'{"name":1e' + b"9" * 900_000 + b"}",
    "a number as a name": b'{"interval-seconds":1e999}',
    "no number": b'{"interval-seconds":NaN}',
    "a name of a megabyte": b'{"name":"' + b"x" * 1_000_000 + b'"}',
    "a key of a megabyte": b'{"' + b"x" * 1_000_000 + b'":1}',
    "half a million keys": b"{" + b",".join(b'"%x":1' % n for n in range(100_000)) + b"}",
    "the same key": b"{" + b",".join([b'"name":"x"'] * 90_000) + b"}",
    "escapes": b'{"name":"' + b"\\u0041" * 160_000 + b'"}',
    "half of a pair": b'{"name":"\\ud800"}',
    "backslashes without end": b'{"name":"' + b"\\\\" * 400_000,
    "quotes without end": b'"' * 900_000,
    "no UTF-8": b'{"name":"' + b"\xff\xfe" * 1000 + b'"}',
    "NUL": b"\x00" * 900_000,
    "a mark of order": b"\xef\xbb\xbf" + b'{"name":"x"}',
    "UTF-16": '{"name":"x"}'.encode("utf-16"),
}  # fmt: skip


@pytest.mark.parametrize("name", JSON_BOMBS)
def test_json_without_end_is_refused_soon(api: ApiHost, name: str) -> None:
    before, state = resident(), api.state()
    for path in (GROUPS, "/settings", f"{GROUPS}/preview", "/simulations", f"{GROUPS}/import"):
        began = time.monotonic()
        answer = api.send("POST", path, content=JSON_BOMBS[name], headers={"Content-Type": "application/json"})
        assert answer.status_code in (400, 413), f"{path}: {answer.text[:300]}"
        assert time.monotonic() - began < SOON, path
        assert len(answer.content) < 8192
    assert resident() - before < 60 * MEGABYTE
    assert api.state() == state


LAUGHS = "".join(f'<!ENTITY l{n + 1} "{f"&l{n};" * 10}">' for n in range(9))
#: A policy file that would be taken, but for what stands before it.
WHOLE = (
    '<policy-file><workload-resource-group name="x"><description>%s</description></workload-resource-group>'
    "</policy-file>"
)
XML_BOMBS = {
    "billion laughs": f'<!DOCTYPE policy-file [<!ENTITY l0 "ha">{LAUGHS}]>{WHOLE % "&l9;"}',
    "quadratic": f'<!DOCTYPE policy-file [<!ENTITY a "{"a" * 50_000}">]>{WHOLE % ("&a;" * 50_000)}',
    "a word": f'<!DOCTYPE policy-file [<!ENTITY a "b">]>{WHOLE % "&a;"}',
    "a file": f'<!DOCTYPE policy-file [<!ENTITY f SYSTEM "file:///etc/passwd">]>{WHOLE % "&f;"}',
    "a server": f'<!DOCTYPE policy-file SYSTEM "http://127.0.0.1:9/x.dtd">{WHOLE % "x"}',
    "parameters": f'<!DOCTYPE policy-file [<!ENTITY % p SYSTEM "file:///etc/passwd">%p;]>{WHOLE % "x"}',
    "another file": '<x xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="file:///etc/passwd"/></x>',
    "depth": "<a>" * 300_000,
    "attributes": "<a " + " ".join(f'a{n}="x"' for n in range(60_000)) + "/>",
    "a tag without end": "<" + "a" * 900_000,
    "an attribute without end": '<a b="' + "x" * 900_000,
    "a comment without end": "<!--" + "x" * 900_000,
    "references": "<a>" + "&#65;" * 180_000 + "</a>",
    "another encoding": '<?xml version="1.0" encoding="UTF-7"?><a/>',
    "a name that is none": '<?xml version="1.0" encoding="' + "x" * 100_000 + '"?><a/>',
}


def test_the_file_in_which_bombs_stand_is_a_good_one(api: ApiHost) -> None:
    answer = api.send("POST", f"{GROUPS}/import?dry-run=true", content=(WHOLE % "x").encode(),
                      headers={"Content-Type": "application/xml"})    # fmt: skip
    assert answer.status_code == 200, answer.text[:300]


@pytest.mark.parametrize("name", XML_BOMBS)
def test_xml_without_end_is_refused_soon(api: ApiHost, name: str) -> None:
    before, state = resident(), api.state()
    for path in (f"{GROUPS}/import", f"{GROUPS}/import?dry-run=true", f"{GROUPS}/default/import"):
        began = time.monotonic()
        answer = api.send("POST", path, content=XML_BOMBS[name].encode(), headers={"Content-Type": "application/xml"})
        assert answer.status_code == 400, f"{path}: {answer.text[:300]}"
        assert ("type declaration" in answer.text) == ("DOCTYPE" in XML_BOMBS[name]), answer.text[:300]
        assert time.monotonic() - began < SOON
        assert "root:" not in answer.text
    assert resident() - before < 30 * MEGABYTE
    assert api.state() == state


#: What makes matchers that go back try for longer than the universe has.
PATTERNS = (
    "*a" * 127, "*" * 255, "?" * 255, "*?" * 127, "a*" * 127 + "b", "*a*b" * 63, "?*" * 100 + "b", "\\*" * 127,
    "*" + "?" * 253 + "b", "*[a-z]*(a+)+$", "(?:a|a)*" * 30, "*" + "ab" * 127, "\\" * 255,
)  # fmt: skip
SUBJECTS = ("a" * 255, "a" * 254 + "!", "ab" * 127, "", "b", "\\" * 255, "a" * 10_000, "é" * 255, "\n" * 255)


@pytest.mark.parametrize("pattern", PATTERNS, ids=range(len(PATTERNS)))
def test_no_pattern_takes_long_whatever_it_is_held_against(pattern: str) -> None:
    assert len(pattern) <= 255
    compile_pattern.cache_clear()
    began = time.process_time()
    for subject, operation in product(SUBJECTS, ("string-match", "string-not-match")):
        matches(Filter("hostname", operation, pattern), {"hostname": subject})    # type: ignore[arg-type]
    assert time.process_time() - began < 1.0


def test_a_pattern_is_no_regular_expression() -> None:
    assert matches(Filter("title", "string-match", "(a|b)+[c]$"), {"title": "(a|b)+[c]$"})
    assert not matches(Filter("title", "string-match", "(a|b)+"), {"title": "a"})


def test_a_policy_of_the_dearest_patterns_does_not_stop_the_loop(api: ApiHost) -> None:
    """Each class with as many filters as it may have: the whole body is a megabyte at most."""
    filters = [
        {"type": "filter", "filter-type": "hostname", "operation": "string-match", "value": f"*a{n}?" + "*a?" * 40}
        for n in range(60)
    ]
    classes = [
        service_class(f"c{n}", goal={"type": "velocity", "velocity": "fast"},
                      classification={"type": "or", "rules": filters})
        for n in range(60)
    ]  # fmt: skip
    body = {"perf-policy": policy("dear", *classes, service_class())}
    assert len(json.dumps(body)) < MEGABYTE
    began = time.process_time()
    answer = api.send("POST", f"{GROUPS}/preview", body)
    assert answer.status_code == 200, answer.text[:300]
    assert time.process_time() - began < 5.0
    began = time.monotonic()
    api.cycle()
    assert time.monotonic() - began < SOON
