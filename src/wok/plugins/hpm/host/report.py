"""An archive for a bug report: what hpm and this host tell of themselves, without secrets and without names.

Names of servers, groups and users become numbers, the same ones throughout the archive; so do addresses. Of passwords,
tokens and secrets none is read: the API never gives them, and the store is not in it. Of texts in the API's answers
only what is said here to be hpm's own stays; of the log, so of the activity log's lines.
"""

from __future__ import annotations

import io
import ipaddress
import json
import os
import platform
import pwd
import re
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from .. import paths
from ..version import VERSION
from ..wire.findings import Finding

#: Lines of the log.
LINES: Final = 2000
_UNITS: Final = ("hpm.service", "hpm-web.service")
LEFT_OUT: Final = "(left out)"

#: By the name of a field in an answer, what its text is called instead.
_NAMED: Final[Mapping[str, str]] = {
    "name": "name", "title": "title", "hostname": "host", "user": "user", "active-policy": "name", "otherwise": "name",
    "service-class": "name", "policy": "name", "virtual-server": "name", "workload-resource-group": "name",
    "url": "url", "to": "mail", "from": "mail", "server": "host", "path": "path", "partition": "path",
    "partition-at-start": "path", "cpu-cap-from": "path", "memory-limit-from": "path",
}  # fmt: skip
#: Fields with ids, URIs of ids, or times of the day; and how those look. What looks otherwise is named or left out.
_IDS: Final = frozenset({
    "object-id", "object-uri", "virtual-server", "virtual-servers", "virtual-servers-elsewhere", "from", "to",
    "workload-resource-group", "workload-resource-groups", "parent", "children",
})  # fmt: skip
_UUID: Final = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_ID: Final = re.compile(
    rf"(?:/[\w/-]+/(?:virtual-servers|workload-resource-groups|partitions)/)?(?:{_UUID}|default)|\d\d:\d\d"
)
#: Fields whose text is a word, a figure or a time of hpm's or of the host's.
_KEPT: Final = frozenset({
    "admission", "api-version", "caches", "cause", "class", "cores", "cpu-mgmt", "cpus", "days", "drift",
    "emulator-cpus", "filter-type", "goal-status", "hpm-version", "huge-pages", "hypervisor", "hypervisor-version",
    "importance", "libvirt-version", "management", "management-reason", "means", "memory-management",
    "memory-management-reason", "memory-mgmt", "memory-policy", "mems", "not-ready", "operation", "outcome", "outside",
    "partition-at-start-origin", "pinned-after", "pinned-before", "reason", "request-method", "resource", "role",
    "security", "snapshot-time", "stale-since", "started", "state", "status", "time", "time-zone", "type", "until",
    "velocity", "when-it-stops",
})  # fmt: skip
#: Fields with sentences of hpm's, in which names can stand. Any other text is left out.
_SENTENCES: Final = frozenset({
    "detail", "error", "how", "hypervisor-uri", "kernel", "lacking", "problem", "why-not", "work-cut",
})  # fmt: skip

#: The activity log's lines in the log: `name="value"`; and those of them that stay. `did` and `uri` do in part.
_PAIR: Final = re.compile(r'\b([a-z]+)="((?:\\.|[^"\\])*)"')
_PAIRS: Final = frozenset({"role", "by", "from", "method", "outcome", "status", "reason"})
#: Who did something by himself, and not by a request.
_BY_ITSELF: Final = 'method=""'

#: Words that are everybody's, and no names.
_COMMON: Final = frozenset({"default", "hpm", "root", "rest", "localhost", "/machine", ""})
#: Letters as systemd escapes them in the name of a unit.
_ESCAPED: Final = re.compile(r"(?:\\x[0-9a-f]{2})+")
#: Partitions, as libvirt and as systemd spell them; and guests, in the names of their scopes and directories.
_PARTITION: Final = re.compile(r"/machine(?:/\w[\w-]*(?:\.[\w-]+)*)+|\bmachine-(?!qemu-)[^/\s\"']+\.slice")
_GUEST: Final = re.compile(r"((?:qemu|domain)-\d+-)([^/\s\"',;:]+?)(?=\.scope|\.libvirt|[/\s\"',;:]|$)")
#: Lines of the configuration file that stay, comments do not; and values in it that may have names.
_SETTING: Final = re.compile(r"\s*(?:\[[\w-]+\]|[\w-]+\s*[:=].*)")
_SET: Final = re.compile(
    r"^\s*[\w-]+[ \t]*[:=][ \t]*(?!(?:yes|no|true|false|on|off)$)(\S*[A-Za-z].*?)[ \t]*$", re.MULTILINE | re.IGNORECASE
)
_COLONS: Final = re.compile(r"(?<![\w:.])[0-9a-fA-F]{0,4}:[0-9a-fA-F:]*:[0-9a-fA-F:.]*")    # IPv6, or no address
_ADDRESSES: Final = re.compile(
    r"hpm_[A-Za-z0-9_-]{20,}"                                              # a token, if one ever got into a log
    r"|\b[a-z][a-z0-9+]*://[^\s/\"'][^\s\"']*"                             # a URL with a host
    r"|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"                                       # mail
    r"|(?<![\d.])(?!127\.|0\.0\.0\.0\b)(?:\d{1,3}\.){3}\d{1,3}(?![\d.]*\d)"    # IPv4
    r"|(?<![\w:])(?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}(?![\w:])"            # MAC
)  # fmt: skip
#: Of the host, files that say something of how it is set up and nothing of who uses it.
_FILES: Final = ("proc/meminfo", "proc/pressure/cpu", "proc/pressure/memory", "proc/pressure/io", "proc/loadavg",
                 "proc/version", "etc/os-release")    # fmt: skip


