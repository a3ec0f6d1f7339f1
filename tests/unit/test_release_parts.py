"""What a release is made of: locked with hashes, under licences that fit, written down, and asked about."""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
import sys
import venv
from dataclasses import replace
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.markers import Marker, default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from contrib.release.audit import Verdict, judge_node, judge_python
from contrib.release.licences import PYTHON, allowed, licence_of
from contrib.release.parts import HPM, NODE_LOCK, PYTHON_LOCK, Part, node_parts, python_parts
from contrib.release.sbom import sbom

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "src/wok/plugins/hpm/ui/js"

#: Releases of Python that a lock is for, as markers see them.
PYTHONS = [{"python_version": f"3.{minor}", "python_full_version": f"3.{minor}.4", "sys_platform": "linux",
            "platform_system": "Linux", "os_name": "posix"} for minor in range(10, 15)]


def locked(python: dict[str, str]) -> dict[str, Part]:
    """By name, what the lock has for a release of Python. It names none twice."""
    fitting = [part for part in python_parts() if not part.marker or Marker(part.marker).evaluate(dict(python))]
    named = {part.name: part for part in fitting}
    assert len(named) == len(fitting)
    return named


def lacks(needs: list[str], parts: dict[str, Part], environment: dict[str, str]) -> list[str]:
    """Those of what is needed that the lock has not, or in a version that does not do."""
    wanted = [Requirement(need) for need in needs]
    return [str(need) for need in wanted if not need.marker or need.marker.evaluate({**environment, "extra": ""})
            if canonicalize_name(need.name) not in parts
            or not need.specifier.contains(parts[canonicalize_name(need.name)].version, prereleases=True)]


@pytest.mark.parametrize("python", PYTHONS, ids=lambda python: python["python_version"])
def test_the_lock_has_what_hpm_needs_on_each_python(python: dict[str, str]) -> None:
    """`make locks` renews it after a change of pyproject.toml."""
    needs = [need for need in importlib.metadata.requires("hpm") or () if "extra" not in need]
    extra = [need.partition(";")[0] for need in importlib.metadata.requires("hpm") or () if "'libvirt'" in need
             or '"libvirt"' in need]
    assert needs and extra
    assert lacks(needs + extra, locked(python), python) == []


def test_the_lock_has_what_its_parts_need_in_turn() -> None:
    here = {key: str(value) for key, value in default_environment().items()}
    parts = locked(here)
    for name in parts:
        try:
            needs = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue    # an extra that is not installed here
        assert lacks([need for need in needs if "extra" not in need], parts, here) == [], name


def test_each_part_is_locked_by_hash() -> None:
    assert [part.name for part in python_parts() if not all(kind == "sha256" for kind, _ in part.hashes)] == []
    assert [part.name for part in python_parts() + node_parts() if not part.hashes] == []
    assert [part.name for part in node_parts() if [kind for kind, _ in part.hashes] != ["sha512"]] == []


def test_the_locks_name_no_server() -> None:
    assert "://" not in PYTHON_LOCK.read_text()
    assert '"resolved"' not in NODE_LOCK.read_text()


def test_what_is_no_pinned_version_is_refused(tmp_path: Path) -> None:
    for line in ("click>=8", "click==8.*", "click"):
        (lock := tmp_path / "lock").write_text(f"{line} \\\n    --hash=sha256:00\n")
        with pytest.raises(ValueError, match="does not name one version"):
            python_parts(lock)


def test_each_licence_is_known_and_fits() -> None:
    assert {part.name for part in python_parts()} == set(PYTHON), "look new ones up, and take those away that are gone"
    licences = {part.name: licence_of(part) for part in python_parts() + node_parts()}
    assert [name for name, licence in licences.items() if not allowed(licence)] == []


@pytest.mark.parametrize(("expression", "fits"), [
    ("MIT", True), ("(MIT OR GPL-3.0-only)", True), ("MIT AND GPL-3.0-only", False), ("GPL-3.0-only", False),
    ("SSPL-1.0 OR GPL-3.0-only", False),
    ("(MIT OR Apache-2.0) AND GPL-3.0-only", False), ("MIT AND (GPL-3.0-only OR ISC)", True), ("", False)])
def test_a_licence_that_does_not_fit_is_told(expression: str, fits: bool) -> None:
    assert allowed(expression) is fits


#: What installed packages say in other words than SPDX's.
_WORDS = {"ISC License": "ISC", "LGPL-v2.0-or-later": "LGPL-2.0-or-later"}


def test_what_was_looked_up_is_what_installed_packages_say_of_themselves() -> None:
    compared = 0
    for name, licence in PYTHON.items():
        try:
            metadata = importlib.metadata.metadata(name)
        except importlib.metadata.PackageNotFoundError:
            continue    # for another Python
        says = metadata.get("License-Expression") or metadata.get("License")
        if says:
            assert _WORDS.get(says, says) == licence, name
            compared += 1
        elif classifiers := [text for text in metadata.get_all("Classifier", []) if text.startswith("License :: OSI")]:
            assert licence.partition("-")[0] in classifiers[0], name
            compared += 1
    assert compared > 30


