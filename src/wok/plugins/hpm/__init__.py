"""hpm, the Hypervisor Performance Manager.

The same folder is `hpm` where it is installed and `wok.plugins.hpm` where Wok finds it. Wok asks for `Hpm`, which
is made only then: everywhere else there need be no Wok.
"""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    if name != "Hpm":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .host.wok.root import Hpm

    return Hpm
