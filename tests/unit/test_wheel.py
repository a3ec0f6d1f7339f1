"""What `pip wheel` packs: users get the pages built, and need no Node.js."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.running import ROOT

PACKAGE = ROOT / "src/wok/plugins/hpm"
#: setuptools makes wheels by itself from here on.
SETUPTOOLS = (70, 1)


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The files of the wheel. It is made of a copy: setuptools leaves things in the tree, and finds them again."""
    if tuple(int(part) for part in version("setuptools").split(".")[:2]) < SETUPTOOLS:
        pytest.skip("setuptools is older than 70.1 (make style)")
    tree, out = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    shutil.copytree(ROOT / "src", tree / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index",
         "--disable-pip-version-check", "--wheel-dir", str(out), str(tree)], check=True,
    )  # fmt: skip
    (wheel,) = out.glob("*.whl")
    with ZipFile(wheel) as archive:
        return set(archive.namelist())


def in_tree(*folders: str) -> set[str]:
    files = (file for folder in folders for file in (PACKAGE / folder).rglob("*") if file.is_file())
    return {file.relative_to(PACKAGE.parent).as_posix() for file in files}


def test_the_wheel_has_what_both_servers_show(packed: set[str]) -> None:
    wanted = in_tree("ui", "host/front/files")
    assert {"hpm/host/front/files/index.html", "hpm/host/front/files/page.css", "hpm/ui/images/hpm.svg"} <= wanted
    wanted -= {"hpm/ui/docs/.buildinfo"}    # what Sphinx goes on from
    assert wanted | {"hpm/hpm.conf", "hpm/py.typed"} <= packed


def test_the_wheel_has_the_built_pages_and_their_texts(packed: set[str]) -> None:
    if not (PACKAGE / "ui/js/hpm.js").exists():
        pytest.skip("the pages have not been built (make ui)")
    languages = [Path(name).stem for name in packed if name.startswith("hpm/ui/js/lang/")]
    assert {"hpm/ui/js/hpm.js", "hpm/ui/js/LICENSES.txt"} <= packed
    assert sorted(languages) == sorted(file.stem for file in (ROOT / "ui/po").glob("*.po"))


def test_the_wheel_has_the_languages_of_the_command_line(packed: set[str]) -> None:
    if not (PACKAGE / "locale").exists():
        pytest.skip("the catalogues have not been compiled (make catalogues)")
    languages = [Path(name).stem for name in packed if name.startswith("hpm/locale/")]
    assert sorted(languages) == sorted(file.stem for file in (ROOT / "po/cli").glob("*.po"))


def test_the_wheel_has_no_tests_and_no_sources_of_the_pages(packed: set[str]) -> None:
    assert {name.partition("/")[0] for name in packed} - {"hpm"} == {f"hpm-{version('hpm')}.dist-info"}
    assert not [name for name in packed if name.endswith((".ts", ".mjs", ".po"))]
