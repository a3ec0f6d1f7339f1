"""A client like any other while hpm is besieged: a process of its own, for that of the besiegers has its hands full.

``python -m tests.security.other PORT CERT SOCKET LOCAL SECONDS``; see `siege`. Nothing of hpm's is imported: it is to
begin at once.
"""

from __future__ import annotations

import json
import socket
import ssl
import sys
import time

#: Seconds between two requests.
PACE = 0.1


def other(port: int, cert: str, unix: str, local: bool, seconds: float) -> tuple[list[float], int]:
    """A client like any other: one request after another, each on a connection of its own. Gives the seconds that each
    took, and how many failed."""
    context = ssl.create_default_context(cafile=cert)
    path = "/zhpm/wsapi/v1/virtual-servers" if local else "/zhpm/wsapi/v1/version"
    head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    took, failed, until = [], 0, time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.monotonic()
        try:
            with socket.socket(socket.AF_UNIX if local else socket.AF_INET) as plain:
                plain.settimeout(20)
                _connect(plain, unix if local else ("127.0.0.1", port))
                one = plain if local else context.wrap_socket(plain, server_hostname="localhost")
                with one:
                    one.sendall(head)
                    found = b""
                    while part := one.recv(65536):
                        found += part
            if not found.startswith(b"HTTP/1.1 200"):
                raise OSError("not served")
            took.append(time.monotonic() - began)
        except OSError:
            failed += 1
        time.sleep(PACE)
    return took, failed


def _connect(one: socket.socket, where: str | tuple[str, int]) -> None:
    """As a blocking connect would: with a timeout it does not wait where too many stand in line (connect(2))."""
    until = time.monotonic() + 20
    while True:
        try:
            one.connect(where)
            return
        except BlockingIOError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)


if __name__ == "__main__":
    port, cert, unix, local, seconds = sys.argv[1:]
    print(json.dumps(other(int(port), cert, unix, local == "1", float(seconds))))
