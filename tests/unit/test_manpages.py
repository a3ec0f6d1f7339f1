"""The man pages: one for every command, complete, and without warnings of those who format them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

import hpm
from contrib.manpages import escape, words
from hpm.cli.command import HpmCommand
from hpm.cli.main import cli
from hpm.cli.registry import COMMANDS
from hpm.host.configuration import OPTIONS
from hpm.paths import SYSTEM_STATE_DIR, front_socket_path, web_dir

ROOT = Path(__file__).parents[2]
PAGES = ["hpm.1", *(f"hpm-{name}.1" for name in COMMANDS), "hpm.conf.5"]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("man") / "man1"
    subprocess.run([sys.executable, "contrib/manpages.py", str(directory)], check=True, cwd=ROOT)
    return directory


def shown(page: Path) -> str:
    """The page as text, in one long line for each paragraph."""
    command = ["man", "-E", "UTF-8", "--no-hyphenation", "--no-justification", "-l", str(page)]
    env = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "MANWIDTH": "1000", "MAN_KEEP_FORMATTING": "", "TERM": "dumb"}
    text = subprocess.run(command, capture_output=True, text=True, check=True, env=env).stdout
    return re.sub(r".\x08", "", text)


def test_every_command_has_a_page(pages: Path) -> None:
    assert {page.name for page in pages.iterdir()} == {*PAGES, "zhpm.1"}


@pytest.mark.parametrize("name", PAGES)
def test_formatters_have_no_warnings(pages: Path, name: str) -> None:
    found = 0
    for program, *options in (["man", "--warnings", "-l"], ["mandoc", "-Tlint", "-Wwarning"]):
        if shutil.which(program) is not None:
            done = subprocess.run(
                [program, *options, str(pages / name)], capture_output=True, text=True, check=False,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "MANWIDTH": "80"},
            )  # fmt: skip
            assert (done.returncode, done.stderr) == (0, ""), done.stdout[-2000:] + done.stderr
            found += 1
    if not found:
        pytest.skip("neither man-db nor mandoc is installed")


@pytest.mark.skipif(shutil.which("man") is None, reason="man-db is not installed")
@pytest.mark.parametrize("name", list(COMMANDS))
def test_a_page_says_what_the_help_says(pages: Path, name: str) -> None:
    text = shown(pages / f"hpm-{name}.1")
    flat = " ".join(text.split())
    command = cli.get_command(click.Context(cli), name)
    assert isinstance(command, HpmCommand)
    for section in ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXAMPLES", "EXIT STATUS", "ENVIRONMENT", "FILES",
                    "SEE ALSO"):  # fmt: skip
        assert re.search(rf"^{section}$", text, re.MULTILINE), section
    assert f"hpm {name}" in text and "hpm(1)" in text
    for example in command.examples:
        assert example in text    # not a sign is lost: who copies it types what was meant
    for param in command.params:
        if isinstance(param, click.Option):
            assert all(option in text for option in param.opts)
            assert " ".join((param.help or "").split()) in flat
    assert " ".join((command.help or "").split()) in flat


@pytest.mark.skipif(shutil.which("man") is None, reason="man-db is not installed")
def test_the_first_page_lists_all_commands(pages: Path) -> None:
    text = shown(pages / "hpm.1")
    for name, entry in COMMANDS.items():
        assert re.search(rf"^ +{name}\s+{re.escape(entry.summary)}$", text, re.MULTILINE)
        assert f"hpm-{name}(1)" in text
    assert "hpm wrg-create Gold\n" in text


@pytest.mark.skipif(shutil.which("man") is None, reason="man-db is not installed")
def test_the_page_of_the_configuration_file_tells_all_options(pages: Path) -> None:
    text = shown(pages / "hpm.conf.5")
    for option in OPTIONS:
        assert re.search(rf"^ +{re.escape(f'{option.name} = {option.value}')}$", text, re.MULTILINE), option.name
        assert " ".join(f"{option.meaning} Default: {option.default}.".split()) in " ".join(text.split())


def test_roff_takes_nothing_for_a_request() -> None:
    assert escape(".x") == "\\&.x"
    assert escape("a\\b 'c' -d é") == "a\\eb \\(aqc\\(aq \\-d \\[u00E9]"
    assert words("--wrg GROUP|none") == "\\fB\\-\\-wrg\\fR \\fIGROUP\\fR|none"


@pytest.mark.skipif(shutil.which("man") is None, reason="man-db is not installed")
def test_the_main_page_tells_what_is_read_of_the_environment_and_where_things_stand(pages: Path) -> None:
    text = shown(pages / "hpm.1")
    sources = [file.read_text() for file in Path(hpm.__file__).parent.rglob("*.py")]
    read = {name for source in sources for name in re.findall(r'"(HPM_[A-Z_]+)"', source)}
    assert "HPM_TOKEN_FILE" in read
    files = ("hpm.sock", front_socket_path(Path("hpm.sock")).name, "hpm.db", f"{web_dir(SYSTEM_STATE_DIR)}/cert.pem")
    for name in (*read, *files):
        assert name in text, name
