"""Entity tags: what `ETag` says of an object, and what `If-Match` and `If-None-Match` compare.

A tag is ``"whole"`` or ``"settings-whole"``. The figures of a virtual server change with every interval, and
nobody's change is lost by that; so its tag has a part of its own for what can be changed, and `If-Match`
compares only that part. Of a policy file it is what the file says, whatever its notation. The same holds
for the members of the group default, who come and go by themselves.
"""

from __future__ import annotations

import hashlib

import msgspec

from ..wire.groups import GroupDetail
from ..wire.partitions import PartitionDetail
from ..wire.policies import PolicyDetail
from ..wire.policy_files import Document
from ..wire.servers import ServerDetail


def etag(value: object, encoded: bytes) -> str:
    """The entity tag of an object and its representation."""
    settings = _settings(value)
    whole = _digest(encoded)
    return f'"{whole}"' if settings is None else f'"{_digest(msgspec.json.encode(settings))}-{whole}"'


def same(header: str, tag: str) -> bool:
    """Whether an `If-None-Match` has this tag, or ``*``: the client has the representation already."""
    return header.strip() == "*" or tag in _listed(header)


def unchanged(header: str, value: object) -> bool:
    """Whether an `If-Match` has a tag of the object's settings as they are, or ``*``."""
    current = _settings_part(etag(value, msgspec.json.encode(value)))
    return header.strip() == "*" or current in [_settings_part(tag) for tag in _listed(header)]


def _settings(value: object) -> object | None:
    """The part of an object that administrators change; None: all of it."""
    if isinstance(value, ServerDetail):
        return [
            value.workload_resource_group, value.excluded, value.cpu_reserve, value.cpu_cap,
            value.memory_minimum_mib, value.attributes, value.partition_at_start,
            None if value.temporary_goal is msgspec.UNSET else value.temporary_goal,
        ]  # fmt: skip
    if isinstance(value, PartitionDetail):
        return [
            value.state, value.persistent, value.description, value.autostart, value.reserve, value.live, value.config,
        ]  # fmt: skip
    if isinstance(value, Document):
        return [value.version]
    if isinstance(value, PolicyDetail):
        return msgspec.structs.replace(value, active=False)    # a schedule activates it, too
    if isinstance(value, GroupDetail) and value.is_default:
        return msgspec.structs.replace(value, virtual_servers=[])
    return None


def _listed(header: str) -> list[str]:
    return [part.strip().removeprefix("W/") for part in header.split(",")]


def _settings_part(tag: str) -> str:
    return tag.strip('"').partition("-")[0]


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=12).hexdigest()
