"""How long clients wait for the API, and whether the loop keeps its interval meanwhile.

    python -m bench.api [--guests 1000] [--clients 8] [--seconds 20]

A manager of pretended guests (`pretended`: the kernel's own counters, cgroups and files; none of them works) serves
its socket; so many clients, each a process of its own with one kept connection, ask for ``GET /virtual-servers/detail``
one request after another, without pause, and read the whole answer. Sides take turns, a quarter of the time each:

- *alone*: one client, for comparison;
- *together*: all of them;
- *with If-None-Match*: all of them, with the entity tag of the answer before.

Beside the times stands how far apart the loop's snapshots were that the clients saw, as a multiple of the interval
(2 s): the loop keeps its interval if no distance is much above 1. The bar is a 99th percentile of 50 ms for *together*
with 1,000 guests and 8 clients. Clients, server and loop share the machine's CPUs, as they do on a real host.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import os
import re
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.cycle import INTERVAL, VCPUS, managing
from bench.pretended import SCRATCH, pretended, raise_open_files
from bench.report import Circumstances, table, write_report
from hpm.host.peer import PeerDoor
from hpm.host.server import SocketServer
from hpm.wire.times import moment_of

PATH = "/zhpm/wsapi/v1/virtual-servers/detail"
BAR_MS = 50.0
ROUNDS = 2


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--guests", type=int, default=1000, help="pretended guests (%(default)s)")
    parser.add_argument("--clients", type=int, default=8, help="clients at once (%(default)s)")
    parser.add_argument("--seconds", type=float, default=20.0, help="time for all sides together (%(default)s)")
    options = parser.parse_args(arguments)
    raise_open_files()
    circumstances = Circumstances()
    sides = {"alone": (1, False), "together": (options.clients, False), "with If-None-Match": (options.clients, True)}
    seen: dict[str, list[Answers]] = {name: [] for name in sides}
    with (
        pretended(options.guests, VCPUS, 0) as host,
        managing(host, INTERVAL) as manager,
        tempfile.TemporaryDirectory(dir=SCRATCH) as directory,
    ):
        path = Path(directory) / "s"
        server = SocketServer(manager, path, PeerDoor())
        manager.loop.start()
        server.start()
        try:
            for _ in range(ROUNDS):
                for name, (clients, conditional) in sides.items():
                    seen[name] += _ask(path, clients, conditional, options.seconds / ROUNDS / len(sides))
            overruns = manager.loop.overruns
        finally:
            server.stop()
            manager.loop.stop()
    figures = {
        "guests": options.guests, "clients": options.clients, "interval-seconds": INTERVAL, "overruns": overruns,
        "sides": {name: _figures(answers) for name, answers in seen.items()},
    }  # fmt: skip
    print(_text(figures))
    print(f"report: {write_report('api', figures, circumstances)}")
    return 0


Answers = dict[str, Any]


def _ask(path: Path, clients: int, conditional: bool, seconds: float) -> list[Answers]:
    """Have so many processes ask for so long; what each of them saw."""
    context = multiprocessing.get_context("spawn")    # a fork would have the server's threads' locks
    with context.Pool(clients) as pool:
        pool.map(_warm, range(clients))    # so that all begin at once
        return pool.starmap(_client, [(str(path), conditional, seconds)] * clients, chunksize=1)


def _warm(_: int) -> int:
    return os.getpid()


def _client(path: str, conditional: bool, seconds: float) -> Answers:
    times: list[float] = []
    snapshots: list[str] = []
    size, tag = 0, ""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            condition = f"If-None-Match: {tag}\r\n" if conditional and tag else ""
            began = time.perf_counter()
            connection.sendall(f"GET {PATH} HTTP/1.1\r\nHost: hpm\r\n{condition}\r\n".encode())
            head, body = _read(connection)
            times.append((time.perf_counter() - began) * 1e3)
            tag = re.search(r"(?i)^etag: (.*?)\r", head, re.MULTILINE)[1]    # type: ignore[index]
            if body:
                size = len(body)
                snapshots.append(re.search(rb'"snapshot-time":"([^"]+)"', body)[1].decode())    # type: ignore[index]
    return {"ms": times, "bytes": size, "snapshots": list(dict.fromkeys(snapshots))}


def _read(connection: socket.socket) -> tuple[str, bytes]:
    data = bytearray()
    while (end := data.find(b"\r\n\r\n")) < 0:
        data += connection.recv(65536)
    head = data[: end + 4].decode("latin-1")
    status = int(head.split()[1])
    if status not in (200, 304):
        raise RuntimeError(f"the server answered {head}")
    found = re.search(r"(?i)^content-length: (\d+)", head, re.MULTILINE)
    length = int(found[1]) if found and status == 200 else 0
    body = bytearray(length)
    view, have = memoryview(body), len(data) - end - 4
    view[:have] = data[end + 4 :]
    while have < length:
        have += connection.recv_into(view[have:])
    return head, bytes(body)


def _figures(answers: Sequence[Answers]) -> dict[str, Any]:
    times = sorted(ms for answer in answers for ms in answer["ms"])
    moments = [[moment_of(t) for t in answer["snapshots"]] for answer in answers]
    gaps = [(b - a).total_seconds() / INTERVAL for seen in moments for a, b in itertools.pairwise(seen)]
    return {
        "requests": len(times), "bytes": max(answer["bytes"] for answer in answers),
        "ms": {
            "median": round(statistics.median(times), 2), "p99": round(times[int(len(times) * 0.99)], 2),
            "max": round(times[-1], 2),
        },
        "snapshots-apart": {"seen": len(gaps), "max": round(max(gaps), 2)} if gaps else None,
    }  # fmt: skip


def _text(figures: dict[str, Any]) -> str:
    rows = [
        (name, side["requests"], f"{side['bytes'] / 1e3:.0f}", *side["ms"].values(),
         "-" if side["snapshots-apart"] is None else side["snapshots-apart"]["max"])
        for name, side in figures["sides"].items()
    ]  # fmt: skip
    p99 = figures["sides"]["together"]["ms"]["p99"]
    verdict = "met" if p99 <= BAR_MS else "MISSED"
    head = (f"{figures['guests']} guests, {figures['clients']} clients", "requests", "kB", "median ms", "p99", "max",
            "intervals apart")  # fmt: skip
    bar = f"p99 together {p99:.0f} ms, bar {BAR_MS:.0f}: {verdict}; {figures['overruns']} overruns"
    return f"{table(head, rows)}\n{bar}"


if __name__ == "__main__":
    sys.exit(main())
