"""What the sync protocol costs a poller, in bytes, and a manager, in milliseconds.

    python -m bench.sync [--hosts 250] [--servers 40] [--polls 20] [--large 10000] [--pollers 8] [--seconds 60]

**First part: many hosts** (`hosts`). So many managers, each of a `WalkingHost` with so many servers, in virtual time;
an interval of 3 s, and one poll after each cycle. Bytes are those of bodies, as the API encodes them. Sides:

- *moving*: every figure of every server moves at each poll, by a random walk;
- *quiet*: nobody works;
- *changes*: as *moving*, and at each poll the configuration of one server in a hundred changes; told are the servers
  whose configuration was sent, and those whose it was that changed;
- *restart*: the first poll after the managers were stopped and started anew, with the tokens of before; and a *first*
  poll for comparison, which has no token.

Beside them stands what other forms of the same answer would take: a list of records in place of columns, with and
without gzip, and the whole list of servers that GET `/virtual-servers/detail` gives.

**Second part: one large host** (`large`). A manager in a process of its own, with its loop, its history and its socket,
of a `WalkingHost` with so many servers of two vCPUs, an interval of 10 s. So many pollers, each a process, poll every
second, each at another time within it; and every 15 s one of them reads `/metrics`, as Prometheus does. What is told:
how long pollers waited (all, and those who were told something), what a cycle took of CPU
(`hpm_cycle_cpu_seconds_total`, without reading counters, of which a walking host has none: for that see `bench.cycle`),
what the process used and held.

**How to read it**: bars are 86 bytes a server plain and 50 with gzip, and 17 bytes a server and second in all; 20 ms
for the 99th percentile of polls, 1 s for `/metrics`, and 400 MB.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import multiprocessing
import os
import re
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import msgspec

from bench.pretended import SCRATCH
from bench.report import Circumstances, cpu_seconds, table, write_report
from bench.walking import SECOND, WalkingHost
from hpm.control.answers import encode
from hpm.control.codings import CODINGS
from hpm.host.peer import PeerDoor
from hpm.host.server import SocketServer
from hpm.manager.manager import Manager
from hpm.manager.recorder import KINDS
from hpm.model.servers import Servers
from hpm.model.sync import SyncAnswers
from hpm.policy.goals import VelocityGoal
from hpm.policy.groups import WorkloadResourceGroup
from hpm.policy.policies import PerformancePolicy, ServiceClass
from hpm.store.database import Database
from hpm.store.history import History
from hpm.wire.servers import ServerQuery
from hpm.wire.sync import Sync

BASE = "/zhpm/wsapi/v1"
INTERVAL = 3.0
BARS = {"plain": 86.0, "gzip": 50.0, "in-all": 17.0}
BAR_P99_MS, BAR_METRICS_MS, BAR_MIB = 20.0, 1000.0, 400.0
SCRAPES_APART = 15.0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--hosts", type=int, default=250, help="hosts of the first part (%(default)s)")
    parser.add_argument("--servers", type=int, default=40, help="servers of each (%(default)s)")
    parser.add_argument("--polls", type=int, default=20, help="polls of each side (%(default)s)")
    parser.add_argument("--large", type=int, default=10_000, help="servers of the large host, 0: none (%(default)s)")
    parser.add_argument("--pollers", type=int, default=8, help="its pollers (%(default)s)")
    parser.add_argument("--seconds", type=float, default=60.0, help="for which they poll (%(default)s)")
    options = parser.parse_args(arguments)
    circumstances = Circumstances()
    figures: dict[str, Any] = {}
    if options.hosts:
        figures["hosts"] = _hosts(options.hosts, options.servers, options.polls)
        print(_hosts_text(figures["hosts"]))
    if options.large:
        figures["large"] = _large(options.large, options.pollers, options.seconds)
        print(_large_text(figures["large"]))
    print(f"report: {write_report('sync', figures, circumstances)}")
    return 0


# -- many hosts


class Host:
    """A manager in virtual time, and a poller of it."""

    def __init__(self, directory: Path, servers: int, seed: int, moving: float) -> None:
        self.now = 0
        self.walking = WalkingHost(servers, 2, lambda: self.now, seed=seed, moving=moving)
        self._path = directory / f"{seed}-{moving:g}.db"
        self.token: str | None = None
        self._begin()

    def _begin(self) -> None:
        self._database = Database(self._path)
        self._database.rows("PRAGMA synchronous=OFF")    # what disks take is not measured here
        begin = datetime(2030, 1, 1, tzinfo=timezone.utc)
        self.manager = Manager(
            self.walking, self._database, INTERVAL, lambda: self.now,
            lambda: begin + timedelta(microseconds=self.now // 1000),
        )  # fmt: skip
        self._answers = SyncAnswers(self.manager)

    def cycle(self) -> None:
        """Let an interval pass."""
        self.now += int(INTERVAL * SECOND)
        self.manager.cycle()

    def poll(self) -> tuple[Sync | None, bytes]:
        """What is answered, and its body."""
        told = self._answers.answer(BASE, self.token)
        if told is None:
            return None, b""
        self.token = told.token
        return told, encode(told).body

    def restart(self) -> None:
        """Another manager of the same host."""
        self.close()
        self._begin()

    def close(self) -> None:
        """Stop it."""
        self.manager.stop()
        self._database.close()


def _hosts(hosts: int, servers: int, polls: int) -> dict[str, Any]:
    figures: dict[str, Any] = {"hosts": hosts, "servers": servers, "polls": polls, "interval-seconds": INTERVAL}
    figures["sides"] = {}
    with tempfile.TemporaryDirectory(dir=SCRATCH) as name:
        for side, moving in (("moving", 1.0), ("quiet", 0.0)):
            fleet = [Host(Path(name), servers, seed, moving) for seed in range(hosts)]
            first, _ = _round(fleet)
            for _ in range(3):    # first rates of QEMU's figures
                _round(fleet)
            bodies = [body for _ in range(polls) for body in _round(fleet)[0]]
            figures["sides"][side] = _bytes(bodies, servers, polls * hosts)
            if side == "moving":
                figures["sides"]["first"] = _bytes(first, servers, hosts)
                figures["other-forms"] = _other_forms(fleet[0], servers)
                figures["sides"]["changes"] = _changes(fleet, servers, polls)
                figures["sides"]["restart"] = _restart(fleet, servers)
            for host in fleet:
                host.close()
    moving_ = figures["sides"]["moving"]
    figures["within-bars"] = {
        "plain": moving_["plain"] <= BARS["plain"], "gzip": moving_["gzip"] <= BARS["gzip"],
        "in-all": moving_["gzip"] / INTERVAL <= BARS["in-all"],
    }  # fmt: skip
    return figures


def _round(fleet: Sequence[Host]) -> tuple[list[bytes], list[Sync]]:
    bodies, answers = [], []
    for host in fleet:
        host.cycle()
        told, body = host.poll()
        bodies.append(body)
        if told is not None:
            answers.append(told)
    return bodies, answers


def _bytes(bodies: Sequence[bytes], servers: int, polls: int) -> dict[str, float]:
    """Bytes a server and poll; gzip at the level that the API takes, of whatever size."""
    total = polls * servers
    sizes = {"plain": sum(map(len, bodies))}
    for coding, compress in CODINGS.items():
        sizes[coding] = sum(len(compress(body)) for body in bodies if body)
    by_server = {name: round(size / total, 2) for name, size in sizes.items()}
    return {**by_server, "nothing-changed": sum(not body for body in bodies), "polls": polls}


def _changes(fleet: Sequence[Host], servers: int, polls: int) -> dict[str, Any]:
    bodies, told, changed = [], 0, 0
    each = max(1, round(len(fleet) * servers / 100 / len(fleet)))
    for number in range(polls):
        for host in fleet[number % 2 :: 2]:
            host.walking.touch(host.walking.uuids[number % servers : number % servers + each])
            changed += len(host.walking.uuids[number % servers : number % servers + each])
        found, answers = _round(fleet)
        bodies += found
        told += sum(len(answer.changed.configuration) for answer in answers)
        assert not any(answer.resync for answer in answers)
    return {**_bytes(bodies, servers, polls * len(fleet)), "changed": changed, "configurations-told": told}


def _restart(fleet: Sequence[Host], servers: int) -> dict[str, Any]:
    changed = fleet[0].walking.uuids[:1]
    for host in fleet:
        host.restart()
    fleet[0].walking.touch(changed)
    bodies, answers = _round(fleet)
    return {
        **_bytes(bodies, servers, len(fleet)), "resyncs": sum(answer.resync for answer in answers),
        "changed": len(changed), "configurations-told": sum(len(answer.changed.configuration) for answer in answers),
    }  # fmt: skip


def _other_forms(host: Host, servers: int) -> dict[str, Any]:
    """Bytes a server of the same runtime figures as a list of records, and of all servers whole."""
    host.cycle()
    told, _ = host.poll()
    assert told is not None
    columns = msgspec.to_builtins(told.runtime)
    records = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    text = json.dumps(records, separators=(",", ":")).encode()
    whole = encode(Servers(host.manager).details(BASE, ServerQuery())).body
    return {
        name: {"plain": round(len(body) / servers, 1), "gzip": round(len(CODINGS["gzip"](body)) / servers, 1)}
        for name, body in (("records", text), ("servers-whole", whole))
    }


# -- one large host


def _large(servers: int, pollers: int, seconds: float) -> dict[str, Any]:
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(dir=SCRATCH) as name:
        path = Path(name) / "s"
        here, there = context.Pipe()
        process = context.Process(target=_serve, args=(name, servers, there))
        process.start()
        try:
            here.recv()    # it has gone through some cycles
            with context.Pool(pollers) as pool:
                pool.map(_warm, range(pollers))
                before = _standing(process.pid or 0, path)
                seen = pool.starmap(_poller, [(str(path), n, pollers, seconds) for n in range(pollers)], chunksize=1)
                after = _standing(process.pid or 0, path)
            resident = _resident(process.pid or 0)
        finally:
            here.send("end")
            process.join(60)
    cycles = after["cycles"] - before["cycles"]
    times = sorted(ms for each in seen for ms in each["ms"])
    told = sorted(ms for each in seen for ms, size in zip(each["ms"], each["bytes"], strict=True) if size)
    scrapes = sorted(ms for each in seen for ms in each["scrapes-ms"])
    sizes = [size for each in seen for size in each["bytes"] if size]
    return {
        "servers": servers, "pollers": pollers, "interval-seconds": 10.0,
        "polls": len(times), "ms": _spread(times), "told-ms": _spread(told) if told else None,
        "bytes-a-server": round(statistics.median(sizes) / servers, 1) if sizes else None,
        "metrics-ms": _spread(scrapes) if scrapes else None,
        "metrics-bytes": max((size for each in seen for size in each["scraped-bytes"]), default=0),
        "cycle-cpu-ms": round(1e3 * (after["cycle-cpu"] - before["cycle-cpu"]) / max(1, cycles), 1), "cycles": cycles,
        "overruns": after["overruns"], "cpu-percent": round(
            100 * (after["cpu"] - before["cpu"]) / (after["time"] - before["time"]), 2),
        "resident-mib": round(resident, 1),
        "within-bars": {
            "p99": _spread(times)["p99"] <= BAR_P99_MS,
            "metrics": bool(scrapes) and scrapes[-1] <= BAR_METRICS_MS, "memory": resident <= BAR_MIB,
        },
    }  # fmt: skip


def _serve(name: str, servers: int, pipe: Any) -> None:
    """A manager with all that it has in `hpm serve`, of a walking host."""
    from hpm.host.running import prepare_process
    from hpm.host.server import quiet_cherrypy

    prepare_process()
    quiet_cherrypy()
    directory = Path(name)
    database = Database(directory / "hpm.db")
    manager = Manager(
        WalkingHost(servers, 2, time.monotonic_ns), database, 10.0, time.monotonic_ns,
        lambda: datetime.now(timezone.utc), History(directory / "history.db", KINDS),
    )  # fmt: skip
    with manager.change() as change:
        policy = PerformancePolicy("p", "medium", (ServiceClass("c", VelocityGoal(30)),))
        catalog = change.catalog.with_group(WorkloadResourceGroup("g", "g", "", (policy,), "p"))
        change.catalog = catalog.with_members("g", manager.snapshot.sample.infos, move=True)
    server = SocketServer(manager, directory / "s", PeerDoor())
    manager.start()
    server.start()
    while manager.loop.cycles < 2:
        time.sleep(0.2)
    pipe.send("ready")
    pipe.recv()
    server.stop()
    manager.stop()
    database.close()


def _warm(_: int) -> int:
    return os.getpid()


def _poller(path: str, number: int, pollers: int, seconds: float) -> dict[str, list[float]]:
    seen: dict[str, list[float]] = {"ms": [], "bytes": [], "scrapes-ms": [], "scraped-bytes": []}
    token, began = "", time.monotonic() + number / pollers
    scrape = began + 7.0
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        for tick in itertools.count():
            time.sleep(max(0.0, began + tick - time.monotonic()))
            if time.monotonic() > began + seconds:
                return seen
            start = time.perf_counter()
            status, body = _ask(connection, f"{BASE}/virtual-servers/sync?since={token}")
            if token:    # the first answer is everything
                seen["ms"].append((time.perf_counter() - start) * 1e3)
                seen["bytes"].append(len(body))
            if status == 200:
                found = re.search(rb'"token":"([^"]+)"', body)
                assert found is not None
                token = found[1].decode()
            if number == 0 and time.monotonic() > scrape:
                scrape += SCRAPES_APART
                start = time.perf_counter()
                _, body = _ask(connection, "/metrics")
                seen["scrapes-ms"].append((time.perf_counter() - start) * 1e3)
                seen["scraped-bytes"].append(len(body))
    return seen


def _ask(connection: socket.socket, path: str) -> tuple[int, bytes]:
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: hpm\r\n\r\n".encode())
    data = bytearray()
    while (end := data.find(b"\r\n\r\n")) < 0:
        data += connection.recv(262144)
    head = bytes(data[:end]).decode("latin-1")
    found = re.search(r"(?i)^content-length: (\d+)", head, re.MULTILINE)
    length = int(found[1]) if found else 0
    while len(data) < end + 4 + length:
        data += connection.recv(262144)
    return int(head.split()[1]), bytes(data[end + 4 :])


def _standing(pid: int, path: Path) -> dict[str, float]:
    """Time, CPU time of the process, and what its loop has counted."""
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as connection:
        connection.connect(str(path))
        text = _ask(connection, "/metrics")[1].decode()
    own = {name: float(value) for name, value in _own(text)}
    return {
        "time": time.monotonic(), "cpu": cpu_seconds(pid), "cycles": own["hpm_cycles_total"],
        "cycle-cpu": own["hpm_cycle_cpu_seconds_total"], "overruns": own["hpm_loop_overruns_total"],
    }  # fmt: skip


def _own(text: str) -> Iterator[tuple[str, str]]:
    for line in itertools.islice(text.splitlines(), 60):
        name, _, value = line.partition(" ")
        if name.startswith("hpm_"):
            yield name, value


def _resident(pid: int) -> float:
    """MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


