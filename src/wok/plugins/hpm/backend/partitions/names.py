"""How partitions are called in the cgroup tree.

Formats: libvirt's docs/cgroups.rst ("Systemd cgroups integration", "Non-systemd cgroups layout"): without systemd each
step but the first has the suffix ``.partition``; with it, a slice has the names of all that it stands in before its
own.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import PurePosixPath
from typing import Final

from ...errors import InvalidValue
from ...policy.partitions import ROOT, check_path

_SUFFIX = ".partition"
_SLICE = ".slice"
#: How the directory of a partition ends.
SUFFIXES: Final = (_SUFFIX, _SLICE)


def plain_directory(path: str) -> str:
    """Below a mount of cgroups: ``machine/gold.partition/db.partition``."""
    first, *steps = path[1:].split("/")
    return "/".join((first, *(step + _SUFFIX for step in steps)))


def from_plain(directory: str) -> str | None:
    """The partition of such a directory; None: it is none, or none of a name that we would give."""
    first, *steps = directory.split("/")
    if f"/{first}" != ROOT or not all(step.endswith(_SUFFIX) for step in steps):
        return None
    return _checked("/".join((ROOT, *(step.removesuffix(_SUFFIX) for step in steps))))


def slice_unit(path: str) -> str:
    """Its unit: ``machine-gold-db.slice``."""
    return path[1:].replace("/", "-") + _SLICE


def slice_directory(path: str) -> str:
    """Below the mount: ``machine.slice/machine-gold.slice/machine-gold-db.slice``."""
    steps = path[1:].split("/")
    return "/".join(slice_unit("/" + "/".join(steps[: count + 1])) for count in range(len(steps)))


def from_slices(directory: str) -> str | None:
    """The partition of such a directory; None as above."""
    unit = PurePosixPath(directory).name
    if not unit.endswith(_SLICE):
        return None
    path = _checked("/" + unit.removesuffix(_SLICE).replace("-", "/"))
    return path if path is not None and slice_directory(path) == directory else None


@lru_cache(256)    # thousands of servers have a few parents
def partition_of(parent: str) -> str | None:
    """The partition whose cgroup is the `parent` of a server's sample; None: none that hpm has a name for."""
    return from_slices(parent) if parent.endswith(_SLICE) else from_plain(parent)


def _checked(path: str) -> str | None:
    try:
        check_path(path)
    except InvalidValue:
        return None
    return path
