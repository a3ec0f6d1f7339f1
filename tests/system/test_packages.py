"""hpm's packages, as users get them: installed in a new Debian with apt, in one with systemd and guests, and by rpm."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.host import Host
from tests.host.image import HPM, ROOT, SUITE
from tests.host.trial import give_goals, servers
from tests.host.units import STARTING, UNITS, UnitManager
from tests.lab.errors import wait_until
from tests.lab.requirements import find_program
from tests.system.machines import CLEARED, Machines, tried
from tests.wok.daemon import admin_of, answers, free_port
from tests.wok.flows import browser, go_through

pytestmark = [pytest.mark.lab, pytest.mark.long]

PACKAGES = ROOT / "build/packages"
#: Seconds for a step that fetches or builds.
LONG = 1800.0
FEW = 120.0
ORIGINAL = [100, 150]


def do(*command: str, seconds: float = LONG, **more: object) -> str:
    """Run a command; gives its output. Raises AssertionError with what it said."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False, errors="replace",
                          stdin=subprocess.DEVNULL, **more)    # type: ignore[call-overload]    # fmt: skip
    said = f"{done.stdout}{done.stderr}"[-5000:]
    assert done.returncode == 0, f"{' '.join(command)} ended with {done.returncode}:\n{said}"
    return str(done.stdout)


@pytest.fixture(scope="module")
def packages() -> Path:
    """Where they are, built of this checkout; or as they are, in the directory that HPM_PACKAGES names."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        pytest.skip("the packages are tried by root on Debian")
    if built := os.environ.get("HPM_PACKAGES"):
        return Path(built)
    shutil.rmtree(PACKAGES, ignore_errors=True)
    do("make", "-f", "GNUmakefile", "deb", "rpm", cwd=ROOT)
    return PACKAGES


@pytest.fixture
def debian(tmp_path: Path) -> Iterator[Path]:
    """A new, small Debian, in a directory."""
    program = find_program("mmdebstrap")
    if program is None:
        pytest.skip("mmdebstrap is not installed")
    root = tmp_path / "root"
    do(program, "--quiet", "--variant=apt", "--include=systemd,python3", SUITE, str(root))
    for name in ("proc", "dev", "sys"):
        do("mount", "--rbind", f"/{name}", str(root / name))
        do("mount", "--make-rslave", str(root / name))
    shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
    try:
        inside(root, "apt-get", "update", "-qq")
        yield root
    finally:
        for name in ("proc", "dev", "sys"):
            do("umount", "--recursive", "--lazy", str(root / name))


def inside(root: Path, *command: str, seconds: float = LONG) -> str:
    """Run a command in it."""
    return do("chroot", str(root), *command, seconds=seconds)


def hpm_files(root: Path) -> set[str]:
    """Everything in it that is called after hpm, but for what is kept of packages and what runs."""
    found = inside(root, "find", "/", "-xdev", "-name", "*hpm*", "-not", "-path", "/var/lib/dpkg/*",
                   "-not", "-path", "/proc/*", "-not", "-path", "/sys/*", "-not", "-path", "/tmp/*")    # fmt: skip
    return set(found.split())


def test_apt_installs_removes_and_purges(packages: Path, debian: Path) -> None:
    (package,) = packages.glob("hpm_*.deb")
    shutil.copy(package, debian / "tmp")
    assert hpm_files(debian) == set()
    inside(debian, "apt-get", "install", "--yes", "--no-install-recommends", f"/tmp/{package.name}")
    assert inside(debian, "hpm", "--version").startswith("hpm ")
    assert "hpm-web" in inside(debian, "getent", "passwd", "hpm-web")
    assert inside(debian, "getent", "group", "hpmadm", "hpmuser").count("\n") == 2
    for unit in UNITS.split():
        assert inside(debian, "systemctl", "is-enabled", unit).strip() == "enabled"
    assert inside(debian, "hpm", "config-check").startswith("/etc/hpm/hpm.conf is right")
    do("sh", "-c", f"man -l {debian}/usr/share/man/man5/hpm.conf.5.gz | grep -q plot-dir")
    inside(debian, "sh", "-ec", """
        hpm serve --connect simulated --state-dir /tmp/state --socket /tmp/s --interval 1 --listen 127.0.0.1:0 & pid=$!
        export HPM_SOCKET=/tmp/s
        for _ in $(seq 100); do hpm version >/dev/null 2>&1 && break; sleep 0.3; done
        hpm policy-create default all --importance low --velocity moderate
        hpm config --cpu-mgmt on
        for _ in $(seq 200); do hpm vs-list --goal-status met --json | grep -q db1 && break; sleep 0.3; done
        hpm vs-list --goal-status met --json | grep -q db1
        kill $pid; wait $pid""")    # fmt: skip
    # the front, with the user and the environment that its unit gives it
    port = free_port()
    (debian / "etc/hpm/hpm.conf").write_text(f"[web]\nlisten = 127.0.0.1:{port}\n")
    unit = (debian / "lib/systemd/system/hpm-web.service").read_text()
    environment = re.findall(r"^Environment=(.*)$", unit, re.MULTILINE)
    front = subprocess.Popen([
        "chroot", str(debian), "setpriv", "--reuid=hpm-web", "--regid=hpm-web", "--clear-groups", "env", *environment,
        "hpm", "web", "--manager-socket", "/tmp/none", "--state-dir", "/tmp/front",
    ])  # fmt: skip
    try:
        wait_until(lambda: is_open(port), FEW, "the front listens where hpm.conf says", 0.2)
    finally:
        front.terminate()
        front.wait(FEW)
    (debian / "etc/hpm/hpm.conf").write_text("[hpm]\nverbose = yes\n")
    (debian / "var/lib/hpm").mkdir(exist_ok=True)
    (debian / "var/lib/hpm/history.db").write_text("kept")

    inside(debian, "apt-get", "install", "--yes", "--reinstall", f"/tmp/{package.name}")    # as an upgrade does
    assert (debian / "etc/hpm/hpm.conf").read_text() == "[hpm]\nverbose = yes\n"
    inside(debian, "apt-get", "remove", "--yes", "hpm")
    left = hpm_files(debian)
    assert left and all(path.startswith(("/etc/", "/var/lib/hpm", "/var/lib/systemd/")) for path in left), left
    assert (debian / "var/lib/hpm/history.db").exists()
    inside(debian, "apt-get", "purge", "--yes", "hpm")
    left = {path for path in hpm_files(debian) if not path.startswith("/var/lib/systemd/")}
    assert left == set()


def is_open(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as trial:
        return trial.connect_ex(("127.0.0.1", port)) == 0


def test_rpm_installs_and_removes(packages: Path, debian: Path) -> None:
    """Into a root of its own: what is in it, and that it runs there with that root's Python."""
    (package,) = packages.glob("hpm-0*.rpm")
    (wok,) = packages.glob("hpm-wok-*.rpm")
    for name in ("cheroot", "libvirt.py", "msgspec"):
        assert f"/usr/lib/hpm/python/{name}" in do("rpm", "-qpl", str(package))
    before = hpm_files(debian)
    inside(debian, "apt-get", "install", "--yes", "--no-install-recommends", "openssl", "libvirt0", "passwd")
    rpm = ("rpm", "--root", str(debian))
    do(*rpm, "--initdb")
    do(*rpm, "--install", "--nodeps", str(package), str(wok))
    assert inside(debian, "hpm", "--version").startswith("hpm ")
    assert inside(debian, "hpm", "config-check").startswith("/etc/hpm/hpm.conf is right")
    assert (debian / "etc/wok/plugins.d/hpm.conf").exists()
    # this root has PAM's files as Debian and SUSE have them
    verified = do("sh", "-c", f"rpm --root {debian} --verify --nodeps hpm hpm-wok || true")
    assert [line.split()[-1] for line in verified.splitlines()] == ["/etc/pam.d/hpm"], verified
    assert "include   common-auth" in (debian / "etc/pam.d/hpm").read_text()
    do(*rpm, "--erase", "--nodeps", "hpm-wok", "hpm")
    left = {path for path in hpm_files(debian) - before if "rpm" not in path}
    assert all("hpm-web" in path or path.startswith("/etc/") for path in left), left


