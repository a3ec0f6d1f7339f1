"""The units of systemd: they are right, they call commands that exist, and the web front's leaves it no rights."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .test_docs import parse

UNITS = Path(__file__).parents[2] / "contrib/systemd"

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is missing")


def commands() -> list[list[str]]:
    """Of the two units that go on; those for a connection are judged in `test_units`."""
    units = [unit for unit in sorted(UNITS.glob("*.service")) if "@" not in unit.name]
    lines = [line for unit in units for line in unit.read_text().splitlines()]
    return [shlex.split(line.partition("=")[2]) for line in lines if line.startswith("ExecStart=")]


def test_units_call_commands_that_exist_with_their_options() -> None:
    found = commands()
    assert [words[:2] for words in found] == [["/usr/bin/hpm", "web"], ["/usr/bin/hpm", "serve"]]
    for words in found:
        parse(words[1:])


def examples() -> list[list[str]]:
    """What stands in the overrides of their README."""
    lines = re.findall(r"^ExecStart=(.+)$", (UNITS / "README.md").read_text(), re.MULTILINE)
    return [shlex.split(line) for line in lines]


def test_a_manager_as_a_service_never_takes_a_simulated_host_and_its_front_finds_it() -> None:
    needed = {"serve": "--connect qemu:///system --no-web", "web": "--manager-socket /run/hpm/front.sock"}
    found = [*commands(), *examples()]
    assert {words[1] for words in found} == set(needed)
    for words in found:
        assert needed[words[1]] in shlex.join(words)


def test_the_examples_in_their_readme_exist_too() -> None:
    text = (UNITS / "README.md").read_text()
    for words in examples():
        assert Path(words[0]).name == "hpm"
        parse(words[1:])
    for file in re.findall(r"^\| `(hpm[^`]+)`", text, re.MULTILINE):
        assert (UNITS / file).exists()


@needs_systemd
def test_systemd_understands_the_units(tmp_path: Path) -> None:
    for unit in UNITS.glob("*.service"):
        (tmp_path / unit.name).write_text(unit.read_text().replace("/usr/bin/hpm", sys.executable))
    files = [str(file) for file in tmp_path.iterdir()]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *files], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@needs_systemd
def test_the_web_front_is_left_next_to_nothing() -> None:
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(UNITS / "hpm-web.service")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "unrecognized option" in done.stderr:
        pytest.skip("systemd-analyze is too old to judge a unit that does not run")
    found = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
    assert found is not None and float(found[1]) <= 1.5, done.stdout
