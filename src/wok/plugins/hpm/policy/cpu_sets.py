"""Lists of CPUs as the kernel and libvirt write them: ``0-3,8``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Final

import msgspec

from ..errors import InvalidValue

#: The highest number of a CPU that a list may have: the kernel's own limit is 8192 of them (CONFIG_NR_CPUS).
MAX_CPU: Final = 8191

#: A list of CPUs of the host.
CpuList = Annotated[str, msgspec.Meta(
    min_length=1, max_length=1024, pattern=r"^[0-9]{1,4}(?:-[0-9]{1,4})?(?:,[0-9]{1,4}(?:-[0-9]{1,4})?)*$(?!\n)",
    description="CPUs of the host such as 0-3,8",
)]  # fmt: skip

_PART = re.compile(r"([0-9]{1,4})(?:-([0-9]{1,4}))?")


def parse_cpus(text: str, path: str = "") -> frozenset[int]:
    """The CPUs of a list. libvirt also takes ``^2`` (but not that one). Raises `InvalidValue` for what is no such list,
    or empty."""
    chosen: set[int] = set()
    for part in text.split(","):
        found = _PART.fullmatch(part.strip().removeprefix("^"))
        first = last = -1
        if found is not None:
            first, last = int(found[1]), int(found[2] or found[1])
        if not 0 <= first <= last <= MAX_CPU:
            raise InvalidValue(f"{text[:80]!r} is no list of CPUs; such a list looks like 0-3,8", path)
        cpus = set(range(first, last + 1))
        chosen = chosen - cpus if part.strip().startswith("^") else chosen | cpus
    if not chosen:
        raise InvalidValue(f"{text[:80]!r} leaves no CPU", path)
    return frozenset(chosen)


def format_cpus(cpus: Iterable[int]) -> str:
    """The list of some CPUs, in its shortest form: ``0-3,8``. Empty for none."""
    spans: list[list[int]] = []
    for cpu in sorted(set(cpus)):
        if spans and cpu == spans[-1][-1] + 1:
            spans[-1][1:] = [cpu]
        else:
            spans.append([cpu])
    return ",".join("-".join(map(str, span)) for span in spans)
