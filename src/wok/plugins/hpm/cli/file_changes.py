"""What an import changes, as a tree: ``+`` is new, ``-`` goes, ``~`` is changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import click

from ..policy.files.difference import FieldDifference, GroupDifference, Kind, PolicyDifference
from ..wire.policy_files import ImportResult
from . import words
from .plain import plain

_SIGNS: dict[Kind, str] = {"created": "+", "deleted": "-", "changed": "~", "unchanged": " "}
_COLOURS = {"+": "green", "-": "red", "~": "yellow"}


def show_changes(result: ImportResult, names: Mapping[str, str]) -> None:
    """Print the tree; `names` are those of virtual servers, by UUID."""
    changed = [group for group in result.workload_resource_groups if group.change != "unchanged"]
    for group in changed:
        _print(_group(group, names))
    if result.virtual_servers:
        _print([(0, "~", "what is said of virtual servers")])
        for server in result.virtual_servers:
            _print([(1, "~", _server(server.uuid, names)), *_fields(2, server.fields)])
    for partition in result.partitions:
        sign = _SIGNS[partition.change]
        _print([(0, sign, f"partition {partition.path}"), *_fields(1, partition.fields)])
    left = len(result.workload_resource_groups) - len(changed)
    if left:
        click.echo(f"  {words.count(left, 'group')} unchanged")


def summary(result: ImportResult) -> str:
    """How many groups were created, changed and deleted."""
    kinds = [group.change for group in result.workload_resource_groups]
    counts = {kind: kinds.count(kind) for kind in ("created", "changed", "deleted")}
    told = [f"{words.count(number, 'group')} {kind}" for kind, number in counts.items() if number]
    if result.virtual_servers:
        told.append(f"something else said of {words.count(len(result.virtual_servers), 'virtual server')}")
    if result.partitions:
        told.append(f"{words.count(len(result.partitions), 'partition')} defined otherwise")
    return ", ".join(told) or "nothing changed"


Line = tuple[int, str, str]


def _group(group: GroupDifference, names: Mapping[str, str]) -> Iterator[Line]:
    yield 0, _SIGNS[group.change], f"group {group.name}"
    yield from _fields(1, group.fields)
    for policy in group.perf_policies:
        yield from _policy(policy)
    for sign, uuids in (("+", group.servers_added), ("-", group.servers_removed)):
        for uuid in uuids:
            yield 1, sign, f"virtual server {_server(uuid, names)}"


def _policy(policy: PolicyDifference) -> Iterator[Line]:
    yield 1, _SIGNS[policy.change], f"policy {policy.name}"
    yield from _fields(2, policy.fields)
    for service_class in policy.service_classes:
        yield 2, _SIGNS[service_class.change], f"class {service_class.name}"
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
    return f"{names[uuid]} ({uuid})" if uuid in names else f"{uuid} (not on this host now)"


def _print(lines: Iterable[Line]) -> None:
    for depth, sign, text in lines:
        click.echo("    " * depth + click.style(f"{sign} {plain(text)}", fg=_COLOURS.get(sign)))
