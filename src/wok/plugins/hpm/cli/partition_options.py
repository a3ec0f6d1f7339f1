"""The options by which parameters of a partition are given, and what they come to in the API's words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click

from ..policy.partitions import USUAL_PERIOD_US, Group
from ..texts import t
from .option_types import Cpus, Device, Mebibytes, WholeNumber

F = TypeVar("F", bound=Callable[..., Any])

#: Option, the group and the field that it sets, its type, what stands for its value, and what it does.
_OPTIONS: tuple[tuple[str, Group, str, click.ParamType, str, str], ...] = (  # type: ignore[type-arg]    # as in option_types
    ("--shares", "cpu", "shares", WholeNumber(2, 10000), "NUMBER|none",
     "Its weight among what stands beside it; none: hpm plans it while CPU management is on, and those in it compete by"
     " their goals with those around it."),
    ("--quota", "cpu", "quota-us", WholeNumber(1000, 17592186044415), "US|none",
     "Microseconds of CPU time in each period for all in it together."),
    ("--period", "cpu", "period-us", WholeNumber(1000, 1000000), "US|none", "That period [default: 100000]."),
    ("--io-weight", "blkio", "weight", WholeNumber(10, 1000), "NUMBER|none", "Its weight of block I/O."),
    ("--hard-limit", "memory", "hard-limit-mib", Mebibytes(), "SIZE|none",
     "Memory that all in it never exceed together, in MiB, or such as 2G."),
    ("--soft-limit", "memory", "soft-limit-mib", Mebibytes(), "SIZE|none",
     "Memory that they are taken back to when the host is short of it."),
    ("--swap-limit", "memory", "swap-limit-mib", Mebibytes(), "SIZE|none",
     "As the hard limit, of memory and swap together."),
    ("--cpus", "numa", "cpus", click.STRING, "LIST|none", "The host's CPUs that all in it run on, such as 0-3,8."),
    ("--mems", "numa", "mems", click.STRING, "LIST|none", "The NUMA nodes that their memory is from, such as 0."),
)  # fmt: skip


def parameter_options(function: F) -> F:
    """Decorator: a command that takes parameters of a partition."""
    function = click.option(
        "--device", "devices", type=Device(), multiple=True, metavar="DEVICE[,FIELD=N]...",
        help="Limits of a disk, such as /dev/sda,read-bytes-sec=1000000; also write-bytes-sec, read-iops-sec,"
             " write-iops-sec (repeatable: all disks that are limited; 'none': no disk).",
    )(function)  # fmt: skip
    for option, _, _, type_, metavar, said in reversed(_OPTIONS):
        function = click.option(option, type=type_, metavar=metavar, help=said)(function)
    return click.option("--cap", type=Cpus(), metavar="CPUS|none",
                        help="CPUs that all in it never exceed together: a quota, said in CPUs.")(function)  # fmt: skip


def parameters_given(given: Mapping[str, Any]) -> dict[Group, dict[str, Any]]:
    """What options say, by group and field; ``none`` is null. Raises `click.UsageError`."""
    found: dict[Group, dict[str, Any]] = {}
    for option, group, field, *_ in _OPTIONS:
        value = given[option[2:].replace("-", "_")]
        if value is not None:
            found.setdefault(group, {})[field] = None if value == "none" else value
    cap = given["cap"]
    if cap is not None:
        cpu = found.setdefault("cpu", {})
        if "quota-us" in cpu:
            raise click.UsageError(t("--cap and --quota say the same in different words; give one of them"))
        period = cpu.get("period-us") or USUAL_PERIOD_US
        cpu["quota-us"] = None if cap == "none" else round(cap * period)
        cpu.setdefault("period-us", None if cap == "none" else period)
    if given["devices"]:
        limits = [device for device in given["devices"] if device is not None]
        found.setdefault("blkio", {})["devices"] = limits
    return found
