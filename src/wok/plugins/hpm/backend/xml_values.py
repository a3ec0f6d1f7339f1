"""Reading and writing libvirt's XML of a domain: what cannot be read is that domain's error, and nobody else's.

libvirt checks what it knows. Metadata it does not, and newer ones have units and values that we do not know.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from xml.etree import ElementTree

from ..errors import HypervisorError, InvalidValue

#: Beyond this nothing is a size, a time or an amount, and JSON could not say it.
LARGEST: Final = 2**63 - 1
#: vCPUs of a domain; libvirt and QEMU know fewer.
MOST_VCPUS: Final = 1 << 16
#: Units of memory sizes as libvirt documents them, in bytes.
BYTES: Final = {"b": 1, "bytes": 1} | {
    name: base**power
    for power, letter in enumerate("KMGT", start=1)
    for name, base in ((f"{letter}B", 1000), (f"{letter}iB", 1024), (letter, 1024), (letter.lower(), 1024))
}


@contextmanager
def reading() -> Iterator[None]:
    """Whatever is wrong with a domain's XML in here is a `HypervisorError`."""
    try:
        yield
    except (ElementTree.ParseError, LookupError, ValueError, InvalidValue) as error:
        said = f"there is no {error}" if isinstance(error, KeyError) else str(error)
        raise HypervisorError(f"the definition of a virtual server cannot be read: {said[:200]}") from None
    except RecursionError:
        raise HypervisorError("the definition of a virtual server cannot be read: it is nested too deep") from None


def number(text: str | None, default: int = 0, most: int = LARGEST, least: int = -1) -> int:
    """The number in a text; the default where there is none. Raises `ValueError`."""
    value = int(text[:40]) if text else default
    if not least <= value <= most:
        raise ValueError(f"{value} is no number from {least} to {most}")
    return value


def quota(text: str | None) -> int | None:
    """Of a period (both in microseconds); None: no limit, which libvirt takes as any negative number, and says so.
    Raises `ValueError`."""
    value = number(text, least=-LARGEST)
    return value if value > 0 else None


def size(element: ElementTree.Element) -> int:
    """Bytes that an element says, in the unit that it has. Raises `ValueError`, `KeyError`."""
    return number(str(number(element.text) * BYTES[element.get("unit", "KiB")]))


def said_number(texts: list[str], most: int) -> int | None:
    """The first of some texts that is a number up to so much; None: none is. Anybody may write metadata."""
    found = (int(text) for text in texts if text.isascii() and text.isdigit() and len(text) < 19)
    return next((value for value in found if value <= most), None)
