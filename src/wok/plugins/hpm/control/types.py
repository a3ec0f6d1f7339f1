"""What the types of the wire say of themselves: their JSON schemas, and what each field means.

msgspec makes the schemas, out of the very types that decode requests and encode answers. This module gives each field
its meaning and makes the schemas agreeable to generators of clients.

The meaning of a field is a line ``name: meaning`` in the docstring of its type (lines that continue it are indented),
or else the description of its own type, such as `Velocity` of `wire.words`.
"""

from __future__ import annotations

import inspect as python_inspect
import re
import typing
from collections.abc import Iterable
from types import UnionType
from typing import Any

import msgspec
from msgspec import inspect

#: Where components stand in an OpenAPI document.
REFERENCE = "#/components/schemas/{name}"

_LINE = re.compile(r"^(?P<name>[a-z][a-z0-9-]*): (?P<text>.*)$")


def alternatives(type_: Any) -> tuple[Any, ...]:
    """The parts of an answer that is one of several objects, which a tag need not tell apart; else the type alone."""
    if isinstance(type_, UnionType) or typing.get_origin(type_) is typing.Union:
        return typing.get_args(type_)
    return (type_,)


def schemas(types: Iterable[Any]) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
    """The schema of each type, and of each struct in them by its name, which the schemas refer to."""
    wanted = list(types)
    made, components = msgspec.json.schema_components(wanted, ref_template=REFERENCE)
    described = {struct.__name__: struct for struct in structs(wanted)}
    for name, component in components.items():
        if name in described:
            _describe(component, described[name])
    return [_tidy(schema) for schema in made], {name: _tidy(components[name]) for name in sorted(components)}


def structs(types: Iterable[Any]) -> list[type[msgspec.Struct]]:
    """All structs in those types, at any depth, in the order in which they are met."""
    found: dict[type[msgspec.Struct], None] = {}
    for type_ in types:
        _collect(inspect.type_info(type_), found)
    return list(found)


def meanings(struct: type[msgspec.Struct]) -> tuple[str, dict[str, str]]:
    """What the docstring of a struct says: of the whole, and of each field by its name on the wire. What it does not
    say of a field, the struct says that it adds to."""
    whole: list[str] = []
    fields: dict[str, str] = {}
    current: str | None = None
    known = set(struct.__struct_encode_fields__)
    for line in python_inspect.cleandoc(struct.__doc__ or "").splitlines():
        match = _LINE.match(line)
        if match is not None and match["name"] in known:
            current = match["name"]
            fields[current] = match["text"]
        elif current is not None and line.startswith(" "):
            fields[current] += f" {line.strip()}"
        else:
            current = None
            whole.append(line)
    told = {name: _plain(text) for name, text in fields.items()}
    base = struct.__base__
    if base is not None and base is not msgspec.Struct:
        told = {**meanings(base)[1], **told}
    return _plain("\n".join(whole).strip()), told


def _plain(text: str) -> str:
    """Marked code as Markdown has it, and lines of a paragraph joined."""
    return re.sub(r"(?<!\n)\n(?!\n)", " ", text.replace("``", "`"))


def _collect(info: inspect.Type, found: dict[type[msgspec.Struct], None]) -> None:
    if isinstance(info, inspect.StructType):
        if info.cls not in found:
            found[info.cls] = None
            for field in info.fields:
                _collect(field.type, found)
    elif isinstance(info, inspect.UnionType):
        for option in info.types:
            _collect(option, found)
    elif isinstance(info, inspect.Metadata):
        _collect(info.type, found)
    elif isinstance(info, inspect.CollectionType):
        _collect(info.item_type, found)
    elif isinstance(info, inspect.TupleType):
        for item in info.item_types:
            _collect(item, found)
    elif isinstance(info, inspect.DictType):
        _collect(info.value_type, found)


def _describe(component: dict[str, Any], struct: type[msgspec.Struct]) -> None:
    whole, fields = meanings(struct)
    component["description"] = whole
    tag_field = struct.__struct_config__.tag_field
    for name, schema in component.get("properties", {}).items():
        if name == tag_field and name not in struct.__struct_encode_fields__:
            schema["description"] = f"Says what this object is: `{struct.__struct_config__.tag}`."
            continue
        meaning = fields.get(name) or _own_meaning(schema)
        if meaning:
            component["properties"][name] = {**_bare(schema), "description": meaning}


def _own_meaning(schema: dict[str, Any]) -> str | None:
    """The description of a type, or of the one part of it that has one."""
    if "description" in schema:
        return str(schema["description"])
    found = [part["description"] for part in schema.get("anyOf", ()) if "description" in part]
    return str(found[0]) if len(found) == 1 else None


def _bare(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a field without what its parts say of themselves: the field says it better."""
    kept = {key: value for key, value in schema.items() if key != "description"}
    if "anyOf" in kept:
        kept["anyOf"] = [{k: v for k, v in part.items() if k != "description"} for part in kept["anyOf"]]
    return kept


def _tidy(schema: Any) -> Any:
    """What msgspec writes in a way that is right, and that some generators do not understand."""
    if isinstance(schema, list | tuple):    # a default may be a tuple
        return [_tidy(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    tidy = {key: _tidy(value) for key, value in schema.items()}
    if "discriminator" in tidy and "anyOf" in tidy:
        tidy["oneOf"] = tidy.pop("anyOf")    # a tag has one value
    if isinstance(tidy.get("enum"), list) and "type" not in tidy:
        if all(isinstance(word, str) for word in tidy["enum"]):
            tidy["type"] = "string"
        if len(tidy["enum"]) == 1:
            tidy["const"] = tidy.pop("enum")[0]
    if tidy.get("items") is False and "maxItems" in tidy:
        del tidy["items"]    # there can be no others
    if tidy.get("required") == []:
        del tidy["required"]
    if isinstance(tidy.get("pattern"), str):
        tidy["pattern"] = tidy["pattern"].replace("$(?!\\n)", "$")    # of Python's `$` only: see `policy.policies`
    return tidy