_CONFIG: Final = "hpm.conf"

#: The archive about itself.
_ABOUT: Final = """\
Made by 'hpm report'. doctor.txt has what 'hpm doctor' says, log.txt the last lines of hpm.service and hpm-web.service.
What hpm says inside Wok stands in Wok's own log among what others say, which is not here.
"""
_ABOUT_NAMES: Final = """\
Names, titles and addresses are numbers, the same ones in all files. What people wrote, the paths of requests but for
ids, and why requests were refused is left out. hpm knows no name of what was removed: if a guest was, look for it in
log.txt.
"""


def write_report(
    output: Path | None, found: Sequence[tuple[str, Sequence[Finding]]], answers: Mapping[str, bytes], keep_names: bool
) -> tuple[Path, list[str]]:  # fmt: skip
    """Write the archive, with what doctor found, and the answers of the API by the name of their file. Gives its path,
    and the names of what is in it. Raises `OSError`."""
    path = output or Path(time.strftime("hpm-report-%Y%m%dT%H%M%SZ.tar.gz", time.gmtime()))
    files: dict[str, bytes] = {"doctor.txt": _told(found), **dict(_of_host(Path("/"))), **answers}
    about = _ABOUT
    if not keep_names:
        about += _ABOUT_NAMES
        names = [name for _, part in found for one in part for name in one.names]
        names += _SET.findall(files.get(_CONFIG, b"").decode(errors="replace"))
        files = Replacing(answers, names).all(files)
    files = {"about.txt": about.encode(), **files}
    folder = path.name.partition(".")[0]
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as raw, tarfile.open(
        fileobj=raw, mode="w:gz"
    ) as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(f"{folder}/{name}")
            entry.size, entry.mtime = len(data), int(time.time())
            archive.addfile(entry, io.BytesIO(data))
    return path, list(files)


def _told(found: Sequence[tuple[str, Sequence[Finding]]]) -> bytes:
    return "\n".join(
        f"{heading}\n" + "".join(
            f"  {one.verdict}: {one.what}\n" + (f"    mend: {one.mend}\n" if one.mend else "") for one in part
        )
        for heading, part in found
    ).encode()  # fmt: skip


def _of_host(root: Path) -> Iterator[tuple[str, bytes]]:
    yield "versions.txt", "".join(f"{name} {said}\n" for name, said in _versions()).encode()
    for name in _FILES:
        try:
            yield name.replace("/", "-").removeprefix("proc-") + ".txt", (root / name).read_bytes()
        except OSError:
            continue
    config = paths.config_file()
    if config is not None:
        try:
            yield _CONFIG, config.read_bytes()
        except OSError as error:
            yield _CONFIG, f"cannot be read: {error}\n".encode()
    yield "log.txt", _log()


def _versions() -> Iterator[tuple[str, str]]:
    yield "hpm", VERSION
    yield "python", sys.version.replace("\n", " ")
    yield "kernel", platform.release()
    yield "machine", platform.machine()
    yield "cpus", str(os.cpu_count())
    for name in ("cheroot", "cherrypy", "click", "dbus-fast", "h11", "httpx", "lark", "libvirt-python", "msgspec",
                 "numpy", "rich", "zstandard"):    # fmt: skip
        try:
            yield name, metadata.version(name)
        except metadata.PackageNotFoundError:
            yield name, "not found"


def _log() -> bytes:
    """The last lines of hpm's units; why there are none, else."""
    command = ["journalctl", "--no-pager", "--output", "short-iso", "--lines", str(LINES)]
    units = [word for unit in _UNITS for word in ("--unit", unit)]
    try:
        done = subprocess.run([*command, *units], capture_output=True, timeout=30.0, check=False,
                              stdin=subprocess.DEVNULL)    # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"the journal cannot be read: {error}\n".encode()
    return done.stdout or done.stderr


