"""What schemathesis is told of hpm: requests that reach something, and two checks of our own.

Loaded by schemathesis itself (`SCHEMATHESIS_HOOKS`), in its own process.
"""

from __future__ import annotations

import json
from typing import Any
from zlib import crc32

import schemathesis
from jsonschema import Draft202012Validator

from hpm.backend.simulated import uuid_of
from tests.contract.seed import POLICY, SERVERS, SERVICE_CLASS

#: Words of the messages for what the types alone refuse, so that the schema, which is made of them, must refuse it too.
OF_THE_TYPES = ("; allowed: ", "cannot be a name", "cannot be used here")

#: JSON Schema takes 28.0 for an integer. hpm takes integers as integers are written.
WRITTEN_AS_A_FRACTION = "got `float`; allowed: "

#: Reasons that no schema can tell: a header that has no sense here, a value that does not fit to others, a name that is
#: there already.
OF_NO_SCHEMA = (2, 7, 8)

#: Seconds for which GET /events goes on.
ANSWERS_GO_ON = {str(seconds) for seconds in range(1, 61)}

#: What is there, by a part of the path that names it.
NAMED = {
    "/service-classes/{name}": {"id": "default", "name": SERVICE_CLASS},
    "/policies/{name}": {"id": "default", "name": POLICY, "number": "1"},
}


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Where a reference was drawn right in form, name something that is there, three times of four."""
    if case.operation.path == "/events" and str((case.query or {}).get("wait", 60)) in ANSWERS_GO_ON:
        case.query = {**(case.query or {}), "wait": 0}    # else the answer would take up to a minute
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    number = crc32(repr((case.path_parameters, case.query, case.body)).encode())
    if number % 4 == 0:
        return
    server = uuid_of(SERVERS[number % len(SERVERS)])
    body = case.body
    if isinstance(body, dict):
        if "virtual-servers" in body and "action" in body:    # in a policy file they are objects
            body["virtual-servers"] = [server]
        if "workload-resource-group" in body:
            body["workload-resource-group"] = "default"
        if isinstance(body.get("policy"), str):
            body["policy"] = POLICY
    if isinstance(case.query, dict) and "virtual-server" in case.query:
        case.query["virtual-server"] = server
    if isinstance(case.query, dict) and "ids" in case.query:
        case.query["ids"] = server
    if case.path_parameters and case.operation.path.startswith("/virtual-servers/"):
        case.path_parameters["id"] = server
    for words, parts in NAMED.items():
        if case.path_parameters and words in case.operation.path and case.method != "DELETE":
            case.path_parameters.update({k: v for k, v in parts.items() if k in case.path_parameters})


@schemathesis.check
def refused_for_a_reason(context: Any, response: Any, case: Any) -> None:
    """What the schema takes is refused only for what no schema can say."""
    if case.meta is None or not case.meta.generation.mode.is_positive or response.status_code != 400:
        return
    if "xml" in (case.media_type or ""):
        return    # what is right in XML is said by a RELAX NG schema, and drawn elsewhere (test_policy_files)
    if not _fits(case):
        return
    error = json.loads(response.content)
    of_the_types = any(words in error["message"] for words in OF_THE_TYPES)
    if error["reason"] not in OF_NO_SCHEMA or (of_the_types and WRITTEN_AS_A_FRACTION not in error["message"]):
        raise AssertionError(f"the schema takes what the server does not: {error['message']}")


def _fits(case: Any) -> bool:
    """Whether texts of the query fit their schemas. Where a schema has a pattern and a length, schemathesis 4.32 takes
    a text for right that is too long (coverage, a string of `maxLength` + 1)."""
    parameters = case.operation.definition.raw.get("parameters", ())
    schemas = {one["name"]: one["schema"] for one in parameters if one["in"] == "query"}
    return all(
        Draft202012Validator(schemas[name]).is_valid(value) for name, value in (case.query or {}).items()
        if isinstance(value, str) and schemas.get(name, {}).get("type") == "string"
    )


@schemathesis.check
def reasons_are_documented(context: Any, response: Any, case: Any) -> None:
    """An error has one of the reasons that the document has for this operation."""
    if response.status_code < 400 or response.status_code == 405:
        return
    answers = case.operation.definition.raw["responses"]
    told = answers.get(str(response.status_code), {}).get("x-reasons", [])
    error = json.loads(response.content)
    reason = error["reason"]
    if reason not in told:
        raise AssertionError(f"{response.status_code} with reason {reason} is not in the document: {error['message']}")
