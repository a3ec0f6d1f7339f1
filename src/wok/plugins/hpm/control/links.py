"""OpenAPI links: how the answer of one operation leads to others, so that ids need not be guessed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .route import Route

#: Fields by which an object is named in a path, by the name of the variable part.
_NAMED_BY = {"id": "object-id", "name": "name"}

#: Where a link begins: path, method (small letters), status.
Start = tuple[str, str, str]


def links(
    routes: tuple[Route, ...],
    paths: Mapping[str, Mapping[str, Any]],
    components: Mapping[str, Mapping[str, Any]],
    name_of: Callable[[Route], str],
) -> dict[Start, dict[str, Any]]:
    """From each operation that answers an object, or a list of some, to those on the object (of a list: the first)."""
    found: dict[Start, dict[str, Any]] = {}
    for source in routes:
        if source.answer is None:
            continue
        status = str(source.status)
        answer = paths[source.path][source.method.lower()]["responses"][status]
        schema = next(iter(answer["content"].values()))["schema"] if "content" in answer else {}
        given = {name: f"$request.path.{name}" for name in source.names}
        for target in routes:
            parameters = _parameters(source, target, _resolved(schema, components), components)
            if parameters is not None and target is not source:
                parameters = {name: value or given[name] for name, value in parameters.items()}
                found.setdefault((source.path, source.method.lower(), status), {})[name_of(target)] = {
                    "operationId": name_of(target), "parameters": parameters, "description": target.summary,
                }  # fmt: skip
    return found


def _parameters(
    source: Route, target: Route, answer: Mapping[str, Any], components: Mapping[str, Mapping[str, Any]]
) -> dict[str, str] | None:
    """The variable parts of the target's path, empty those that are the source's too; None: it cannot be reached."""
    own: dict[str, str] = dict.fromkeys(source.names, "")
    if source.names and not source.several and set(target.names) <= set(source.names) and _below(target, source.path):
        return dict.fromkeys(target.names, "")
    for name, field in _NAMED_BY.items():
        if name in source.names or not _below(target, f"{source.path}/{{{name}}}"):
            continue
        if set(target.names) != {*source.names, name}:
            continue
        if field in answer.get("properties", {}):
            return {**own, name: f"$response.body#/{field}"}
        collection = source.path.rpartition("/")[2]
        items = answer.get("properties", {}).get(collection, {}).get("items", {})
        if field in _resolved(items, components).get("properties", {}):
            return {**own, name: f"$response.body#/{collection}/0/{field}"}
    return None


def _below(target: Route, path: str) -> bool:
    return target.path == path or target.path.startswith(f"{path}/")


def _resolved(schema: Mapping[str, Any], components: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    return components.get(str(schema.get("$ref", "")).rpartition("/")[2], schema)
