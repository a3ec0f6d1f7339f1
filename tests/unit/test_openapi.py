"""The document of the API: it is an OpenAPI document, tells everything, and generators of clients can use it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest
from openapi_spec_validator import validate

from hpm.control.openapi import document
from hpm.control.places import PLACES
from hpm.control.refusals import refusals
from hpm.control.routes import routes
from hpm.manager.manager import Manager
from hpm.wire.errors import MEANINGS

from .api_host import BASES, ApiHost

ROUTES = routes(cast(Manager, None))
DOCUMENT = document(ROUTES)


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def test_it_is_an_openapi_document() -> None:
    validate(cast(Any, {**DOCUMENT, "servers": [{"url": BASES[0]}]}))


def test_it_tells_every_route_under_a_name_of_its_own() -> None:
    assert [(method.upper(), path) for method, path, _ in operations()] == [(r.method, r.path) for r in ROUTES]
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(names)) == len(names)
    for _, path, operation in operations():
        assert operation["summary"], path
        assert operation["tags"], path


def test_every_field_says_what_it_means() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        assert schema.get("description"), f"add a docstring to the class {name}: what it is"
        for field, of in schema.get("properties", {}).items():
            assert of.get("description"), (
                f"{name}.{field} does not say what it means: add a line `{field}: …` to the docstring of the class"
                f" {name}, or give it a type of wire/words.py that says it"
            )


def test_every_parameter_says_what_it_means() -> None:
    for method, path, operation in operations():
        for parameter in operation["parameters"]:
            assert parameter["description"], (
                f"{{{parameter['name']}}} of {path}: say what it is in PLACES of control/places.py"
                if parameter["in"] == "path" else
                f"{method} {path}: add a line `{parameter['name']}: …` to the docstring of its query's class"
            )  # fmt: skip


def test_every_place_is_in_a_path() -> None:
    words = [(before, word[1:-1]) for route in ROUTES for before, word in _pairs(route.path) if word.startswith("{")]
    assert set(PLACES) == set(words)


def _pairs(path: str) -> list[tuple[str, str]]:
    words = path.strip("/").split("/")
    return list(zip(["", *words], words, strict=False))


def test_every_error_of_a_route_is_told_with_its_reasons() -> None:
    for route in ROUTES:
        answers = DOCUMENT["paths"][route.path][route.method.lower()]["responses"]
        told = {(int(status), r) for status, answer in answers.items() for r in answer.get("x-reasons", ())}
        assert told == set(refusals(route))
        assert told <= set(MEANINGS), f"say in MEANINGS of wire/errors.py what {told - set(MEANINGS)} means"


def test_links_lead_to_operations_with_all_their_parts() -> None:
    names = {operation["operationId"]: operation for _, _, operation in operations()}
    found = 0
    for _, _, operation in operations():
        for answer in operation["responses"].values():
            for link in answer.get("links", {}).values():
                parts = {p["name"] for p in names[link["operationId"]]["parameters"] if p["in"] == "path"}
                assert set(link["parameters"]) == parts
                found += 1
    assert found


@pytest.mark.parametrize("base", BASES)
def test_it_is_served_below_each_base_and_names_that(api: ApiHost, base: str) -> None:
    told = api.get(f"{base}/openapi.json")
    assert told["servers"] == [{"url": base}]
    assert told["paths"] == DOCUMENT["paths"]
