"""The contract as an OpenAPI 3.1 document, made of the table of routes and of the types that validate.

Nothing is said twice: what a route takes and gives stands in its `Route`, what a field means at its type, which errors
there are in `wire.errors`.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, get_args

from ..policy.files.content import PolicyFile
from ..version import VERSION
from ..wire.errors import MEANINGS, ErrorBody
from ..wire.events import EVENT_STREAM, KINDS
from ..wire.metrics import Exposition
from ..wire.notifications import NotificationMessage
from ..wire.policy_files import Document
from .http_errors import Changed
from .links import links
from .places import path_parameters
from .refusals import refusals
from .route import Route
from .types import alternatives, schemas

DESCRIPTION = """\
The REST API of hpm. It stands below `/zhpm/wsapi/v1`, and below `/plugins/hpm` as in Wok; URIs in an answer begin \
with the base path of the request.

Times are RFC 3339 in UTC. CPUs are counted in units of one host CPU, velocities in percent.

Who asks is established by the door. On hpm's unix socket it is the kernel: the peer's user and groups, and nothing \
needs to be sent. On the web it is a session's cookie, HTTP Basic, or a bearer token. `x-role` says which role an \
operation takes: `user` (group hpmuser) reads, `admin` (group hpmadm) reads and writes, `known` is whoever is known, \
`anybody` also who is not.