# -- beside an installed Wok

#: Wok's own package, as its `make deb` builds it with Debian's Python: Wok is in no archive.
WOK_DEB = os.environ.get("WOK_DEB")
#: What Wok runs on; its package names none of them. Without nginx it is asked directly.
WOK_NEEDS = (
    "python3-cherrypy3", "python3-cheetah", "python3-pampy", "python3-ldap", "python3-lxml", "python3-jsonschema",
    "python3-psutil", "python3-openssl", "websockify", "openssl", "sudo", "procps",
)  # fmt: skip
WOK_CONF = """
[wok]
enable = True
[hpm]
connect = simulated
interval = 3
"""


@pytest.mark.skipif(not WOK_DEB, reason="WOK_DEB names no package of Wok: see docs/wok.md")
def test_an_installed_wok_has_the_tabs_in_its_languages(packages: Path, debian: Path) -> None:
    browser()
    assert WOK_DEB
    for package in (Path(WOK_DEB), *packages.glob("hpm*.deb")):
        shutil.copy(package, debian / "tmp")
    inside(debian, "apt-get", "install", "--yes", "--no-install-recommends", *WOK_NEEDS)
    # Wok's package starts Wok, also where no systemd runs; and its web socket wants what a login makes
    inside(debian, "sh", "-ec", """
        export SYSTEMD_OFFLINE=1
        apt-get install --yes --no-install-recommends /tmp/*.deb
        useradd admin; useradd user; printf 'admin:secret\\nuser:secret\\n' | chpasswd
        echo 'admin ALL=(ALL:ALL) NOPASSWD: ALL' >/etc/sudoers.d/admin
        mkdir -p /run/user/0""")    # fmt: skip
    (debian / "etc/wok/plugins.d/hpm.conf").write_text(WOK_CONF)
    port = free_port()
    wokd = subprocess.Popen(["chroot", str(debian), "wokd", f"--cherrypy_port={port}",
                             f"--websockets_port={free_port()}"], start_new_session=True)    # fmt: skip
    try:
        with admin_of(port) as http:
            wait_until(lambda: answers(http, "/plugins/hpm/version"), FEW, "the plugin's manager runs", 0.5)
        for flow in ("tabs", "languages", "create", "accessible"):
            go_through(flow, f"http://127.0.0.1:{port}")
        errors = (debian / "var/log/wok/wok-error.log").read_text()
        assert "Traceback" not in errors, errors[errors.index("Traceback") :][:3000]
    finally:
        os.killpg(wokd.pid, signal.SIGTERM)
        wokd.wait(FEW)
    inside(debian, "apt-get", "purge", "--yes", "hpm-wok", "hpm")
    assert {path for path in hpm_files(debian) if not path.startswith("/var/lib/systemd/")} == set()


