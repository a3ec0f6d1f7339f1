"""What libvirt runs before a guest starts; see docs/starting.md. `hpm hooks-install` writes it, with other paths.

It uses nothing but Python's own library, and never asks libvirt anything: libvirt waits for it. Whatever goes wrong,
the guest may start, and syslog says what went wrong. What it prints on stderr is what virsh shows; on stdout it must
print nothing, because libvirt would take that for a definition.
"""

import contextlib
import http.client
import json
import re
import socket
import sys
import syslog
import time
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SOCKET = "/run/hpm/hpm.sock"
MARKS = "/run/hpm/hooks"
DEFINITIONS = "/etc/libvirt/qemu"

#: Seconds in which hpm answers; and for which a guest is waited for at most, whatever hpm says: libvirt answers nobody
#: who asks for it, or for all guests, meanwhile.
TIMEOUT = 3.0
LONGEST_WAIT = 60.0
PAUSE = 0.5
#: Seconds between the hook of a restore or of an incoming migration and that of the start which belongs to it.
MARKED = 10.0


class Connection(http.client.HTTPConnection):
    """HTTP on hpm's socket."""

    def connect(self) -> None:
        """Connect. Raises `OSError`."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(TIMEOUT)
        self.sock.connect(SOCKET)


def main(arguments: Sequence[str]) -> int:
    """The hook: 0: go on; 1: do not start. `arguments` as libvirt gives them, the program's name first."""
    name, operation, part = ([*arguments[1:], "", "", ""])[:3]
    try:
        text = sys.stdin.buffer.read()    # libvirt writes it whether it is needed or not
        if part != "begin" or operation not in ("prepare", "restore", "migrate"):
            return 0
        domain = ET.fromstring(text)
        uuid = (domain.findtext("uuid") or "").strip().lower()
        if not re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", uuid):
            return 0
        mark = Path(MARKS) / uuid
        if operation != "prepare":    # comes before the start that it is for
            mark.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            mark.touch()
            return 0
        if taken(mark) or revived(domain, name):
            return 0
        message = refusal(uuid)
    except Exception as error:    # nothing of ours may keep a guest from starting
        tell(f"{name} starts unasked: {error}")
        return 0
    if message is None:
        return 0
    tell(f"{name} was kept from starting: {message}")
    print(message, file=sys.stderr)
    return 1


def taken(mark: Path) -> bool:
    """Whether a restore or a migration was told of just now; only once."""
    try:
        age = time.time() - mark.stat().st_mtime
        mark.unlink()
    except FileNotFoundError:
        return False
    return -MARKED < age < MARKED


#: What libvirt adds to a definition once the guest runs, and what a snapshot of it therefore keeps: the partition, the
#: CPU as QEMU made it (not where it is the host's), and, of each disk, that nothing is below it. Found on libvirt 9.0;
#: when a start begins, and the hook is run, nothing of it is there yet.
TRACES = ("resource/partition", "cpu[@check='full']", "devices/disk//backingStore")


def revived(domain: ET.Element, name: str) -> bool:
    """Whether the definition is one of a guest that ran: a snapshot is reverted to, and libvirt has no hook for that.
    Such a definition has traces of that which the guest's own, lasting one has not."""
    traces = [len(domain.findall(trace)) for trace in TRACES]
    if not any(traces):
        return False
    try:
        own = ET.parse(Path(DEFINITIONS) / f"{name}.xml").getroot()
    except FileNotFoundError:
        return False
    return any(found > len(own.findall(trace)) for found, trace in zip(traces, TRACES, strict=True))


def refusal(uuid: str) -> "str | None":
    """Why hpm does not let the guest start, after the time that its policy gives it; None: it may. Raises whatever can
    go wrong."""
    begun = time.monotonic()
    while True:
        answer = ask(uuid)
        if answer["start"]:
            return None
        if time.monotonic() - begun > min(float(answer["wait-seconds"]), LONGEST_WAIT) - PAUSE:
            return str(answer["message"])
        time.sleep(PAUSE)


def ask(uuid: str) -> "dict[str, Any]":
    """hpm's answer. Raises whatever can go wrong."""
    connection = Connection("localhost")
    try:
        body = json.dumps({"virtual-server": uuid})
        headers = {"Content-Type": "application/json", "Connection": "close"}
        connection.request("POST", "/zhpm/wsapi/v1/hooks/qemu", body, headers)
        response = connection.getresponse()
        text = response.read(65536)
        if response.status != 200:
            raise OSError(f"hpm answered {response.status}")
        found: dict[str, Any] = json.loads(text)
        return found
    except FileNotFoundError:
        raise OSError(f"hpm does not run: there is no {SOCKET}") from None
    finally:
        with contextlib.suppress(OSError):
            connection.close()


def tell(text: str) -> None:
    """A line in syslog."""
    syslog.openlog("hpm-hook", syslog.LOG_PID, syslog.LOG_DAEMON)
    syslog.syslog(syslog.LOG_WARNING, text.encode(errors="backslashreplace").decode())    # a name may be no UTF-8


if __name__ == "__main__":
    sys.exit(main(sys.argv))
