"""Options of guest policies: placements and limits of disks in short, and policies as files."""

from __future__ import annotations

import re
from pathlib import Path

import click
import msgspec

from ..errors import InvalidValue
from ..policy.cpu_sets import parse_cpus
from ..policy.decode import convert, decode
from ..policy.guest_policies import DiskLimits, GuestPolicy
from ..texts import t
from .file_input import located, read_bytes
from .option_types import Json, Parsed

_WORDS = ("spread", "pack", "anywhere")
_LIMIT = re.compile(r"(?P<name>[a-z-]+)=(?P<number>[0-9]{1,16})")


class PlacementText(Parsed):
    """A placement in short; gives it as JSON."""

    name = "placement"

    def parse(self, value: str) -> Json:
        if value in _WORDS:
            return {"type": value}
        if value.startswith("node:") and value[5:].isdecimal():
            return {"type": "node", "node": int(value[5:])}
        lists = value.split("/")
        for cpus in lists:
            try:
                parse_cpus(cpus)
            except InvalidValue:
                raise ValueError(t(
                    "{value} is no placement; right are CPUs such as 0-3,8, CPUs for each vCPU such as 0/1/2-3, node:N,"
                    " {words}",
                    value=repr(value), words=", ".join(_WORDS),
                )) from None
        return {"type": "cpus", "cpus": value} if len(lists) == 1 else {"type": "vcpus", "cpus": lists}


class DiskLimit(Parsed):
    """``DISK:NAME=NUMBER,…``; gives the disk, and its limits as JSON."""

    name = "limit"

    def parse(self, value: str) -> tuple[str, Json]:
        disk, _, text = value.rpartition(":")
        names = [name.replace("_", "-") for name in DiskLimits.__struct_fields__]
        limits: Json = {}
        for part in text.split(","):
            found = _LIMIT.fullmatch(part)
            if found is None or found["name"] not in names or not disk:
                raise ValueError(t(
                    "{value} is not of the form DISK:NAME=NUMBER, such as vda:read-iops-sec=500; names are {names}",
                    value=repr(value), names=", ".join(names),
                ))
            limits[found["name"]] = int(found["number"])
        return disk, limits


def read_policy(file: Path) -> Json:
    """A guest policy from a JSON file, checked. Fails with the place of what is wrong."""
    try:
        fields: Json = decode(read_bytes(file), Json)
        convert({name: value for name, value in fields.items() if value is not None}, GuestPolicy)
    except InvalidValue as error:
        raise click.ClickException(located(file, error)) from None
    return fields


def read_whole(file: str) -> Json:
    """The same for a policy that replaces another one; ``none``: the one that says nothing."""
    if file == "none":
        return {}
    policy: Json = msgspec.to_builtins(convert(read_policy(Path(file)), GuestPolicy))
    return policy