A write is checked whole before anything changes: it is done whole or not at all. Unknown fields and unknown query \
parameters are errors. Reads are answered from the newest snapshot. HEAD works wherever GET does.
"""

_SECURITY_SCHEMES = {
    "session": {
        "type": "apiKey", "in": "cookie", "name": "__Host-hpm-session",
        "description": "The session of a browser, which begins with a login.",
    },
    "basic": {"type": "http", "scheme": "basic", "description": "User and password of the host, for programs."},
    "bearer": {"type": "http", "scheme": "bearer", "description": "A token, for programs."},
}  # fmt: skip

_ETAG = {
    "description": "Says which state of the object this is, for `If-Match` and `If-None-Match`.",
    "required": True, "schema": {"type": "string"},
}  # fmt: skip
_LOCATION = {
    "description": "The URI of the new object.", "required": True,
    "schema": {"type": "string", "format": "uri-reference"},
}  # fmt: skip
_FILE_NAME = {
    "description": "The name of the file, for those who save it.", "required": True, "schema": {"type": "string"},
}  # fmt: skip
#: Schemas of what is not JSON.
_XML = {"type": "string", "description": "A policy file in XML: policy-file.rng is its RELAX NG schema."}
_TEXTS = {
    "application/xml": _XML, "text/xml": _XML,
    "text/plain": {"type": "string", "description": "Metrics in the text format of Prometheus, version 0.0.4."},
}  # fmt: skip
_AGE = {"description": "Seconds since the host was observed.", "required": True, "schema": {"type": "integer"}}
_RETRY_AFTER = {"description": "Seconds after which to try again.", "required": True, "schema": {"type": "integer"}}


#: What hpm itself posts.
_NOTIFICATION: dict[str, Any] = {
    "operationId": "post-notification",
    "summary": "hpm posts this to the webhook that is set for notifications",
    "security": [],
    "parameters": [
        {"name": "Hpm-Delivery", "in": "header", "required": True, "schema": {"type": "string", "format": "uuid"},
         "description": "The `id` of the message."},
        {"name": "Hpm-Signature", "in": "header", "required": False, "schema": {"type": "string"},
         "description": "`sha256=` and the HMAC-SHA256 of the body in hexadecimal, where a secret is set."},
    ],
    "requestBody": {"required": True, "content": {"application/json": {
        "schema": {"$ref": "#/components/schemas/NotificationMessage"},
    }}},
    "responses": {
        "2XX": {"description": "It has arrived. Nothing of the answer but its status is read."},
        "default": {"description": "It has not arrived. hpm posts the same again after 30 seconds, 2 and 10 minutes."},
    },
}  # fmt: skip


def operation_id(route: Route) -> str:
    """A name for the operation that stays: its method and path with ``-`` between the words."""
    words = [word.strip("{}").replace(".", "-") for word in route.path.strip("/").split("/")]
    return "-".join([route.method.lower(), *words])


def document(routes: tuple[Route, ...]) -> dict[str, Any]:
    """The document of those routes. It has no `servers`: they depend on where it is asked for."""
    wanted: dict[int, Any] = {}
    for route in routes:
        for type_ in (*_parts(route.answer), *_parts(route.body), route.query):
            if type_ is not None:
                wanted[id(type_)] = type_
    made, components = schemas([*wanted.values(), ErrorBody, NotificationMessage])
    of_type = dict(zip(wanted, made, strict=False))
    for type_ in (route.query for route in routes if route.query is not None):
        components.pop(type_.__name__, None)    # a query is told parameter by parameter
    queries = {id(route.query): schemas([route.query])[1] for route in routes if route.query is not None}
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, of_type, queries)
    linked = links(routes, paths, components, operation_id)
    for (path, method, status), found in linked.items():
        paths[path][method]["responses"][status]["links"] = found
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "hpm", "version": VERSION, "summary": "Hypervisor Performance Manager", "description": DESCRIPTION,
            "license": {"name": "LGPL-2.1-or-later", "identifier": "LGPL-2.1-or-later"},
        },
        "tags": [{"name": tag} for tag in dict.fromkeys(_tag(route) for route in routes)],
        "paths": paths,
        "webhooks": {"notification": {"post": _NOTIFICATION}},
        "components": {"schemas": components, "securitySchemes": _SECURITY_SCHEMES},
        "security": [{name: []} for name in _SECURITY_SCHEMES],
    }  # fmt: skip


def _tag(route: Route) -> str:
    """The noun: the first word of the path."""
    return route.path.strip("/").split("/")[0]


def _operation(route: Route, of_type: dict[int, Any], queries: dict[int, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": operation_id(route),
        "summary": route.summary,
        "tags": [_tag(route)],
        "x-role": route.role,
        "parameters": _parameters(route, queries),
    }
    if route.body is not None:
        operation["requestBody"] = {"required": True, "content": _content(route.body, route.takes, of_type)}
    operation["responses"] = {**_success(route, of_type), **_errors(route)}
    return operation


def _parts(type_: Any) -> tuple[Any, ...]:
    """Objects that a body or an answer may be. Those of a document are what policy files hold."""
    if type_ is Document:
        return alternatives(PolicyFile)
    if type_ is Exposition:
        return ()
    return alternatives(type_) if type_ is not None and not _tagged(type_) else (type_,)


def _tagged(type_: Any) -> bool:
    """Whether a tag tells the parts of a union apart, so that it has one schema with a discriminator."""
    return all(getattr(part, "__struct_config__", None) and part.__struct_config__.tag for part in get_args(type_))


def _content(type_: Any, media_types: tuple[str, ...], of_type: dict[int, Any]) -> dict[str, Any]:
    """The schema of a body or an answer for each of its media types."""
    parts = [of_type[id(part)] for part in _parts(type_)]
    schema = parts[0] if len(parts) == 1 else {"anyOf": parts}    # of a text alone there are none
    told = {**_TEXTS, EVENT_STREAM: _event(schema)}
    return {
        media_type: {"schema": told.get(media_type, schema)} for media_type in media_types
    }


def _event(data: dict[str, Any]) -> dict[str, Any]:
    """One event of a stream, as OpenAPI 3.2 tells it; 3.1 has no word for a sequence of them."""
    return {
        "type": "object",
        "description": "One of the server-sent events that the answer consists of, in the form that HTML defines.",
        "properties": {
            "id": {"type": "string", "description": "What `Last-Event-ID` names to go on after it."},
            "event": {"type": "string", "description": "What it is: the `class` of its data.", "enum": list(KINDS)},
            "data": {"type": "string", "contentMediaType": "application/json", "contentSchema": data},
            "retry": {"type": "integer", "description": "Milliseconds after which to ask again, once it has ended."},
        },
    }  # fmt: skip


def _parameters(route: Route, queries: dict[int, Any]) -> list[dict[str, Any]]:
    found = path_parameters(route.path, route.several)
    if route.query is not None:
        component = queries[id(route.query)][route.query.__name__]
        for name, schema in component["properties"].items():
            found.append(_query_parameter(name, schema, name in component.get("required", ())))
    if Changed in route.refuses:
        found.append({
            "name": "If-Match", "in": "header", "required": False, "schema": {"type": "string"},
            "description": "Tags of the states that the object may be in (`ETag` of an answer), or `*`. If it is in"
                           " another one, nothing is done, and the answer is 412.",
        })  # fmt: skip
    if route.streams:
        found.append({
            "name": "Last-Event-ID", "in": "header", "required": False, "schema": {"type": "string"},
            "description": "The id of the last event that the client has: what followed comes first. Left out: the"
                           " answer begins now, with a `resync`.",
        })  # fmt: skip
    elif route.method == "GET":
        found.append({
            "name": "If-None-Match", "in": "header", "required": False, "schema": {"type": "string"},
            "description": "Tags of the representations that the client has (`ETag` of an answer). If nothing changed,"
                           " the answer is 304 and has no body.",
        })  # fmt: skip
    return found


def _query_parameter(name: str, schema: dict[str, Any], required: bool) -> dict[str, Any]:
    """A field of a query. It is left out or given: there is no null in a query."""
    described = dict(schema)
    description = described.pop("description", "")
    options = [part for part in described.get("anyOf", ()) if part != {"type": "null"}]
    if len(options) == 1:
        described = {**{k: v for k, v in described.items() if k != "anyOf"}, **options[0]}
    if described.get("default", 0) is None:
        del described["default"]
    return {"name": name, "in": "query", "required": required, "description": description, "schema": described}


def _success(route: Route, of_type: dict[int, Any]) -> dict[str, Any]:
    if route.answer is None:
        return {str(route.status): {"description": "Done."}}
    headers: dict[str, Any] = {} if route.streams else {"ETag": _ETAG}
    if route.kept:
        headers["Age"] = _AGE
    if route.status == 201:
        headers["Location"] = _LOCATION
    if route.answer is Document:
        headers["Content-Disposition"] = _FILE_NAME
    answer = {
        "description": "Created." if route.status == 201 else "Done." if route.writes else "What was asked for.",
        "headers": headers, "content": _content(route.answer, route.answers, of_type),
    }  # fmt: skip
    answers = {str(route.status): answer}
    if route.silent:
        answers["204"] = {"description": "There is nothing to say."}
    if route.method == "GET" and not route.streams:
        answers["304"] = {"description": "It is as the client has it (`If-None-Match`).", "headers": {"ETag": _ETAG}}
    return answers


def _errors(route: Route) -> dict[str, Any]:
    by_status: dict[int, list[int]] = {}
    for status, reason in refusals(route):
        by_status.setdefault(status, []).append(reason)
    return {str(status): _error(status, found) for status, found in by_status.items()}


def _error(status: int, found: list[int]) -> dict[str, Any]:
    lines = [f"- reason {reason}: {MEANINGS[status, reason]}" for reason in found]
    answer: dict[str, Any] = {
        "description": f"{HTTPStatus(status).phrase}:\n\n" + "\n".join(lines),
        "x-reasons": found,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorBody"}}},
    }
    if status in (429, 503):
        answer["headers"] = {"Retry-After": _RETRY_AFTER}
    return answer
