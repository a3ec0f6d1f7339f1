"""The commands for partitions."""

from __future__ import annotations

from typing import Any

import click

from ..client.answers import Answer
from ..client.rest import Client
from ..errors import NotFound
from ..policy.partitions import ROOT, CpuParameters, PartitionParameters
from ..texts import t
from ..wire.partitions import Affect, PartitionDetail, PartitionList
from . import words
from .command import Slot, command
from .option_types import Cpus
from .partition_options import parameter_options, parameters_given
from .resolve import with_hint
from .session import Session

_PARTITION = Slot("partition", "PARTITION", "--path", "The partition, by path or id.", complete="partition",
                  value="PATH")  # fmt: skip
_NEW = Slot("partition", "PARTITION", "--path", "Where it is to stand, such as /machine/gold.", value="PATH")
_RESERVE = click.option("--reserve", type=Cpus(), metavar="CPUS|none",
                        help="CPUs that all in it are entitled to together.")  # fmt: skip
_DESCRIPTION = click.option("--description", metavar="TEXT", help="What it is for.")


@command("partition-list", examples=["hpm partition-list", "hpm partition-list --json"])
def partition_list(session: Session) -> None:
    """List the partitions, as a tree.

    Share is the part of the CPU that it gets of its parent's while everything in the parent wants more.
    """

    def show(found: PartitionList) -> None:
        from .output import Column, show_table, warn

        columns = [
            Column(t("Partition")), Column(t("State"), whole=True), Column(t("Servers"), number=True),
            Column(t("Shares"), number=True), Column(t("Share\n%"), number=True), Column(t("Cap\nCPUs"), number=True),
            Column(t("Reserve\nCPUs"), number=True), Column(t("Used\nCPUs"), number=True),
            Column(t("Used\nMiB"), number=True), Column(t("Limit\nMiB"), number=True),
        ]  # fmt: skip
        show_table(columns, [_row(one) for one in found.partitions])
        if found.problem:
            warn(found.problem)

    session.emit(session.client.partitions(), show)


def _row(one: PartitionDetail) -> tuple[str, ...]:
    said = one.live or one.config or PartitionParameters()
    depth = one.path.count("/") - 1
    state = one.state if one.persistent or one.path == ROOT else t("transient")
    return (
        "  " * depth + (one.path if depth == 0 else one.path.rpartition("/")[2]),
        state + (" *" if one.drift else ""), str(len(one.virtual_servers)),
        words.text_or_none(said.cpu.shares), words.percent(one.shares_percent), words.cpus(one.effective.cpu_cap),
        words.cpus(one.reserve), words.cpus(one.cpu_using), words.text_or_none(one.memory_used_mib),
        words.text_or_none(one.effective.memory_limit_mib),
    )  # fmt: skip


@command("partition-show", _PARTITION, examples=["hpm partition-show /machine/gold"])
def partition_show(session: Session, partition: str) -> None:
    """Show a partition: what is set, in force, and effective."""
    client = session.client
    found = client.partition(find_partition(client, partition).object_id)
    session.emit(found, lambda one: _show(client, one))


