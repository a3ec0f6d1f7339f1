"""How Sphinx makes pages of the documents (`make site`): its source is the whole checkout, so that links in Markdown
mean the same on a forge and in the pages.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "src/wok/plugins"))

from hpm.version import VERSION  # noqa: E402

project = "hpm"
author = "the authors of hpm"
copyright = "the authors of hpm"
release = version = VERSION

extensions = ["myst_parser"]
root_doc = "docs/index"
include_patterns = [
    "README.md", "DESIGN.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs/*.md", "examples/**.md",
    "contrib/systemd/README.md", "contrib/release/README.md", "contrib/ansible/**/README.md",
]  # fmt: skip
myst_heading_anchors = 4
myst_enable_extensions = ["html_image"]

html_theme = "theme"
html_theme_path = ["."]
html_title = f"hpm {VERSION}"
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_use_index = False
html_permalinks_icon = "#"
pygments_style = "default"
highlight_language = "none"


def _without_folders(app: Sphinx, name: str, source: list[str]) -> None:
    """A link to a folder or a module of the checkout becomes its text: the pages have none."""
    here = (ROOT / name).parent

    def told(link: re.Match[str]) -> str:
        there = here / link[2]
        return link[1] if there.is_dir() or there.suffix == ".py" else link[0]

    source[0] = re.sub(r"\[([^\]\n]+)\]\(([^)\s#:]+)\)", told, source[0])


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("source-read", _without_folders)
