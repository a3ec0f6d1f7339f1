"""The cache of guest images: built once, keyed by a hash of what they were built from."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from .errors import LabError


def directory() -> Path:
    """The cache, made if need be. Raises LabError if somebody else owns it.

    Not below the repository: QEMU runs as user libvirt-qemu, which may not be able to enter the folders above it.
    """
    path = Path(f"/var/tmp/hpm-lab-{os.getuid()}")
    path.mkdir(mode=0o755, exist_ok=True)
    status = path.lstat()
    if path.is_symlink() or status.st_uid != os.getuid():
        # /var/tmp is everybody's: images that another user could have planted must not be booted.
        raise LabError(f"{path} belongs to uid {status.st_uid}, not to {os.getuid()}; remove it")
    path.chmod(0o755)
    return path


def cached(name: str, inputs: list[bytes], build: Callable[[Path], None]) -> Path:
    """The image `name` for these inputs; `build(target)` writes it where it is not there yet.

    The file appears whole or not at all, readable for everybody. What `build` raises passes through.
    """
    digest = hashlib.sha256()
    for part in [name.encode(), *inputs]:
        digest.update(len(part).to_bytes(8, "little") + part)
    path = directory() / f"{digest.hexdigest()[:16]}-{name}"
    if path.exists():
        return path
    work = Path(tempfile.mkdtemp(prefix=".build-", dir=directory()))
    try:
        target = work / name
        build(target)
        target.chmod(0o644)
        target.rename(path)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return path


def write(target: Path, content: bytes) -> None:
    """The simplest build: the content is there already."""
    target.write_bytes(content)
