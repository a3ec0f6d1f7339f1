"""Words that parsers know, for `mutating`."""

from __future__ import annotations

from typing import Any, Final

from msgspec import inspect

from hpm.control.types import structs

XML: Final = (
    b"<?xml version='1.0' encoding='UTF-8'?>", b"<!DOCTYPE a [<!ENTITY e 'eeee'>]>", b"&e;", b"&amp;", b"&#10;",
    b"&#x1F600;", b"<![CDATA[", b"]]>", b"<!--", b"-->", b"<?a b?>", b" xmlns='urn:a'", b" xmlns:a='urn:b'", b"/>",
)  # fmt: skip


def of_json(*types: Any) -> tuple[bytes, ...]:
    """Names of fields, tags, and the words that fields may have, of those types and of what they hold."""
    found: dict[str, None] = {}
    for struct in structs(types):
        config = struct.__struct_config__
        if config.tag_field is not None:
            found |= dict.fromkeys((f'"{config.tag_field}"', f'"{config.tag}"'))
        for name in struct.__struct_encode_fields__:
            found[f'"{name}"'] = None
            found[f'"{name}": '] = None
        info = inspect.type_info(struct)
        assert isinstance(info, inspect.StructType)
        for field in info.fields:
            found |= dict.fromkeys(_literals(field.type))
    return tuple(word.encode() for word in found)


def _literals(info: Any) -> list[str]:
    if isinstance(info, inspect.LiteralType):
        return [f'"{value}"' if isinstance(value, str) else str(value) for value in info.values]
    parts = [getattr(info, name) for name in ("type", "item_type", "key_type", "value_type") if hasattr(info, name)]
    several = [*getattr(info, "types", ()), *(getattr(info, "item_types", None) or ())]
    if isinstance(info, inspect.StructType):
        return []
    return [word for part in (*parts, *several) if isinstance(part, inspect.Type) for word in _literals(part)]