def _spread(times: Sequence[float]) -> dict[str, float]:
    return {
        "median": round(statistics.median(times), 2), "p99": round(times[int(len(times) * 0.99)], 2),
        "max": round(times[-1], 2),
    }  # fmt: skip


# -- for people


def _hosts_text(figures: dict[str, Any]) -> str:
    rows = [
        (name, *(f"{side[form]:.1f}" for form in ("plain", "gzip", "zstd")), f"{side['gzip'] / INTERVAL:.1f}",
         f"{side['nothing-changed']}/{side['polls']}",
         f"{side.get('configurations-told', '-')}/{side.get('changed', '-')}")
        for name, side in figures["sides"].items()
    ]  # fmt: skip
    head = ("bytes a server and poll", "plain", "gzip", "zstd", "gzip a second", "204", "configurations told/changed")
    other = ", ".join(f"{name} {one['plain']} ({one['gzip']})" for name, one in figures["other-forms"].items())
    return f"{figures['hosts']} hosts × {figures['servers']}\n{table(head, rows)}\nother forms, plain (gzip): {other}"


def _large_text(figures: dict[str, Any]) -> str:
    return (
        f"{figures['servers']} servers, {figures['pollers']} pollers: {figures['polls']} polls in ms {figures['ms']},"
        f" those told something {figures['told-ms']}; /metrics in ms {figures['metrics-ms']},"
        f" {figures['metrics-bytes']} bytes; a cycle {figures['cycle-cpu-ms']} ms of CPU;"
        f" {figures['cpu-percent']} % of a core; {figures['resident-mib']} MiB; within bars: {figures['within-bars']}"
    )


if __name__ == "__main__":
    sys.exit(main())