def _show(client: Client, one: PartitionDetail) -> None:
    from .output import Cell, Column, show_fields, show_table

    servers = {server.object_id: server.name for server in client.servers().value.virtual_servers}
    groups = {group.object_id: group.name for group in client.groups().value.workload_resource_groups}
    limits = one.effective
    kind = t("always there") if one.path == ROOT else t("defined") if one.persistent else t("transient")
    state = [one.state, kind, *([t("created when hpm starts")] if one.autostart else [])]
    fields: list[tuple[str, Cell]] = [
        (t("Path"), one.path),
        (t("Id"), one.object_id),
        (t("State"), ", ".join(state)),
        (t("Servers"), ", ".join(servers.get(words.id_of(uri), uri) for uri in one.virtual_servers) or words.NONE),
        (t("Groups"),
         ", ".join(groups.get(words.id_of(uri), uri) for uri in one.workload_resource_groups) or words.NONE),
        (t("Reserve, CPUs"), words.cpus(one.reserve)),
        (t("Reserved in it, CPUs"), words.cpus(one.reserved)),
        (t("Share of its parent, %"), words.percent(one.shares_percent)),
        (t("At most, CPUs"), _from(words.cpus(limits.cpu_cap), limits.cpu_cap_from, one.path)),
        (t("At most, MiB"), _from(words.text_or_none(limits.memory_limit_mib), limits.memory_limit_from, one.path)),
        (t("On CPUs"), words.text_or_none(limits.cpus)),
        (t("Used, CPUs"), words.cpus(one.cpu_using)),
        (t("Used, MiB"), words.text_or_none(one.memory_used_mib)),
    ]
    if one.shares_planned:
        fields.append((t("Shares"), t("planned by hpm, by the goals of the servers in it")))
    if one.shares_original is not None:
        shares = str(one.shares_original)
        fields.append((t("Shares without hpm"), shares if one.shares_planned else t(
            "{shares} (changed for its reserve)", shares=shares,
        )))
    if one.description:
        fields.insert(2, (t("Description"), one.description))
    show_fields(fields)
    live, config = _values(one.live), _values(one.config)
    names = list(dict.fromkeys((*live, *config)))
    if names:
        click.echo()
        show_table(
            [Column(t("Parameter")), Column(t("In force")), Column(t("Defined"))],
            [(name + (" *" if name in one.drift or name.partition(" ")[0] in one.drift else ""),
              live.get(name, words.NONE), config.get(name, words.NONE)) for name in names],
        )  # fmt: skip
    if one.drift:
        click.echo(t("* somebody else changed what is in force; partition-update sets it again"))


def _from(value: str, path: str | None, own: str) -> str:
    return value if path in (None, own) else t("{value} (of {path})", value=value, path=path)


def _values(parameters: PartitionParameters | None) -> dict[str, str]:
    """The parameters that are set, by name."""
    found: dict[str, str] = {}
    for group in () if parameters is None else parameters.__struct_fields__:
        values = getattr(parameters, group)
        for field, name in zip(values.__struct_fields__, values.__struct_encode_fields__, strict=True):
            value = getattr(values, field)
            if name == "devices":
                for limits in value:
                    pairs = zip(limits.__struct_encode_fields__, limits.__struct_fields__, strict=True)
                    told = [f"{text} {getattr(limits, at)}" for text, at in pairs if getattr(limits, at) is not None]
                    found[f"{group}.devices {limits.device}"] = ", ".join(told[1:]) or t("no limit")
            elif value is not None:
                found[f"{group}.{name}"] = str(value)
    cpu = CpuParameters() if parameters is None else parameters.cpu
    if cpu.cap is not None:
        found["cpu.quota-us"] = t("{us} ({cpus} CPUs)", us=found["cpu.quota-us"], cpus=words.cpus(cpu.cap))
    return found


@command("partition-define", _NEW, examples=[
    "hpm partition-define /machine/gold --shares 3000 --cap 1.5 --create",
    "hpm partition-define /machine/gold/db --cpus 0-3 --reserve 2",
])  # fmt: skip
@_DESCRIPTION
@_RESERVE
@click.option("--autostart/--no-autostart", default=True, help="Whether hpm creates it when it starts [default: yes].")
@click.option("--create", is_flag=True, help="Create it now, too.")
@parameter_options
def partition_define(
    session: Session, partition: str, description: str | None, reserve: float | str | None, autostart: bool,
    create: bool, **given: Any,
) -> None:  # fmt: skip
    """Define a partition.

    It is kept by hpm, and is there once it is created. What is left out, the kernel decides; of
    shares, hpm does while CPU management is on.
    """
    answer = session.client.create_partition({
        "path": partition, "description": description or "", "autostart": autostart, "create": create,
        "reserve": None if reserve == "none" else reserve, "parameters": parameters_given(given),
    })  # fmt: skip
    session.done(
        answer, t("Defined partition {path} and created it.", path=partition) if create else
        t("Defined partition {path}.", path=partition),
    )  # fmt: skip


