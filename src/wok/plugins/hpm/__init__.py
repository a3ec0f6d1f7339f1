"""hpm, the Hypervisor Performance Manager.

The same folder is `hpm` where it is installed and `wok.plugins.hpm` where Wok finds it. Wok asks for `Hpm`, which
is made only then: everywhere else there need be no Wok.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

# A package of the distribution may bring along what the distribution lacks (configure --with-python-packages). Ours are
# the versions that were tested with hpm; in Wok, its own come first.
_named = Path(__file__).with_name("python-packages")
if _named.exists() and (_packages := _named.read_text().strip()) not in sys.path:
    sys.path.insert(0 if __name__ == "hpm" else len(sys.path), _packages)


def __getattr__(name: str) -> Any:
    if name != "Hpm":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .host.wok.root import Hpm

    return Hpm
