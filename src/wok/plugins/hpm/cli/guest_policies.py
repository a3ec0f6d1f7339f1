"""The commands for guest policies: what is said of a virtual server itself, and what is in force for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import click
import msgspec

from ..policy.guest_policies import Drift, GuestPolicy, HugePages
from ..policy.guest_words import NAMES, said
from ..texts import later, t
from ..wire.guest_policies import EffectivePolicy
from . import words
from .command import SERVER, command
from .guest_policy_options import DiskLimit, PlacementText, read_policy
from .option_types import Cpus, Json, Mebibytes
from .resolve import find_server
from .session import Session

#: `origin` in words.
_ORIGINS = {
    "virtual-server": later("the server"), "service-class": later("class {name}"),
    "workload-resource-group": later("group {name}"), "host": words.NONE,
}  # fmt: skip


@command("policy-of", SERVER, examples=["hpm policy-of db1", "hpm policy-of --vs-name db1 --json"])
def policy_of(session: Session, server: str) -> None:
    """Show the guest policy in force for a server.

    Each field: what is wanted, who says it (the server itself, its service class, its group), what the host has
    now, and whether that holds.
    """
    from .output import Column, show_sentences, show_table

    def show(found: EffectivePolicy) -> None:
        show_table(
            [Column(t("Field")), Column(t("Wanted")), Column(t("Said by")), Column(t("In force")),
             Column(t("State"), whole=True)],
            [(f.name, words.text_or_none(f.value), t(_ORIGINS[f.origin], name=f.of or ""),
              words.text_or_none(f.in_force), "" if f.state == "unsaid" else f.state) for f in found.fields],
        )  # fmt: skip
        reasons = [f"{f.name}: {f.reason}" for f in found.fields if f.reason]
        if reasons:
            click.echo()
            show_sentences(reasons)

    session.emit(session.client.effective_policy(find_server(session.client, server).object_id), show)


@command("vs-policy", SERVER, examples=[
    "hpm vs-policy db1",
    "hpm vs-policy db1 --placement 0-3 --exclusive --cap 1.5",
    "hpm vs-policy db1 --placement spread --weight 300",
    "hpm vs-policy db1 --disk-limit vda:read-iops-sec=500",
    "hpm vs-policy db1 --unset placement --unset weight",
    "hpm vs-policy db1 --file db1.json",
    "hpm vs-policy db1 --persist",
])  # fmt: skip
@click.option("--placement", type=PlacementText(), metavar="WHERE",
              help="Where its vCPUs run: CPUs such as 0-3,8; CPUs for each vCPU such as 0/1/2-3; node:N; spread; pack;"
                   " anywhere.")  # fmt: skip
@click.option("--exclusive/--shared", default=None, help="Whether no other server may run on those CPUs.")
@click.option("--emulator-cpus", metavar="CPUS", help="Where the emulator's threads run, such as 0-3,8.")
@click.option("--weight", "cpu_weight", type=click.IntRange(2, 10000), help="CPU shares while no goal decides on them.")
@click.option("--reserve", "cpu_reserve", type=Cpus(), metavar="CPUS|none",
              help="CPUs it is entitled to whatever the goals say.")  # fmt: skip
@click.option("--cap", "cpu_cap", type=Cpus(), metavar="CPUS|none", help="CPUs it never exceeds.")
@click.option("--blkio-weight", type=click.IntRange(10, 1000), help="The weight of its block I/O.")
@click.option("--disk-limit", "disks", type=DiskLimit(), multiple=True, metavar="DISK:NAME=N[,NAME=N]",
              help="A limit of a disk per second (repeatable): total-, read- or write-, then bytes-sec or iops-sec."
                   " DISK * is every other one. Replaces all that were said before.")  # fmt: skip
@click.option("--memory-minimum", "memory_minimum_mib", type=Mebibytes(), metavar="SIZE|none",
              help="Memory it keeps while memory is managed, in MiB, or such as 2G.")  # fmt: skip
@click.option("--swap-limit", "memory_swap_limit_mib", type=Mebibytes(), metavar="SIZE|none",
              help="Memory and swap it may have together on the host.")  # fmt: skip
@click.option("--huge-pages", type=click.Choice(get_args(HugePages)),
              help="What backs its memory, from its next start.")  # fmt: skip
@click.option("--page-sharing/--no-page-sharing", default=None,
              help="Whether equal pages of it are merged with others', from its next start.")  # fmt: skip
@click.option("--drift", type=click.Choice(get_args(Drift)), help="What is done about values that somebody changed.")
@click.option("--unset", type=click.Choice([*NAMES.values(), "weight", "reserve", "cap"]), multiple=True,
              metavar="FIELD", help="Say nothing of this field any more (repeatable); policy-of lists them.")
@click.option("--file", "file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="The policy as JSON, in the shape of the API; - reads standard input. What it leaves out stays.")
@click.option("--persist", is_flag=True, help="Write what is in force into the server's definition, too.")
def vs_policy(
    session: Session, server: str, placement: Json | None, exclusive: bool | None, disks: tuple[tuple[str, Json], ...],
    unset: tuple[str, ...], file: Path | None, persist: bool, **chosen: Any,
) -> None:  # fmt: skip
    """Show or set what is said of a server itself.

    What is not said is taken from its service class, then from its group; policy-of shows what is in force. Fields of
    CPU and disks are set while CPU management is on, those of memory while memory management is. Nothing is written
    into the server's definition without --persist.
    """
    from .output import warn

    changes: Json = {} if file is None else read_policy(file)
    for field, value in chosen.items():
        if value is not None:
            changes[NAMES[field]] = None if value == "none" and field != "huge_pages" else value
    if disks:
        limits: dict[str, Json] = {}
        for disk, parts in disks:
            limits.setdefault(disk, {}).update(parts)
        changes["disk-limits"] = limits
    for name in unset:
        changes[f"cpu-{name}" if f"cpu-{name}" in NAMES.values() else name] = None
    client, found = session.client, find_server(session.client, server)
    if placement is not None:
        changes["placement"] = placement if exclusive is None else {**placement, "exclusive": exclusive}
    elif exclusive is not None:
        before = client.guest_policy(found.object_id).value.placement
        if before is None:
            raise click.UsageError(t("--exclusive says how --placement may work; give --placement too"))
        changes["placement"] = {**msgspec.to_builtins(before), "exclusive": exclusive}
    if persist:
        if changes:
            client.update_guest_policy(found.object_id, changes)
        written = client.persist_policy(found.object_id)
        session.done(written, t(
            "Wrote into the definition of {name}: {fields}.",
            name=repr(found.name), fields=", ".join(written.value.written),
        ))
        for name, why in written.value.left_out.items():
            warn(t("{name} was left out: {why}", name=name, why=why))
        return
    if not changes:
        session.emit(client.guest_policy(found.object_id), lambda policy: _show(found.name, policy))
        return
    answer = client.update_guest_policy(found.object_id, changes)
    session.done(answer, t("Changed the guest policy of {name}.", name=repr(found.name)))


def _show(name: str, policy: GuestPolicy) -> None:
    from .output import show_fields

    told = said(policy)
    if told:
        show_fields(list(told.items()))
    else:
        click.echo(t(
            "Nothing is said of {name} itself; 'hpm policy-of {server}' shows what is in force.",
            name=repr(name), server=name,
        ))