@command("partition-create", _PARTITION, examples=[
    "hpm partition-create /machine/gold",
    "hpm partition-create /machine/trial --transient --cap 0.5",
])  # fmt: skip
@click.option("--transient", is_flag=True, help="One that is not defined: it ends with the host.")
@parameter_options
def partition_create(session: Session, partition: str, transient: bool, **given: Any) -> None:
    """Create a partition that is defined, or a transient one.

    One that is defined is created with the parameters of its definition; a transient one with those given here.
    """
    parameters = parameters_given(given)
    if transient:
        answer = session.client.create_partition({"path": partition, "persistent": False, "parameters": parameters})
        session.done(answer, t("Created transient partition {path}.", path=partition))
        return
    if parameters:
        raise click.UsageError(t("it is created as it is defined; give parameters to partition-update, or --transient"))
    found = find_partition(session.client, partition)
    session.done(_act(session.client, found, "create"), t("Created partition {path}.", path=found.path))


@command("partition-destroy", _PARTITION, examples=["hpm partition-destroy /machine/gold"])
def partition_destroy(session: Session, partition: str) -> None:
    """Remove an empty partition from the host.

    Its definition stays, if there is one. A partition in which something stands is left as it is.
    """
    found = find_partition(session.client, partition)
    session.done(_act(session.client, found, "destroy"), t("Destroyed partition {path}.", path=found.path))


@command("partition-undefine", _PARTITION, examples=["hpm partition-undefine /machine/gold"])
def partition_undefine(session: Session, partition: str) -> None:
    """Forget the definition of a partition.

    One that is active stays, as a transient one.
    """
    found = find_partition(session.client, partition)
    answer = _act(session.client, found, "undefine")
    session.done(
        answer, t("Undefined partition {path}. It is still there, as a transient one.", path=found.path)
        if answer.value.state == "active" else t("Undefined partition {path}.", path=found.path),
    )  # fmt: skip


@command("partition-update", _PARTITION, examples=[
    "hpm partition-update /machine/gold --cap 0.5",
    "hpm partition-update /machine/gold --shares 3000 --live",
    "hpm partition-update /machine/gold --reserve 1 --config",
])  # fmt: skip
@_DESCRIPTION
@_RESERVE
@click.option("--autostart/--no-autostart", default=None, help="Whether hpm creates it when it starts.")
@click.option("--live", is_flag=True, help="Change what is in force.")
@click.option("--config", is_flag=True, help="Change what it is created with.")
@parameter_options
def partition_update(
    session: Session, partition: str, description: str | None, reserve: float | str | None, autostart: bool | None,
    live: bool, config: bool, **given: Any,
) -> None:  # fmt: skip
    """Change a partition's parameters, or what is said of it.

    Without --live and --config, both are changed as far as there are both; with both, there must be both. The
    parameters of CPU, block I/O, memory and NUMA are changed one after another; if one of these is refused, those
    before it are changed.
    """
    parameters = parameters_given(given)
    said: dict[str, Any] = {}
    if description is not None:
        said["description"] = description
    if autostart is not None:
        said["autostart"] = autostart
    if reserve is not None:
        said["reserve"] = None if reserve == "none" else reserve
    if not said and not parameters:
        raise click.UsageError(t("nothing to change: give at least one option"))
    client = session.client
    found = find_partition(client, partition)
    affect: Affect | None = "both" if live and config else "live" if live else "config" if config else None
    if said:
        client.update_partition(found.object_id, said)
    if "cpu" in parameters:
        client.set_cpu_parameters(found.object_id, parameters["cpu"], affect)
    if "blkio" in parameters:
        client.set_blkio_parameters(found.object_id, parameters["blkio"], affect)
    if "memory" in parameters:
        client.set_memory_parameters(found.object_id, parameters["memory"], affect)
    if "numa" in parameters:
        client.set_numa_parameters(found.object_id, parameters["numa"], affect)
    session.done(client.partition(found.object_id), t("Changed partition {path}.", path=found.path))


def find_partition(client: Client, wanted: str) -> PartitionDetail:
    """The partition of that path or id. Raises `NotFound`."""
    known = client.partitions().value.partitions
    for one in known:
        if wanted in (one.path, one.object_id) or wanted.lower() == one.object_id:
            return one
    missing = t("there is no partition {path}", path=repr(wanted))
    raise NotFound(with_hint(missing, wanted, [one.path for one in known], "partition-list"))


def _act(client: Client, found: PartitionDetail, action: str) -> Answer[PartitionDetail]:
    return client.act_on_partition(found.object_id, {"action": action})
