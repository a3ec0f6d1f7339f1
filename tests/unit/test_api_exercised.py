"""Every route is asked with everything that any route refuses; and nothing of the API is left out by its tests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hpm.control.caller import Caller, Door, NotAuthenticated
from hpm.control.http_errors import status_of
from hpm.control.refusals import refusals
from hpm.control.route import Route
from hpm.wire.policy_files import Document

from .api_host import BASE, NOBODY, ApiHost, answers, running
from .exercised import RECORD, ROUTES, asks_the_api, fields

#: Fields of answers that are always null there, and why.
ALWAYS_NULL = {"NewToken.last-used": "a token just made was never used"}

NAMES = [f"{route.method} {route.path}" for route in ROUTES]

EVERY_METHOD = ("GET", "PUT", "POST", "DELETE", "OPTIONS", "PATCH", "TRACE")


def asked(route: Route) -> str:
    """A path of that route, with parts that are right in form."""
    parts = {f"{{{name}}}": NOBODY if name == "id" else "x" for name in route.names}
    return "/".join(parts.get(part, part) for part in route.path.split("/"))


def body_of(route: Route) -> bytes | None:
    return None if route.body is None else b"{}"


@pytest.mark.parametrize("route", ROUTES, ids=NAMES)
def test_what_any_route_refuses(api: ApiHost, route: Route) -> None:
    path, body, json_type = asked(route), body_of(route), {"Content-Type": "application/json"}

    def refused(more: str = "", content: bytes | None = body, **headers: str) -> tuple[int, int]:
        error = api.refused(route.method, path + more, content=content, headers={**json_type, **headers})
        return error["http-status"], error["reason"]

    assert refused("?hpm-knows-no-such-parameter=1") == (400, 1)
    assert refused("?a=%ff") == (400, 14)
    assert refused(Accept="image/png") == (406, 0)
    assert refused(content=b"x" * (route.max_body + 1)) == (413, 0)
    head = f"{route.method} {BASE}{path} HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n"
    assert [status for status, _, _ in answers(api.raw(head.encode()))] == [400]
    if route.body is None:
        assert refused(content=b"{}") == (400, 4)
    else:
        assert refused(content=b"") == (400, 3)
        # a document is read when it is known for which group
        assert refused(content=b"{") == ((404, 1) if route.body is Document and route.names else (400, 9))
        assert refused(**{"Content-Type": "text/csv"}) == (415, 0)


@pytest.mark.parametrize("path", list(dict.fromkeys(route.path for route in ROUTES)))
def test_methods_that_a_path_does_not_know_are_told_those_that_it_knows(api: ApiHost, path: str) -> None:
    known = {route.method for route in ROUTES if route.path == path}
    route = next(route for route in ROUTES if route.path == path)
    for method in set(EVERY_METHOD) - known:
        response = api.send(method, asked(route))
        assert response.status_code == 405
        assert set(response.headers["allow"].split(", ")) == known | ({"HEAD"} if "GET" in known else set())


class Nobody(Door):
    def caller(self) -> Caller:
        raise NotAuthenticated("say who you are")


class Stranger(Door):
    def caller(self) -> Caller:
        return Caller("eve", None)


@pytest.mark.parametrize(("door", "said"), [(Nobody(), (401, 0)), (Stranger(), (403, 1))], ids=["nobody", "stranger"])
def test_every_route_asks_who_asks(door: Door, said: tuple[int, int]) -> None:
    with running(door) as host:
        for route in [route for route in ROUTES if route.role in ("user", "admin")]:
            response = host.send(route.method, asked(route), content=body_of(route))
            assert (response.status_code, response.json()["reason"]) == said


def test_nothing_of_the_api_is_left_out(request: pytest.FixtureRequest) -> None:
    """Runs last (see conftest): by then all tests of the API have made their requests."""
    here = Path(__file__).parent
    ran = {item.path.name for item in request.session.items}
    missing = {path.name for path in here.glob("test_*.py") if asks_the_api(path)} - ran
    partly = request.config.option.keyword or any("::" in argument for argument in request.config.args)
    if missing or partly or request.session.testsfailed:
        pytest.skip("is judged where all tests of the API ran whole, and nothing failed")
    left = [f"{r.method} {r.path} never succeeded" for r in ROUTES if (r.method, r.path) not in RECORD.accepted]
    left += sorted(
        f"{field} was never sent" for field in fields([t for r in ROUTES for t in (r.body, r.query)]) - RECORD.sent
    )
    # what is both sent and received, such as a policy, may be shown either way
    left += sorted(
        f"{field} was never received"
        for field in fields([r.answer for r in ROUTES]) - RECORD.received - RECORD.sent - ALWAYS_NULL.keys()
    )
    for route in ROUTES:
        seen = {(s, reason) for m, path, s, reason in RECORD.refused if (m, path) == (route.method, route.path)}
        for status, reason in sorted(seen - set(refusals(route))):
            left.append(f"{route.method} {route.path} answered {status}/{reason}: say so in `refuses` of its Route")
        for status, reason in sorted({status_of(class_) for class_ in route.refuses} - seen):
            left.append(f"{route.method} {route.path} never answered {status}/{reason}, which it says it does")
    told = {(405, 0), *(refusal for route in ROUTES for refusal in refusals(route))}
    left += [f"nothing ever answered {s}/{r}" for s, r in sorted(told - RECORD.reasons)]
    assert not left, "\n".join(["no test of the API shows that:", *left])


@pytest.mark.own_server("what the tests exercised is judged by requests to hpm's own socket")
def test_requests_are_noted(api: ApiHost) -> None:
    api.get("/mgmt-levels")
    assert ("GET", "/mgmt-levels") in RECORD.accepted
    assert "ManagementLevels.cpu-mgmt" in RECORD.received
    assert json.loads(api.send("GET", "/nowhere").content)["reason"] == 1
    assert (404, 1) in RECORD.reasons
