"""The libvirt binding, as `Any`: it has no types, and may be missing where the lab is only imported."""

from __future__ import annotations

import importlib
from typing import Any

URI = "qemu:///system"


def _load() -> Any:
    try:
        module = importlib.import_module("libvirt")
    except ImportError:
        return None
    # The binding prints every error besides raising it, and for the lab an error may be the answer.
    module.registerErrorHandler(lambda *_: None, None)
    return module


libvirt: Any = _load()
"""The module `libvirt`, or None if libvirt-python is not installed."""
