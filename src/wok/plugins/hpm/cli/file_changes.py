"""What an import changes, as a tree: ``+`` is new, ``-`` goes, ``~`` is changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import click

from ..policy.files.difference import FieldDifference, GroupDifference, Kind, PolicyDifference
from ..texts import plural, t
from ..wire.policy_files import ImportResult
from .plain import plain

_SIGNS: dict[Kind, str] = {"created": "+", "deleted": "-", "changed": "~", "unchanged": " "}
_COLOURS = {"+": "green", "-": "red", "~": "yellow"}


def show_changes(result: ImportResult, names: Mapping[str, str]) -> None:
    """Print the tree; `names` are those of virtual servers, by UUID."""
    changed = [group for group in result.workload_resource_groups if group.change != "unchanged"]
    for group in changed:
        _print(_group(group, names))
    if result.virtual_servers:
        _print([(0, "~", t("what is said of virtual servers"))])
        for server in result.virtual_servers:
            _print([(1, "~", _server(server.uuid, names)), *_fields(2, server.fields)])
    for partition in result.partitions:
        sign = _SIGNS[partition.change]
        _print([(0, sign, t("partition {path}", path=partition.path)), *_fields(1, partition.fields)])
    left = len(result.workload_resource_groups) - len(changed)
    if left:
        click.echo("  " + plural("{n} group unchanged", "{n} groups unchanged", left))


def summary(result: ImportResult) -> str:
    """How many groups were created, changed and deleted."""
    kinds = [group.change for group in result.workload_resource_groups]
    created, changed, deleted = (kinds.count(kind) for kind in ("created", "changed", "deleted"))
    servers, partitions = len(result.virtual_servers), len(result.partitions)
    told = [
        plural("{n} group created", "{n} groups created", created) if created else "",
        plural("{n} group changed", "{n} groups changed", changed) if changed else "",
        plural("{n} group deleted", "{n} groups deleted", deleted) if deleted else "",
        plural("something else said of {n} virtual server", "something else said of {n} virtual servers", servers)
        if servers else "",
        plural("{n} partition defined otherwise", "{n} partitions defined otherwise", partitions) if partitions else "",
    ]  # fmt: skip
    return ", ".join(filter(None, told)) or t("nothing changed")


Line = tuple[int, str, str]


def _group(group: GroupDifference, names: Mapping[str, str]) -> Iterator[Line]:
    yield 0, _SIGNS[group.change], t("group {name}", name=group.name)
    yield from _fields(1, group.fields)
    for policy in group.perf_policies:
        yield from _policy(policy)
    for sign, uuids in (("+", group.servers_added), ("-", group.servers_removed)):
        for uuid in uuids:
            yield 1, sign, t("virtual server {name}", name=_server(uuid, names))


def _policy(policy: PolicyDifference) -> Iterator[Line]:
    yield 1, _SIGNS[policy.change], t("policy {name}", name=policy.name)
    yield from _fields(2, policy.fields)
    for service_class in policy.service_classes:
        yield 2, _SIGNS[service_class.change], t("class {name}", name=service_class.name)
        yield from _fields(3, service_class.fields)


def _fields(depth: int, fields: Sequence[FieldDifference]) -> Iterator[Line]:
    for field in fields:
        if field.before is None:
            yield depth, "+", f"{field.field}: {field.after}"
        elif field.after is None:
            yield depth, "-", f"{field.field}: {field.before}"
        else:
            yield depth, "~", f"{field.field}: {field.before} → {field.after}"


def _server(uuid: str, names: Mapping[str, str]) -> str:
    return f"{names[uuid]} ({uuid})" if uuid in names else t("{id} (not on this host now)", id=uuid)


def _print(lines: Iterable[Line]) -> None:
    for depth, sign, text in lines:
        click.echo("    " * depth + click.style(f"{sign} {plain(text)}", fg=_COLOURS.get(sign)))
