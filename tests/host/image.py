"""The machine's disk: Debian 12 with systemd, libvirt and QEMU, and what hpm imports. Without hpm itself.

It is built once, and again when the list of packages, a script, the kernel or hpm's dependencies change.
"""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.lab.cache import cached, directory
from tests.lab.errors import LabError
from tests.lab.linuximage import newest_cloud_kernel

from .requirements import program

ROOT = Path(__file__).parents[2]
SUITE = "bookworm"
PYTHON = "3.11"  # the one of that suite
PACKAGES = (
    "systemd", "systemd-sysv", "systemd-container", "dbus", "udev", "kmod", "polkitd", "procps",
    "libvirt-daemon-system", "libvirt-daemon-system-systemd", "libvirt-daemon-driver-qemu", "libvirt-clients",
    "qemu-system-x86", "python3", "python3-libvirt", "apparmor", "openssl",
)  # fmt: skip
SIZE = 3 << 30  # bytes; the file is sparse
NAME = "systemd-host.img"
SECONDS = 900.0  # for the whole of one step, downloads included

AGENT = "usr/local/lib/hpm-host/agent.py"
HPM = "opt/hpm"  # where each run puts hpm's sources
LIBRARIES = "opt/python"
FILES = {
    "etc/hostname": "hpm-host\n",
    "etc/fstab": "",
    # What AppArmor denies is looked for in the kernel's own log.
    "etc/systemd/journald.conf.d/hpm-host.conf": "[Journal]\nAudit=no\nRateLimitBurst=0\n",
    # systemd finds the port by udev; the agent ends when the machine does.
    "etc/systemd/system/hpm-host-agent.service": f"""\
[Unit]
Description=Runs what the tests outside tell
BindsTo=dev-virtio\\x2dports-org.hpm.host.device
After=dev-virtio\\x2dports-org.hpm.host.device

[Service]
ExecStart=/usr/bin/python3 /{AGENT}
Environment=PYTHONUNBUFFERED=1

[Install]
WantedBy=multi-user.target
""",
    "usr/local/bin/hpm": f"""\
#!/bin/sh
export PYTHONPATH=/{HPM}/src/wok/plugins:/{HPM}:/{LIBRARIES}
exec /usr/bin/python3 -m hpm.cli.main "$@"
""",
}
#: What would use CPU at times that nobody chose.
MASKED = (
    "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer", "fstrim.timer", "e2scrub_all.timer",
    "e2scrub_reap.service", "systemd-timesyncd.service", "libvirt-guests.service", "getty@tty1.service",
    "serial-getty@ttyS0.service", "systemd-networkd-wait-online.service",
)  # fmt: skip


def disk() -> Path:
    """The image, built if need be (a minute, and 150 MB of downloads). Raises LabError telling what failed."""
    release, kernel = newest_cloud_kernel()
    agent = Path(__file__).with_name("inside") / "agent.py"
    wanted = dependencies()
    status = kernel.stat()
    inputs = [
        f"{SUITE} {PYTHON} {PACKAGES} {SIZE} {sorted(FILES.items())} {MASKED}".encode(),
        f"{release} {status.st_size} {status.st_mtime_ns}".encode(),
        repr(wanted).encode(),
        agent.read_bytes(),
        Path(__file__).read_bytes(),
    ]

    def build(target: Path) -> None:
        root = target.with_name("root")
        _debian(root)
        _install(root, release, agent)
        _libraries(root / LIBRARIES, wanted)
        _filesystem(root, target)

    image = cached(NAME, inputs, build)
    for other in directory().glob(f"*-{NAME}"):  # half a gigabyte each, and never needed again
        if other != image:
            other.unlink(missing_ok=True)
    return image


def kernel() -> Path:
    """The kernel that the machine boots."""
    return newest_cloud_kernel()[1]


def dependencies() -> list[str]:
    """What hpm needs of Python at run time, as pyproject.toml has it."""
    text = (ROOT / "pyproject.toml").read_text()
    found = re.search(r"^dependencies = (\[.*?^\])", text, re.MULTILINE | re.DOTALL)
    if found is None:
        raise LabError(f"{ROOT / 'pyproject.toml'} has no list of dependencies")
    return [str(entry) for entry in ast.literal_eval(found[1])]  # an array of strings looks the same in Python


def _debian(root: Path) -> None:
    _do([
        program("mmdebstrap"), "--quiet", "--variant=minbase", f"--include={','.join(PACKAGES)}",
        "--aptopt=Acquire::Languages \"none\"", "--dpkgopt=path-exclude=/usr/share/doc/*",
        "--dpkgopt=path-exclude=/usr/share/man/*", "--dpkgopt=path-exclude=/usr/share/locale/*",
        SUITE, str(root),
    ])  # fmt: skip


def _install(root: Path, release: str, agent: Path) -> None:
    """The kernel's modules, the agent, and our own configuration."""
    shutil.copytree(Path("/lib/modules") / release, root / "usr/lib/modules" / release, symlinks=True)
    (root / AGENT).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(agent, root / AGENT)
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "usr/local/bin/hpm").chmod(0o755)
    units = root / "etc/systemd/system"
    (units / "multi-user.target.wants/hpm-host-agent.service").symlink_to("/etc/systemd/system/hpm-host-agent.service")
    for name in MASKED:
        (units / name).unlink(missing_ok=True)
        (units / name).symlink_to("/dev/null")
    (root / HPM).mkdir(parents=True)


def _libraries(target: Path, wanted: Sequence[str]) -> None:
    """Wheels for the machine's Python, whatever Python runs here."""
    platforms = [word for tag in ("manylinux_2_28", "manylinux_2_17", "manylinux2014")
                 for word in ("--platform", f"{tag}_x86_64")]  # fmt: skip
    _do([
        sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", str(target),
        "--only-binary=:all:", "--implementation", "cp", "--python-version", PYTHON, *platforms, *wanted,
    ])  # fmt: skip


def _filesystem(root: Path, target: Path) -> None:
    with target.open("wb") as file:
        file.truncate(SIZE)
    # No journal: every run throws away what it wrote.
    _do([program("mke2fs"), "-q", "-t", "ext4", "-O", "^has_journal", "-d", str(root), str(target)])


def _do(command: Sequence[str]) -> None:
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace", timeout=SECONDS, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise LabError(f"{' '.join(command[:6])} … ended with {done.returncode}:\n{done.stdout[-3000:]}")