class Replacing:
    """Puts numbers in the place of names, those that stand in the API's answers and others, and of addresses."""

    def __init__(self, answers: Mapping[str, bytes], names: Iterable[str]) -> None:
        host, _, domain = socket.gethostname().partition(".")
        self._known: dict[str, str] = {host: "this-host", domain: "this-domain"}
        self._counts: dict[str, int] = {}
        for data in answers.values():
            self._learn(_decoded(data))
        for name in names:
            self._called(name, "name")
        for user in (pwd.getpwuid(os.getuid()).pw_name, os.environ.get("SUDO_USER", "")):    # of a directory, say
            self._called(user, "user")
        words = sorted((word for word in self._known if word not in _COMMON), key=len, reverse=True)
        joined = "|".join(map(re.escape, words))
        # a domain behind a name goes with it
        self._names = re.compile(rf"(?<![\w-])({joined})(?:\.[A-Za-z][\w-]*)*(?![\w-])") if words else None

    def all(self, files: Mapping[str, bytes]) -> dict[str, bytes]:
        """The files with that done."""
        return {name: self._file(name, data) for name, data in files.items()}

    def _file(self, name: str, data: bytes) -> bytes:
        if name.endswith(".json"):
            return json.dumps(self._replaced(_decoded(data)), indent=1, ensure_ascii=False).encode() + b"\n"
        lines = data.decode(errors="replace").split("\n")
        if name == _CONFIG:
            lines = [line for line in lines if _SETTING.fullmatch(line)]
        return "\n".join(self.text(self._line(line)) for line in lines).encode()

    def text(self, text: str) -> str:
        """A text with that done."""
        text = _ESCAPED.sub(_unescaped, text)
        text = _PARTITION.sub(lambda found: self._called(found[0].replace(".partition", ""), "path"), text)
        text = _GUEST.sub(lambda found: found[1] + self._called(found[2], "name"), text)
        if self._names is not None:
            text = self._names.sub(lambda found: self._known[found[1]], text)
        text = _COLONS.sub(self._colons, text)
        return _ADDRESSES.sub(lambda found: self._number(found[0], "address"), text)

    def _line(self, line: str) -> str:
        """A line with what its pairs may tell."""

        def pair(found: re.Match[str]) -> str:
            name, said = found[1], found[2]
            if name in _PAIRS or not said:
                return found[0]
            if name == "user":
                return f'user="{self._called(said, "user")}"'
            kept = _deed(said, _BY_ITSELF in line) if name == "did" else _ids(said) if name == "uri" else LEFT_OUT
            return f'{name}="{kept}"'

        return _PAIR.sub(pair, line)

    def _colons(self, found: re.Match[str]) -> str:
        """What stands for something with colons: a number, if it is an address, maybe with a port behind it."""
        word = found[0]
        while word.count(":") > 1:
            try:
                address = ipaddress.IPv6Address(word)
            except ValueError:
                word = word[:-1] if word[-1] in ":." else word.rpartition(":")[0]
                continue
            if address.is_loopback or address.is_unspecified:
                break
            return self._number(word, "address") + found[0][len(word):]
        return found[0]

    def _learn(self, value: Any, field: str = "") -> None:
        if isinstance(value, dict):
            for name, inner in value.items():
                self._learn(inner, name)
        elif isinstance(value, list):
            for inner in value:
                self._learn(inner, field)
        elif isinstance(value, str) and field in _NAMED and not _is_id(value, field):
            self._called(value, _NAMED[field])

    def _called(self, word: str, kind: str) -> str:
        """What a word is called instead; common ones stay."""
        return word if word in _COMMON else self._number(word, kind)

    def _number(self, word: str, kind: str) -> str:
        if word not in self._known:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._known[word] = f"{kind}-{self._counts[kind]}"
        return self._known[word]

    def _replaced(self, value: Any, field: str = "", by_itself: bool = False) -> Any:
        if isinstance(value, dict):
            by_itself = value.get("request-method") == ""
            return {
                name: self._replaced(inner, field if field in _SENTENCES else name, by_itself)
                for name, inner in value.items()
            }  # fmt: skip
        if isinstance(value, list):
            return [self._replaced(inner, field) for inner in value]
        if not isinstance(value, str) or not value or field in _KEPT or _is_id(value, field):
            return value
        if field in _NAMED:
            return self._called(value, _NAMED[field])
        if field == "summary":
            return self.text(_deed(value, by_itself))
        if field == "request-uri":
            return _ids(value)
        return self.text(value) if field in _SENTENCES or field == "address" else LEFT_OUT


def _is_id(value: str, field: str) -> bool:
    return field in _IDS and _ID.fullmatch(value) is not None


def _deed(said: str, by_itself: bool) -> str:
    """What was done, without to what; that can stand first where hpm did it by itself."""
    what, colon, _ = said.partition(":")
    return said if not colon else LEFT_OUT if by_itself else f"{what}: {LEFT_OUT}"


def _ids(uri: str) -> str:
    """Of the path of a request, the ids: of all else nobody knows whether it is a name."""
    return " ".join(re.findall(_UUID, uri)) or LEFT_OUT


def _unescaped(found: re.Match[str]) -> str:
    text = bytes.fromhex(found[0].replace("\\x", "")).decode(errors="replace")
    return text if text.isprintable() else found[0]


def _decoded(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None
