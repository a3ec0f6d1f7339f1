"""A copy of a built Wok tree made of links, with hpm in it: nothing is written into the tree itself."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]

#: A Wok tree in which `./autogen.sh --system && make` was run; and Kimchi's, likewise.
WOK_SRC = os.environ.get("WOK_SRC")
KIMCHI_SRC = os.environ.get("KIMCHI_SRC")
NO_WOK = "WOK_SRC names no built Wok tree: see docs/wok.md"


def make_tree(directory: Path, *, enable: bool = True, kimchi: str | None = None, options: str = "") -> Path:
    """Link Wok's tree into `directory`, with hpm on a simulated host of its own, and maybe Kimchi; gives its `src`.
    `options` are more lines of hpm's own in hpm.conf."""
    assert WOK_SRC, NO_WOK
    wok = Path(WOK_SRC).resolve()
    for name in ("ui", "src", "src/wok", "src/wok/plugins", "mo"):
        _link(wok / name, directory / name, real=("src", "wok", "plugins"))
    for folder in (directory / "mo").iterdir():    # where hpm's own translations come to stand
        catalogues = folder / "LC_MESSAGES"
        target = catalogues.resolve()
        folder.unlink()
        _link(target, catalogues, real=())
    if kimchi is not None:
        (directory / "src/wok/plugins/kimchi").symlink_to(Path(kimchi).resolve())    # its tree is the plugin
    subprocess.run([ROOT / "contrib/wok-link", directory], check=True)
    (directory / "src/wok/plugins/hpm/hpm.conf").write_text(
        f"[wok]\nenable = {enable}\n\n[hpm]\nconnect = simulated\nstate-dir = {directory}/state\n"
        f"socket = {directory}/hpm.sock\ninterval = 3\n{options}\n"
    )
    return directory / "src"


def _link(source: Path, target: Path, real: tuple[str, ...]) -> None:
    """A folder of links to what is in `source`; those named in `real` are left for a call of their own."""
    if target.name == "ui":
        target.symlink_to(source)
        return
    target.mkdir(parents=True, exist_ok=True)
    for entry in source.iterdir():
        plugin = target.name == "plugins" and entry.is_dir()
        if entry.name not in (*real, "__pycache__") and not plugin:
            (target / entry.name).symlink_to(entry.resolve())
