"""Where the tests run in a Wok, `hpm` is another name of `wok.plugins.hpm`: one set of modules, loaded as Wok does."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


class _Alias(MetaPathFinder, Loader):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] != "hpm":
            return None
        return ModuleSpec(fullname, self)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = importlib.import_module(f"wok.plugins.{spec.name}")
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec    # importlib has set that of the alias


def install() -> None:
    """From now on, `import hpm` gives what Wok's plugin is."""
    assert "hpm" not in sys.modules, "too late: hpm is imported already"
    sys.meta_path.insert(0, _Alias())
