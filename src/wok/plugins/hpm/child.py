"""Starting processes that are ours: modules of this package in an interpreter of their own."""

from __future__ import annotations

import json
import sys

#: The package as we know it (it may be a part of Wok's), found where we found it.
PROGRAM = (
    "import importlib, json, sys; sys.path[:] = json.loads(sys.argv[2]); importlib.import_module(sys.argv[1]).main()"
)


def command(module: str, *options: str) -> list[str]:
    """What runs the `main` of a module; `options` are the interpreter's."""
    return [sys.executable, *options, "-c", PROGRAM, module, json.dumps(sys.path)]
