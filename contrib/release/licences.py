"""Under which licence each part of a release comes, and whether hpm may come with it.

Python's packages say it in many ways, or not at all, so each was looked up and is written down here; tests compare it
with what the installed package says of itself. npm's lock file has it for each package.
"""

from __future__ import annotations

from typing import Any

from license_expression import get_spdx_licensing

from .parts import Part

SPDX = get_spdx_licensing()

#: SPDX identifiers of licences that hpm, LGPL-2.1-or-later, can use and be given on with: permissive, weak copyleft by
#: file or library. https://spdx.org/licenses/; which fit together: https://www.gnu.org/licenses/license-list.html
ALLOWED = frozenset({
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "LGPL-2.0-or-later", "MIT", "MPL-2.0",
    "PSF-2.0", "Python-2.0", "Zlib", "ZPL-2.1",
})

#: By name in PyPI, in SPDX's words: what the licence file of the locked version says.
PYTHON = {
    "annotated-doc": "MIT",
    "annotated-types": "MIT",
    "anyio": "MIT",
    "backports-tarfile": "MIT",
    "certifi": "MPL-2.0",
    "cheroot": "BSD-3-Clause",
    "cherrypy": "BSD-3-Clause",
    "click": "BSD-3-Clause",
    "colorama": "BSD-3-Clause",
    "dbus-fast": "MIT",
    "exceptiongroup": "MIT",
    "h11": "MIT",
    "httpcore": "BSD-3-Clause",
    "httpx": "BSD-3-Clause",
    "idna": "BSD-3-Clause",
    "jaraco-collections": "MIT",
    "jaraco-context": "MIT",
    "jaraco-functools": "MIT",
    "jaraco-text": "MIT",
    "lark": "MIT",
    "libvirt-python": "LGPL-2.0-or-later",
    "markdown-it-py": "MIT",
    "mdurl": "MIT",
    "more-itertools": "MIT",
    "msgspec": "BSD-3-Clause",
    "numpy": "BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0",
    "portend": "MIT",
    "pydantic": "MIT",
    "pydantic-core": "MIT",
    "pygments": "BSD-2-Clause",
    "python-dateutil": "BSD-3-Clause",
    "rich": "MIT",
    "setuptools": "MIT",
    "shellingham": "ISC",
    "six": "MIT",
    "tempora": "MIT",
    "typer": "MIT",
    "typer-slim": "MIT",
    "typing-extensions": "PSF-2.0",
    "typing-inspection": "MIT",
    "tzdata": "Apache-2.0",
    "zc-lockfile": "ZPL-2.1",
    "zstandard": "BSD-3-Clause",
}


def licence_of(part: Part) -> str:
    """Its SPDX expression. Raises KeyError for a Python package that nobody has looked up yet."""
    return part.licence or PYTHON[part.name]


def allowed(expression: str) -> bool:
    """Whether each licence of an SPDX expression is one that hpm can come with; of a choice, one is enough.

    Raises `license_expression.ExpressionError` for what is none."""
    return _fits(SPDX.parse(expression))


def _fits(one: Any) -> bool:
    if isinstance(one, SPDX.AND):
        return all(_fits(part) for part in one.args)
    return any(_fits(part) for part in one.args) if isinstance(one, SPDX.OR) else str(one) in ALLOWED
