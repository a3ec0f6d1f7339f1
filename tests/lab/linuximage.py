"""Kernel and initramfs of the Linux guests, from what Debian's packages put on this machine."""

from __future__ import annotations

import gzip
import lzma
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .cache import cached
from .cpio import Archive
from .errors import LabError
from .requirements import find_program

INIT_SOURCE = Path(__file__).with_name("init.c")
BALLOON_MODULES = (
    "virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci", "virtio_balloon",
)  # fmt: skip
AGENT_MODULES = ("virtio_console", "virtio_blk")  # such a guest may have disks, too
AGENT = "/usr/sbin/qemu-ga"
OS_RELEASE = 'ID=hpmlab\nNAME="hpm lab"\nPRETTY_NAME="hpm lab guest"\nVERSION_ID="1"\nVERSION="1"\n'


@dataclass(frozen=True)
class LinuxImage:
    """Files in the cache that QEMU may read."""

    kernel: Path
    initrd: Path


def linux_image(agent: bool) -> LinuxImage:
    """Build what is not built yet. Raises LabError naming the Debian package that is missing."""
    release, kernel = newest_cloud_kernel()
    # A copy, because libvirt changes the owner of what a guest boots, and because /boot may be readable for root only.
    status = kernel.stat()
    key = f"{release} {status.st_size} {status.st_mtime_ns}".encode()
    copy = cached("vmlinuz", [key], lambda target: _copy(kernel, target))
    modules = _modules(release, BALLOON_MODULES + (AGENT_MODULES if agent else ()))
    files = _agent_files() if agent else {}
    inputs = [_init_program().read_bytes(), key, repr(sorted(modules)).encode()]
    for name in sorted(files):
        inputs += [name.encode(), files[name]]

    def build(target: Path) -> None:
        target.write_bytes(_initramfs(modules, files))

    return LinuxImage(copy, cached("initrd-agent.cpio" if agent else "initrd.cpio", inputs, build))


def newest_cloud_kernel() -> tuple[str, Path]:
    """(release, path) of Debian's newest cloud kernel here; raises LabError if there is none."""

    def version(path: Path) -> list[int]:
        return [int(number) for number in re.findall(r"\d+", path.name)]

    kernels = sorted(Path("/boot").glob("vmlinuz-*cloud*"), key=version)
    if not kernels:
        raise LabError("no /boot/vmlinuz-*cloud*; install the Debian package linux-image-cloud-amd64")
    return kernels[-1].name.removeprefix("vmlinuz-"), kernels[-1]


def _copy(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)


def _init_program() -> Path:
    """The compiled init: static, so that the initramfs needs no library for it."""
    compiler = find_program("gcc")
    if compiler is None:
        raise LabError("the lab's Linux guests need gcc (Debian packages gcc and libc6-dev)")
    source = INIT_SOURCE.read_bytes()
    options = ["-static", "-O2", "-pthread", "-s"]

    def build(target: Path) -> None:
        command = [compiler, *options, "-o", str(target), "-x", "c", "-", "-lm"]
        done = subprocess.run(command, input=source, capture_output=True, check=False)
        if done.returncode != 0:
            raise LabError(f"{INIT_SOURCE} does not compile:\n{done.stderr.decode(errors='replace')}")

    return cached("init", [source, " ".join(options).encode()], build)


def _modules(release: str, names: tuple[str, ...]) -> list[tuple[str, bytes]]:
    """(file name, content) of kernel modules, uncompressed, in the order given; built-in ones are left out."""
    tree = Path("/lib/modules") / release
    builtin = (tree / "modules.builtin").read_text().split() if (tree / "modules.builtin").exists() else []
    present = {path.name.partition(".")[0]: path for path in (tree / "kernel/drivers").rglob("virtio*.ko*")}
    found = []
    for name in names:
        if any(path.endswith(f"/{name}.ko") for path in builtin):
            continue
        if name not in present:
            raise LabError(f"kernel {release} has no module {name} below {tree}")
        found.append((f"modules/{name}.ko", _uncompressed(present[name])))
    return found


def _uncompressed(path: Path) -> bytes:
    raw = path.read_bytes()
    if path.suffix == ".ko":
        return raw
    if path.suffix == ".xz":
        return lzma.decompress(raw)
    if path.suffix == ".gz":
        return gzip.decompress(raw)
    raise LabError(f"the lab cannot uncompress {path}; it knows .ko, .ko.xz and .ko.gz")


def _agent_files() -> dict[str, bytes]:
    """Debian's guest agent, and programs that it runs, with the libraries they need; by path without the leading
    slash."""
    if not Path(AGENT).exists():
        raise LabError(f"no {AGENT}; install the Debian package qemu-guest-agent")
    programs = [AGENT, "/usr/bin/stat", "/usr/bin/touch"]
    listing = subprocess.run(["ldd", *programs], capture_output=True, text=True, check=True).stdout
    paths = [*programs, *re.findall(r"(/\S+) \(0x", listing)]
    return {path.lstrip("/"): Path(path).read_bytes() for path in paths}


def _initramfs(modules: list[tuple[str, bytes]], files: dict[str, bytes]) -> bytes:
    archive = Archive()
    archive.file("init", _init_program().read_bytes(), executable=True)
    archive.device("dev/console", 5, 1)
    for name, content in modules:
        archive.file(name, content)
    archive.file("modules/order", "".join(f"/{name}\n" for name, _ in modules).encode())
    for name, content in files.items():
        archive.file(name, content, executable=True)
    if files:
        archive.file("etc/os-release", OS_RELEASE.encode())
        archive.directory("var/run")  # where the agent keeps its state
    return archive.content()
