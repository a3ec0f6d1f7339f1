"""Passwords by the real PAM, with services of the tests' own; nothing on this host is changed."""

from __future__ import annotations

import ctypes
import os
import pwd
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hpm.control.caller import Unavailable
from hpm.host.access import pam
from hpm.host.access.pam import Pam
from hpm.host.access.passwords import AccountClosed, WrongPassword

from .access_host import HERE

ROOT = Path(__file__).parents[2]


def missing() -> str | None:
    """Why PAM cannot be tried here."""
    try:
        if not hasattr(ctypes.CDLL("libpam.so.0"), "pam_start_confdir"):
            return "this libpam is older than 1.4 and takes no directory of services"
    except OSError:
        return "there is no libpam here"
    return None


WHY_NOT = missing()
pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT))


@pytest.fixture
def services(tmp_path: Path) -> Path:
    """Services by what they do: `good`, `bad`, `closed`, `expired`, `ask` (a program knows the password), `slow`."""
    knows = tmp_path / "knows"
    knows.write_text(
        '#!/bin/sh\n[ "$(cat)" = "a secret: ü" ] && [ "$PAM_USER" = ann ] && [ "$PAM_RHOST" = 192.0.2.1 ]\n'
    )
    knows.chmod(0o755)
    leaver = tmp_path / "leaves-one"
    leaver.write_text("#!/bin/sh\nsleep 5 &\n")
    leaver.chmod(0o755)
    for name, auth, account in (
        ("good", "pam_permit.so", "pam_permit.so"),
        ("bad", "pam_deny.so", "pam_permit.so"),
        ("closed", "pam_permit.so", "pam_deny.so"),
        ("ask", f"pam_exec.so expose_authtok quiet {knows}", "pam_permit.so"),
        ("slow", "pam_exec.so quiet /bin/sleep 3", "pam_permit.so"),
        ("leaves", f"pam_exec.so quiet {tmp_path}/leaves-one", "pam_permit.so"),
        ("host", "pam_unix.so", "pam_unix.so"),
    ):
        (tmp_path / name).write_text(f"auth required {auth}\naccount required {account}\n")
    return tmp_path


def check(services: Path, service: str, user: str = "ann", password: str = "x", seconds: float = 15.0) -> str:
    return Pam(service, services, seconds).check(user, password, HERE)


def test_pam_says_yes_or_no(services: Path) -> None:
    assert check(services, "good") == "ann"
    with pytest.raises(WrongPassword):
        check(services, "bad")


def test_pam_is_told_user_password_and_address(services: Path) -> None:
    assert check(services, "ask", password="a secret: ü") == "ann"
    for user, password in (("ann", "a secret: u"), ("bob", "a secret: ü"), ("ann", "")):
        with pytest.raises((WrongPassword, Unavailable)):
            check(services, "ask", user, password)


def test_an_account_that_may_not_log_in_is_told_so_only_with_the_right_password(services: Path) -> None:
    with pytest.raises(AccountClosed, match="does not let you log in"):
        check(services, "closed")
    (services / "closed").write_text("auth required pam_deny.so\naccount required pam_deny.so\n")
    with pytest.raises(WrongPassword):
        check(services, "closed")


def test_a_module_that_hangs_is_not_waited_for(services: Path) -> None:
    began = time.monotonic()
    with pytest.raises(Unavailable, match="not answered"):
        check(services, "slow", seconds=0.5)
    assert time.monotonic() - began < 2.5


def test_a_program_that_a_module_leaves_behind_is_not_waited_for(services: Path) -> None:
    began = time.monotonic()
    assert check(services, "leaves") == "ann"
    assert time.monotonic() - began < 4


def test_a_process_that_cannot_be_started_lets_nobody_in(services: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere")
    with pytest.raises(Unavailable, match="No such file"):
        check(services, "right")


@pytest.mark.parametrize("said", ["{}", "[]", "[" * 5000, '{"result": 0, "stage": "account", "user": "ann"}', "\\377"])
def test_a_process_that_a_module_has_changed_lets_nobody_in(
    services: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    child = tmp_path / "child.py"
    child.write_text(f"import sys\nsys.stdin.read()\nsys.stdout.buffer.write(b'{said}')\n")
    monkeypatch.setattr(pam, "_CHILD", child)
    with pytest.raises(Unavailable, match="PAM failed"):
        check(services, "right")


def test_a_service_that_is_not_there_lets_nobody_in(services: Path) -> None:
    with pytest.raises((WrongPassword, Unavailable)):
        check(services, "nothing")


def test_the_service_is_ours_if_it_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pam, "DIRECTORIES", (tmp_path,))
    assert pam.service() == "login"
    (tmp_path / "hpm").touch()
    assert pam.service() == "hpm"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may read the passwords of other users")
def test_a_user_of_this_host_without_a_password_never_gets_in(services: Path) -> None:
    user = pwd.getpwnam("nobody").pw_name
    for password in ("x", " ", user):
        with pytest.raises(WrongPassword):
            check(services, "host", user, password)
    with pytest.raises(WrongPassword):
        check(services, "host", "nobody-of-that-name")


#: Asks in a namespace of its own, where /etc/shadow is the file named first.
ASK = """
import sys
from pathlib import Path
from hpm.host.access.pam import Pam
try:
    print(Pam("host", Path(sys.argv[1])).check("nobody", sys.argv[2], "192.0.2.1"))
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a file over another")
@pytest.mark.parametrize(("aging", "password", "said"), [
    ("19000:0:99999:7:::", "s3cret", "nobody"),
    ("19000:0:99999:7:::", "s3cre", "WrongPassword"),
    ("19000:0:99999:7::1000:", "s3cret", "AccountClosed your account has expired"),
    ("19000:0:99999:7::1000:", "s3cre", "WrongPassword"),
    ("0:0:99999:7:::", "s3cret", "AccountClosed your password has expired"),
])  # fmt: skip
def test_a_password_as_this_host_keeps_it(services: Path, aging: str, password: str, said: str) -> None:
    """pam_unix with a real hash of the user nobody, in a mount namespace that ends with the check."""
    for program in ("unshare", "openssl"):
        if shutil.which(program) is None:
            pytest.skip(f"the program {program} is not installed")
    refused = subprocess.run(["unshare", "--mount", "true"], capture_output=True, text=True, check=False)
    if refused.returncode:
        pytest.skip(f"no mount namespace can be made here: {refused.stderr.strip()}")
    hashed = subprocess.run(["openssl", "passwd", "-6", "s3cret"], capture_output=True, text=True, check=True).stdout
    others = [line for line in Path("/etc/shadow").read_text().splitlines() if not line.startswith("nobody:")]
    shadow = services / "shadow"
    shadow.touch(mode=0o600)
    shadow.write_text("\n".join([*others, f"nobody:{hashed.strip()}:{aging}"]) + "\n")
    command = 'mount --bind "$0" /etc/shadow && exec "$@"'
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", command, str(shadow), sys.executable, "-c", ASK, str(services), password],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout.strip().startswith(said)


def test_the_file_in_contrib_is_one_that_pam_takes(services: Path) -> None:
    """With this host's own password checking: somebody who does not exist is refused by it, not by an error."""
    common = Path("/etc/pam.d/common-auth")
    if not common.exists():
        pytest.skip("this host's PAM is not laid out as Debian's, which the file in contrib/ is for")
    for file in common.parent.glob("common-*"):
        shutil.copy(file, services)
    shutil.copy(ROOT / "contrib/pam.d/hpm", services)
    with pytest.raises(WrongPassword):
        check(services, "hpm", "nobody-of-that-name")
