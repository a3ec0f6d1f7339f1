"""What a change takes away from programs: of the API, by two OpenAPI documents, the earlier one and the later; and of
all else that a release promises (contrib/release/promises.py).

The rules are those of contrib/release/README.md. Clients pass over what they do not know, so an answer may have more;
and what was enough for a request has to be enough.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

Document: TypeAlias = Mapping[str, Any]


#: What a refusal answers, which promises do not say of each operation.
REFUSAL = "ErrorBody"


def missed(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """All that programs written for the earlier promises could miss; empty: nothing."""
    found: list[str] = []
    for part, old in before.items():
        if old != after[part]:
            found += broken(old, after[part]) if part == "api" else _lost(old, after[part], part)
    for name, command in before["commands"].items():
        needed = after["commands"].get(name, command)["needs"]
        found += [f"commands: {name} needs {one} now" for one in needed if one not in command["needs"]]
    return found


def _lost(before: Any, after: Any, where: str) -> Iterator[str]:
    """Objects may grow; all else is the same."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name, one in before.items():
            if name not in after:
                yield f"{where}: {name} is gone"
            elif name != "needs":    # which may shrink
                yield from _lost(one, after[name], f"{where}: {name}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for at, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _lost(one, other, f"{where}[{at}]")
    elif before != after:
        yield f"{where} is {after!r} now, and was {before!r}"


def held(release: str, version: str, found: list[str], changes: str) -> list[str]:
    """What of all that was found may not be. A release of another major version (until 1.0, of another minor one) may
    be missed in what CHANGELOG.md says so of."""

    def series(of: str) -> list[str]:
        major, minor, _ = of.split(".")
        return [major] if int(major) else [major, minor]

    return found if series(release) == series(version) else [said for said in found if said not in changes]


def broken(before: Document, after: Document) -> list[str]:
    """All that programs written for the earlier one could miss; empty: nothing."""
    return [*_operations(before, after), *_types(before, after)]


def _operations(before: Document, after: Document) -> Iterator[str]:
    for path, methods in before["paths"].items():
        for method, old in methods.items():
            new = after["paths"].get(path, {}).get(method)
            name = f"{method.upper()} {path}"
            if new is None:
                yield f"{name} is gone"
                continue
            known = {one["name"]: one for one in new.get("parameters", ()) if one["in"] == "query"}
            asked = {one["name"]: one for one in old.get("parameters", ()) if one["in"] == "query"}
            for parameter in asked:
                if parameter not in known:
                    yield f"{name} does not know the parameter {parameter} any more"
            for parameter, one in known.items():
                if one.get("required") and not asked.get(parameter, {}).get("required"):
                    yield f"{name} needs the parameter {parameter} now"
            if old.get("x-role") != new.get("x-role") and new.get("x-role") == "admin":
                yield f"{name} takes the role admin now"
            for status in old["responses"]:
                if status.startswith("2") and status not in new["responses"]:
                    yield f"{name} does not answer {status} any more"
            yield from (f"{name}: {said}" for said in _bodies(old, new))


def _bodies(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    if "requestBody" in new and new["requestBody"].get("required") and "requestBody" not in old:
        yield "it needs a body now"
    for kind in old.get("requestBody", {}).get("content", {}):
        if kind not in new.get("requestBody", {}).get("content", {}):
            yield f"it takes no {kind} any more"


def _types(before: Document, after: Document) -> Iterator[str]:
    requests, answers = _used(before, "requestBody"), _used(before, "responses") | {REFUSAL}
    for name, old in before["components"]["schemas"].items():
        new = after["components"]["schemas"].get(name)
        if new is None:
            yield f"the type {name} is gone"
            continue
        if name in answers:
            yield from (f"{name}: {said}" for said in _answered(old, new))
        if name in requests:
            yield from (f"{name}: {said}" for said in _asked(old, new))


def _answered(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """Of a type in answers: fields that are gone, or may be missing now, or are something else."""
    for field, schema in old.get("properties", {}).items():
        now = new.get("properties", {}).get(field)
        if now is None:
            yield f"the field {field} is gone"
        elif _kinds(now) - _kinds(schema):
            yield f"the field {field} can be {', '.join(sorted(_kinds(now) - _kinds(schema)))} now"
        elif field in old.get("required", ()) and field not in new.get("required", ()):
            yield f"the field {field} may be missing now"


def _asked(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """Of a type in requests: fields that are needed now, or not known any more, or that take less."""
    for field in new.get("required", ()):
        if field not in old.get("required", ()):
            yield f"the field {field} is needed now"
    for field, schema in old.get("properties", {}).items():
        now = new.get("properties", {}).get(field)
        if now is None:
            yield f"the field {field} is not taken any more"
            continue
        if _kinds(schema) - _kinds(now):
            yield f"the field {field} cannot be {', '.join(sorted(_kinds(schema) - _kinds(now)))} any more"
        for bound, sign in (("minimum", 1), ("maximum", -1), ("maxLength", -1)):
            if bound in now and (bound not in schema or sign * (now[bound] - schema[bound]) > 0):
                yield f"the field {field} has a narrower {bound} now"


def _kinds(schema: Mapping[str, Any]) -> set[str]:
    """What a value can be: types of JSON, words, and types of the document."""
    found: set[str] = set()
    for option in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        found |= _kinds(option)
    if "$ref" in schema:
        found.add(schema["$ref"].rpartition("/")[2])
    if "const" in schema:
        found.add(repr(schema["const"]))
    found |= {repr(word) for word in schema.get("enum", ())}
    if "enum" not in schema and "const" not in schema and "type" in schema:
        found.add("number" if schema["type"] == "integer" else str(schema["type"]))
    if "items" in schema:
        found |= {f"list of {kind}" for kind in _kinds(schema["items"])}
    return found


def _used(document: Document, where: str) -> set[str]:
    """The names of all types that are reached from the bodies of requests, or of answers."""
    found: set[str] = set()
    operations = [operation for methods in document["paths"].values() for operation in methods.values()]
    waiting: list[Any] = [operation.get(where, {}) for operation in operations]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            name = str(one.get("$ref", "")).rpartition("/")[2]
            if name and name not in found:
                found.add(name)
                waiting.append(document["components"]["schemas"].get(name, {}))
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
    return found