def test_the_licences_of_what_is_built_into_the_pages_come_with_them() -> None:
    if not (PAGES / "hpm.js").exists():
        pytest.skip("the pages have not been built (make ui)")
    text = (PAGES / "LICENSES.txt").read_text()
    named = set(re.findall(r"^(@?[a-z][\w./-]*) ([\d.]+) \(", text, re.MULTILINE))
    shipped = {(part.name, part.version) for part in node_parts() if part.shipped}
    assert {"lit", "uplot"} <= {name for name, _ in named}
    assert named <= shipped, "what is built in is a dependency, and no devDependency"
    begins = "Redistribution and use in source and binary forms", "Permission is hereby granted"
    assert sum(text.count(begin) for begin in begins) == len(named)


def test_what_only_builds_the_pages_is_no_part_of_them() -> None:
    """A dependency is what their code imports, and else it is a devDependency."""
    named = json.loads((ROOT / "ui/package.json").read_text())["dependencies"]
    code = "".join(file.read_text() for file in (ROOT / "ui/src").rglob("*.ts"))
    assert named and [name for name in named if not re.search(rf'from "{re.escape(name)}["/]', code)] == []


def test_the_bill_of_materials_is_valid_and_whole() -> None:
    parts = python_parts() + node_parts()
    text = sbom("1.2.3", parts)
    # of each part one hash: the validator takes long for the address of each
    few = [replace(part, hashes=part.hashes[:1]) for part in parts]
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(sbom("1.2.3", few)) is None
    document = json.loads(text)
    assert document["metadata"]["component"]["version"] == "1.2.3"
    assert {(each["purl"].partition(":")[2].partition("/")[0], each["name"], each["version"], each["scope"])
            for each in document["components"]} == {
        (part.registry, part.name, part.version, "required" if part.shipped else "excluded") for part in parts}
    hashes = {each["content"] for component in document["components"] for reference in component["externalReferences"]
              for each in reference["hashes"]}
    assert hashes == {digest for part in parts for _, digest in part.hashes}
    needs = {each["ref"]: set(each.get("dependsOn", ())) for each in document["dependencies"]}
    assert any(ref.startswith("pkg:pypi/msgspec@") for ref in needs[HPM])
    assert any(ref.startswith("pkg:npm/lit@") for ref in needs[HPM])


def test_the_same_tree_gives_the_same_bill() -> None:
    parts = python_parts()
    assert sbom("1.0", parts) == sbom("1.0", parts) != sbom("1.1", parts)


CLICK, RICH = (Part("pypi", name, "1", True, "", (), (HPM,)) for name in ("click", "rich"))
ESBUILD, LIT = (Part("npm", name, "1", True, "", (), (HPM,)) for name in ("esbuild", "lit"))


def test_pip_audits_report_is_read_part_by_part() -> None:
    report = {"dependencies": [
        {"name": "click", "version": "1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2"], "aliases": []}]},
        {"name": "rich", "skip_reason": "Dependency not found"}], "fixes": []}
    assert judge_python([CLICK, RICH], report) == [
        Verdict(CLICK, ("PYSEC-1, mended in 2",)), Verdict(RICH, unanswered="Dependency not found")]
    assert judge_python([CLICK], {"dependencies": []})[0].unanswered
    assert judge_python([CLICK], {})[0].unanswered and judge_node([LIT], {})[0].unanswered    # it printed none


def test_npms_report_is_read_part_by_part() -> None:
    report = {"vulnerabilities": {"esbuild": {"via": ["other", {"title": "reads files", "range": "<2"}]}}}
    assert judge_node([ESBUILD, LIT], report) == [Verdict(ESBUILD, ("reads files, in <2",)), Verdict(LIT)]


@pytest.mark.parametrize("report", [
    {"message": "405 Method Not Allowed"}, {"error": {"summary": "405 Method Not Allowed"}}])
def test_a_registry_that_does_not_answer_is_not_taken_for_good_news(report: dict[str, object]) -> None:
    assert judge_node([LIT], report) == [Verdict(LIT, unanswered="405 Method Not Allowed")]


@pytest.mark.long
def test_a_release_installs_from_its_lock_alone(tmp_path: Path) -> None:
    """In a new environment, each file compared with its hash, and then runs. Needs a registry."""
    venv.create(tmp_path / "venv", with_pip=True)
    pip = [str(tmp_path / "venv/bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--require-hashes", "--requirement", str(PYTHON_LOCK)], check=True)
    subprocess.run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
                    "--wheel-dir", str(tmp_path), str(ROOT)], check=True)
    (wheel,) = tmp_path.glob("*.whl")
    subprocess.run([*pip, "--no-deps", "--no-index", str(wheel)], check=True)
    subprocess.run([str(tmp_path / "venv/bin/pip"), "check"], check=True)
    subprocess.run([str(tmp_path / "venv/bin/hpm"), "--version"], check=True)
