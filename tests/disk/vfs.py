"""SQLite's own way to its files (a VFS), with a place in between where a test can have an operation fail.

Made with ctypes in the very library that Python's `sqlite3` uses, as its default VFS, so that what is tested opens its
files as ever. It is a copy of the VFS that was there, with the methods replaced that change a file
(https://www.sqlite.org/c3ref/vfs.html, https://www.sqlite.org/c3ref/io_methods.html).
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import CFUNCTYPE, POINTER, Structure, addressof, c_char_p, c_int, c_int64, c_void_p, cast
from pathlib import Path
from typing import Any

from tests.sqlite_library import library

OK, FULL = 0, 13
IOERR_WRITE, IOERR_FSYNC, IOERR_TRUNCATE, IOERR_DELETE, IOERR_SHMSIZE, CANTOPEN = 778, 1034, 1546, 2570, 4874, 14
_CREATE = 0x4

_Open = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, c_void_p)
_Delete = CFUNCTYPE(c_int, c_void_p, c_char_p, c_int)
_Write = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
_Truncate = CFUNCTYPE(c_int, c_void_p, c_int64)
_Sync = CFUNCTYPE(c_int, c_void_p, c_int)
_ShmMap = CFUNCTYPE(c_int, c_void_p, c_int, c_int, c_int, c_void_p)


class _Methods(Structure):
    _fields_ = (
        ("version", c_int), ("close", c_void_p), ("read", c_void_p), ("write", c_void_p), ("truncate", c_void_p),
        ("sync", c_void_p),
        *((name, c_void_p) for name in (
            "size", "lock", "unlock", "reserved", "control", "sector", "characteristics", "shm_map", "shm_lock",
            "shm_barrier", "shm_unmap", "fetch", "unfetch",
        )),
    )  # fmt: skip


class _Vfs(Structure):
    _fields_ = (
        ("version", c_int), ("size", c_int), ("longest", c_int), ("next", c_void_p), ("name", c_char_p),
        ("data", c_void_p), ("open", c_void_p), ("delete", c_void_p),
        *((name, c_void_p) for name in (
            "access", "full_pathname", "dl_open", "dl_error", "dl_sym", "dl_close", "randomness", "sleep",
            "current_time", "last_error", "current_time_64", "set_call", "get_call", "next_call",
        )),
    )  # fmt: skip


class Faults:
    """What a test says of each operation that changes a file: `SQLite` asks before it is made, and so do Python's own
    files (`files.py`), which give files their names themselves. The base lets all pass."""

    def opening(self, path: str, *, creates: bool) -> int:
        """Whether a file may be opened: `OK`, or the error."""
        return OK

    def writing(self, path: str, offset: int, data: bytes) -> tuple[int, bytes]:
        """The error, and how much of it is written all the same."""
        return OK, data

    def truncating(self, path: str, size: int) -> int:
        """Whether it may be cut."""
        return OK

    def syncing(self, path: str) -> tuple[int, bool]:
        """The error; and whether the real file, or directory, is to be synced."""
        return OK, True

    def deleting(self, path: str) -> int:
        """Whether it may be deleted."""
        return OK

    def sharing(self, path: str) -> int:
        """Whether the index beside a write-ahead log may grow."""
        return OK

    def creating(self, path: str) -> int:
        """Whether Python may make that file."""
        return OK

    def renaming(self, source: str, to: str) -> int:
        """Whether Python may give a file another name."""
        return OK

    def removing(self, path: str) -> int:
        """Whether Python may delete it."""
        return OK

    def making(self, path: str) -> int:
        """Whether Python may make that directory."""
        return OK


class FaultyVfs:
    """The default VFS from `install` to `remove`; asks `faults`."""

    def __init__(self) -> None:
        self._library = library()
        self._library.sqlite3_vfs_find.restype = POINTER(_Vfs)
        self._library.sqlite3_vfs_find.argtypes = [c_char_p]
        self._library.sqlite3_vfs_register.argtypes = [c_void_p, c_int]
        self._library.sqlite3_vfs_unregister.argtypes = [c_void_p]
        self.faults = Faults()
        self._original = self._library.sqlite3_vfs_find(None)
        self._vfs = _Vfs.from_buffer_copy(self._original.contents)
        self._vfs.name = b"faulty"
        self._real_open = _Open(self._vfs.open)
        self._real_delete = _Delete(self._vfs.delete)
        self._kept: list[object] = []    # what C code points to
        self._vfs.open = self._pointer(_Open, self._open)
        self._vfs.delete = self._pointer(_Delete, self._delete)
        self._paths: dict[int, str] = {}    # by file
        self._tables: dict[int, _Methods] = {}    # ours, by those that were there
        self._real: dict[int, _Methods] = {}    # those that were there, by ours

    def install(self) -> None:
        """Be the default."""
        self._library.sqlite3_vfs_register(addressof(self._vfs), 1)

    def remove(self) -> None:
        """The one that was there is the default again. Connections of this one must be closed."""
        self._library.sqlite3_vfs_unregister(addressof(self._vfs))
        self._library.sqlite3_vfs_register(cast(self._original, c_void_p), 1)

    def _pointer(self, kind: Any, function: Callable[..., int]) -> int | None:
        made = kind(function)
        self._kept.append(made)
        return cast(made, c_void_p).value

    def _open(self, vfs: int, name: int | None, file: int, flags: int, out: int) -> int:
        path = "" if name is None else (ctypes.string_at(name).decode())
        error = self.faults.opening(path, creates=bool(flags & _CREATE) and not Path(path).exists()) if path else OK
        if error:
            c_void_p.from_address(file).value = None    # not open: nobody is to close it
            return error
        result: int = self._real_open(vfs, name, file, flags, out)
        methods = c_void_p.from_address(file)
        if methods.value is not None and path:
            self._paths[file] = path
            methods.value = addressof(self._methods(methods.value))
        return result

    def _methods(self, real: int) -> _Methods:
        """Our methods in place of those at that address."""
        if real not in self._tables:
            was = _Methods.from_address(real)
            ours = _Methods.from_buffer_copy(was)
            ours.write = self._pointer(_Write, self._write)
            ours.truncate = self._pointer(_Truncate, self._truncate)
            ours.sync = self._pointer(_Sync, self._sync)
            if was.version >= 2 and was.shm_map:
                ours.shm_map = self._pointer(_ShmMap, self._shm_map)
            self._tables[real], self._real[addressof(ours)] = ours, was
        return self._tables[real]

    def _of(self, file: int) -> _Methods:
        address = c_void_p.from_address(file).value
        assert address is not None
        return self._real[address]

    def _write(self, file: int, data: int, size: int, offset: int) -> int:
        error, part = self.faults.writing(self._paths[file], offset, ctypes.string_at(data, size))
        if part:
            result: int = _Write(self._of(file).write)(file, data, len(part), offset)
            return error or result
        return error

    def _truncate(self, file: int, size: int) -> int:
        return self.faults.truncating(self._paths[file], size) or _Truncate(self._of(file).truncate)(file, size)

    def _sync(self, file: int, flags: int) -> int:
        error, really = self.faults.syncing(self._paths[file])
        return error or (_Sync(self._of(file).sync)(file, flags) if really else OK)

    def _shm_map(self, file: int, region: int, size: int, extend: int, out: int) -> int:
        error = self.faults.sharing(self._paths[file]) if extend else OK
        return error or _ShmMap(self._of(file).shm_map)(file, region, size, extend, out)

    def _delete(self, vfs: int, name: bytes, sync: int) -> int:
        path = name.decode()
        if not Path(path).exists():    # SQLite tries to, where there is none
            return int(self._real_delete(vfs, name, sync))
        return self.faults.deleting(path) or self._real_delete(vfs, name, 0)
