"""Writing an initramfs: a cpio archive of format `newc`, as the kernel's initramfs/buffer-format document has it."""

from __future__ import annotations

import stat


class Archive:
    """Files are added in any order; missing parent directories come by themselves."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._names: set[str] = set()

    def directory(self, name: str) -> None:
        """Add a directory, and those above it, unless it is there."""
        if name in self._names or not name:
            return
        self.directory(name.rpartition("/")[0])
        self._entry(name, stat.S_IFDIR | 0o755, b"")

    def file(self, name: str, content: bytes, executable: bool = False) -> None:
        """Add a file; `name` has no leading slash."""
        self.directory(name.rpartition("/")[0])
        self._entry(name, stat.S_IFREG | (0o755 if executable else 0o644), content)

    def device(self, name: str, major: int, minor: int) -> None:
        """Add a character device."""
        self.directory(name.rpartition("/")[0])
        self._entry(name, stat.S_IFCHR | 0o600, b"", (major, minor))

    def content(self) -> bytes:
        """The whole archive. Not compressed: unpacking takes an emulated CPU longer than reading."""
        return b"".join(self._parts) + _entry("TRAILER!!!", 0, b"", 0, (0, 0))

    def _entry(self, name: str, mode: int, content: bytes, device: tuple[int, int] = (0, 0)) -> None:
        self._names.add(name)
        self._parts.append(_entry(name, mode, content, len(self._names), device))


def _entry(name: str, mode: int, content: bytes, inode: int, device: tuple[int, int]) -> bytes:
    encoded = name.encode() + b"\0"
    # magic, then: ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check
    numbers = (inode, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(encoded), 0)
    header = b"070701" + b"".join(b"%08X" % number for number in numbers)
    return _padded(header + encoded) + _padded(content)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