# -- on a host with systemd and guests

INSTALL = f"""set -e
rm -f /usr/local/bin/hpm /usr/bin/hpm
dpkg --install /{HPM}/packages/hpm_*.deb
slow=/etc/systemd/system/hpm.service.d/slow.conf
mkdir -p "$(dirname $slow)"
printf '[Service]\\nTimeoutStartSec={STARTING:.0f}\\nWatchdogSec={STARTING:.0f}\\n' > $slow
systemctl daemon-reload
"""


class PackageManager(UnitManager):
    """The same of the package, which is installed when this is entered."""

    def __enter__(self) -> PackageManager:
        self._host.run("systemctl disable --now hpm.service 2>/dev/null; rm -rf /var/lib/hpm", check=False)
        self._host.run(INSTALL, seconds=600)
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._host.usable:
            self._host.run("dpkg --purge hpm", check=False, seconds=300)


@pytest.fixture(scope="module")
def machines(packages: Path, machines: Machines) -> Machines:
    """As elsewhere (conftest.py); the packages, which are built before, are in it."""
    return machines


def on_a_machine_with_the_package(test: Callable[[Host, PackageManager], None]) -> Callable[[Machines], None]:
    """A test that gets a machine without guests, on which hpm's package is installed and runs."""

    def on_it(host: Host, machines: Machines) -> None:
        host.run(CLEARED)
        with PackageManager(host) as manager:
            test(host, manager)

    return tried(test, on_it)


@on_a_machine_with_the_package
def test_the_package_keeps_a_goal_and_its_removal_leaves_nothing(host: Host, manager: PackageManager) -> None:
    guests = [host.guest(f"one{number}", shares=shares) for number, shares in enumerate(ORIGINAL)]
    for guest in guests:
        guest.suspend()
    give_goals(manager, guests, ((80, "high"), (None, "low")))
    for guest in guests:
        guest.resume()
    manager.hpm("config", "--cpu-mgmt", "on")
    wait_until(lambda: host.weights(guests)[0] > 2 * host.weights(guests)[1], FEW, "a plan is in force", 1.0)
    wait_until(lambda: servers(manager)["one0"]["goal-status"] == "met", FEW, "the goal is met", 1.0)
    for guest in guests:
        guest.suspend()

    # what systemd starts again goes on; what is stopped for good is put back, also where hpm had to be killed
    manager.killed()
    assert host.weights(guests) != ORIGINAL
    host.run("systemctl kill --signal=STOP hpm; systemd-run --quiet --unit=late sh -c 'sleep 2; systemctl kill"
             " --signal=KILL hpm'; systemctl stop hpm", seconds=300)    # fmt: skip
    assert host.weights(guests) == ORIGINAL

    manager.start()
    for guest in guests:
        guest.resume()
    wait_until(lambda: host.weights(guests) != ORIGINAL, FEW, "a plan is in force again", 1.0)
    for guest in guests:
        guest.suspend()
    host.run("dpkg --remove hpm", seconds=300)
    assert host.weights(guests) == ORIGINAL
    left = host.run("find / -xdev -name '*hpm*' -not -path '/var/lib/dpkg/*' -not -path '/opt/*' -not -path '/proc/*'"
                    " -not -path '/sys/*' -not -path '/run/*' -not -path '/usr/local/*'").stdout.split()    # fmt: skip
    assert [path for path in left if not path.startswith(("/etc/", "/var/lib/hpm", "/var/lib/systemd/"))] == []
    host.run("dpkg --purge hpm", seconds=300)
    assert not host.run("ls -d /var/lib/hpm /etc/hpm/hpm.conf 2>/dev/null", check=False).stdout
