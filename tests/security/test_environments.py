"""What programs that hpm starts, and the hook that libvirt starts, take from the environment: as little as may be."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import time
from pathlib import Path

import click
import pytest

from hpm.cli.main import cli
from hpm.host.access.pam import Pam
from hpm.host.hooks import Hooks
from tests.unit.access_host import PASSWORDS
from tests.unit.front_host import front_and_manager
from tests.unit.test_libvirt_hook import NEW, NO, definition, hpm

#: Each of these would have Python run, or find, what is in `{evil}`.
HOSTILE = {
    "PYTHONPATH": "{evil}", "PYTHONHOME": "{evil}", "PYTHONSTARTUP": "{evil}/json.py", "PYTHONINSPECT": "1",
    "PYTHONUSERBASE": "{evil}", "PYTHONPLATLIBDIR": "{evil}", "PYTHONEXECUTABLE": "{evil}/json.py",
    "PYTHONBREAKPOINT": "json.run", "PYTHONWARNINGS": "error::json.Evil", "PYTHONCASEOK": "1", "PYTHONDEVMODE": "1",
    "HOME": "{evil}", "PATH": "{evil}", "HPM_SOCKET": "{evil}/s", "HPM_TOKEN": "hpm_stolen", "HPM_PASSWORD": "secret",
    "XDG_RUNTIME_DIR": "{evil}", "XDG_STATE_HOME": "{evil}", "SSLKEYLOGFILE": "{evil}/keys", "http_proxy": "http://evil",
    "OPENSSL_CONF": "{evil}/openssl.cnf", "TMPDIR": "{evil}", "BASH_ENV": "{evil}/json.py", "ENV": "{evil}/json.py",
}  # fmt: skip
MODULES = ("json", "sitecustomize", "usercustomize", "socket", "re", "syslog", "contextlib", "ctypes", "encodings")


@pytest.fixture
def evil(tmp_path: Path) -> Path:
    """A directory whose modules say that they ran."""
    folder = tmp_path / "evil"
    for place in (folder, folder / "lib/python3/site-packages"):
        place.mkdir(parents=True, exist_ok=True)
        for name in MODULES:
            (place / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'a').write({name!r})\n")
    for program in ("openssl", "python3", "env", "logger"):
        (folder / program).write_text(f"#!/bin/sh\necho {program} >> {tmp_path / 'ran'}\n")
        (folder / program).chmod(0o755)
    return folder


def _hostile(evil: Path) -> dict[str, str]:
    return {name: value.format(evil=evil) for name, value in HOSTILE.items()}


def test_the_hook_takes_nothing_of_libvirts_environment(tmp_path: Path, evil: Path) -> None:
    """Whoever could set libvirt's own environment is root already; what libvirt passes on of a user's is not obeyed."""
    assert (len(HOSTILE), len(MODULES)) == (24, 9)    # as docs/reliability.md says
    hooks = Hooks(tmp_path, tmp_path / "s", NEW)
    hooks.install()
    assert stat.S_IMODE(hooks.path.stat().st_mode) == 0o755
    with hpm(tmp_path, NO) as answering:
        done = subprocess.run(
            [str(hooks.path), "web", "prepare", "begin", "-"], input=definition(), capture_output=True, timeout=30,
            check=False, env=_hostile(evil), cwd=evil,
        )  # fmt: skip
        assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"web waits for db\n")
        assert answering.asked    # at the socket that stands in the hook, not at the one of the environment
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("inside", [
    "<name>" * 100_000, "<!DOCTYPE d [<!ENTITY a 'aaaaaaaaaa'>]>" + "&a;" * 10_000, "<x>" + "y" * 10_000_000 + "</x>",
    "<uuid>../../../etc/passwd</uuid>",
], ids=["deep", "entities", "long", "uuid"])  # fmt: skip
def test_a_definition_that_is_none_does_not_keep_a_guest_from_starting(tmp_path: Path, inside: str) -> None:
    hooks = Hooks(tmp_path, tmp_path / "s", NEW)
    hooks.install()
    began = time.monotonic()
    text = definition().decode().replace("<uuid>", f"{inside}<uuid>").encode()
    for operation in ("prepare", "restore"):
        done = subprocess.run(
            [str(hooks.path), "web", operation, "begin", "-"], input=text, capture_output=True, timeout=30, check=False
        )
        assert (done.returncode, done.stdout) == (0, b"")
    assert time.monotonic() - began < 15
    marks = tmp_path / "run/hpm/hooks"
    assert not marks.exists() or {len(mark.name) for mark in marks.iterdir()} <= {36}


def test_the_front_has_nothing_of_the_managers_environment(tmp_path: Path, evil: Path, monkeypatch: pytest.MonkeyPatch
                                                           ) -> None:    # fmt: skip
    hostile = {name: value for name, value in _hostile(evil).items() if name != "PATH"}    # root may set that
    for name, value in hostile.items():
        monkeypatch.setenv(name, value)
    with front_and_manager() as (front, _):
        told = Path(f"/proc/{front.process.pid}/environ").read_bytes().split(b"\0")
        names = {one.partition(b"=")[0].decode() for one in told if one}
        assert names <= {
            "PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "PYTHONMALLOC", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE"
        }
        assert str(evil).encode() not in b"".join(told)
        assert front.http.get("/").status_code == 200
    assert not (tmp_path / "ran").exists()


def test_a_password_is_checked_without_the_managers_environment(
    tmp_path: Path, evil: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in _hostile(evil).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(evil)
    seen: list[dict[str, str]] = []
    arguments: list[object] = []
    started = subprocess.Popen

    def noting(*words: object, **options: object) -> object:
        seen.append(dict(options["env"]))    # type: ignore[call-overload]
        arguments.append(words)
        return started(*words, **options)    # type: ignore[call-overload]

    monkeypatch.setattr(subprocess, "Popen", noting)
    with pytest.raises(Exception):    # noqa: B017    # whatever this host's PAM says
        Pam().check("root", PASSWORDS["root"], "192.0.2.1")
    assert seen == [{"PATH": os.defpath, "LC_ALL": "C.UTF-8"}]
    assert PASSWORDS["root"] not in str(arguments)
    assert not (tmp_path / "ran").exists()


def test_no_secret_is_in_the_arguments_of_a_program() -> None:
    """Every local user can read them (`ps`). So what takes one takes the name of a file."""
    context, seen = click.Context(cli), set()
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        for one in (*cli.params, *command.params):
            words = " ".join((one.name or "", *one.opts))
            if re.search("pass(word|phrase|wd)|secret|token|key|credential|cookie", words) is None:
                continue
            if getattr(one, "is_flag", False) or "--token-name" in one.opts:
                continue
            assert isinstance(one.type, click.Path), f"hpm {name} takes {words} on the command line"
            seen.add(words)
    assert {"tls_key --tls-key", "smtp_password --smtp-password", "webhook_secret --webhook-secret"} <= seen
