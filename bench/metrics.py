"""What Prometheus costs on real guests: hpm beside Debian's prometheus-libvirt-exporter.

    python -m bench.metrics [--guests 100] [--scrapes 40]

The lab starts so many tiny halted guests. `hpm serve` (an interval of 1 s, ten times as often as usual) and the
exporter run beside each other, and are scraped by turns, so far apart that each scrape of hpm is of a new snapshot and
its text is made anew. For each side:

- *wall*: from the request to the last byte of the answer, in ms;
- *CPU*: CPU time (ms) that hpm or the exporter, libvirtd and all QEMUs used from just before the request until just
  after the answer, by the counters of all their threads; less what the same threads use in as long a time while nobody
  asks, which is measured by turns with the scrapes (the median; it is told beside it). What hpm's loop does at times
  falls into a scrape now and then: look at medians. What hpm costs at rest is told for 15 s, the usual time between two
  scrapes; at the usual interval of 10 s it is a tenth of that.

The exporter tells neither delay nor velocity; hpm's text is several times as long.

**How to read it**: the bar is a ratio of 50, in CPU and in wall time, of medians.
"""

from __future__ import annotations

import argparse
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple

from bench.cycle import LAB_PATIENCE, _run_ms
from bench.report import Circumstances, table, write_report
from tests.lab import Lab
from tests.lab.errors import wait_until
from tests.running import ManagerProcess

EXPORTER = "prometheus-libvirt-exporter"
INTERVAL, SCRAPES_APART, REST = 1.0, 15.0, 0.05
BAR = 50.0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--guests", type=int, default=100, help="real guests (%(default)s)")
    parser.add_argument("--scrapes", type=int, default=40, help="scrapes of each side (%(default)s)")
    options = parser.parse_args(arguments)
    if shutil.which(EXPORTER) is None:
        print(f"{EXPORTER} is not installed (the package of that name)", file=sys.stderr)
        return 1
    circumstances = Circumstances()
    with ExitStack() as stack:
        lab = stack.enter_context(Lab(wait=LAB_PATIENCE))
        lab.many_tiny(options.guests, "bench", load="halt")
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hpm-bench-metrics-")))
        manager = stack.enter_context(ManagerProcess(directory, "qemu:///system", INTERVAL))
        with socket.create_server(("127.0.0.1", 0)) as free:
            address = f"127.0.0.1:{free.getsockname()[1]}"
        exporter = subprocess.Popen(
            [EXPORTER, f"--web.listen-address={address}", "--libvirt.uri=qemu:///system"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        stack.callback(exporter.wait)
        stack.callback(exporter.terminate)
        ours = stack.enter_context(closing(Scraper(str(manager.socket))))
        theirs = stack.enter_context(closing(Scraper(address)))
        wait_until(lambda: _guests(ours) == options.guests, 120, "hpm sees all guests", 0.5)
        wait_until(lambda: _guests(theirs) == options.guests, 120, "the exporter sees all guests", 0.5)
        assert manager.process is not None
        others = [int(Path("/run/libvirtd.pid").read_text()), *(guest.pid for guest in lab.guests)]
        pids = {"hpm": [manager.process.pid, *others], "exporter": [exporter.pid, *others]}
        figures = _compare(pids, {"hpm": ours, "exporter": theirs}, options.scrapes)
        figures["hpm"]["standing-cpu-ms-of-15-s"] = _standing(manager.process.pid)
    figures["guests"] = options.guests
    print(_text(figures))
    print(f"report: {write_report('metrics', figures, circumstances)}")
    return 0


class Scraper(HTTPConnection):
    """A kept connection to a unix socket's path, or to HOST:PORT. What it costs itself is little."""

    def __init__(self, address: str) -> None:
        super().__init__("localhost", timeout=60)
        self._address = address

    def connect(self) -> None:
        if self._address.startswith("/"):
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.connect(self._address)
        else:
            host, _, port = self._address.partition(":")
            self.sock = socket.create_connection((host, int(port)))

    def scrape(self) -> bytes:
        """The metrics."""
        self.request("GET", "/metrics", headers={"Accept-Encoding": "identity"})
        return self.getresponse().read()


def _guests(client: Scraper) -> int:
    try:
        text = client.scrape().decode()
    except OSError:
        client.close()
        return 0
    return len(set(re.findall(r'^libvirt_domain_info_virtual_cpus\{.*?domain="([^"]+)"', text, re.MULTILINE)))


def _compare(
    pids: dict[str, list[int]], clients: dict[str, Scraper], scrapes: int
) -> dict[str, Any]:
    turns: dict[str, list[_Turn]] = {name: [] for name in clients}
    rests: dict[str, list[_Turn]] = {name: [] for name in clients}
    sizes = {name: len(client.scrape()) for name, client in clients.items()}
    for _ in range(scrapes):
        for name, client in clients.items():
            time.sleep(0.5 * INTERVAL)
            rests[name].append(_turn(lambda: time.sleep(REST), pids[name]))
            turns[name].append(_turn(client.scrape, pids[name]))
    figures: dict[str, Any] = {}
    for name, found in turns.items():
        rest = statistics.median(turn.cpu / turn.span for turn in rests[name])
        figures[name] = {
            "cpu-ms": _spread(turn.cpu - rest * turn.span for turn in found),
            "wall-ms": _spread(turn.wall for turn in found), "bytes": sizes[name],
            "rest-cpu-ms-per-s": round(rest * 1e3, 1),
        }  # fmt: skip
    for which in ("cpu", "wall"):
        ratio = figures["exporter"][f"{which}-ms"]["median"] / figures["hpm"][f"{which}-ms"]["median"]
        figures[f"ratio-{which}"] = round(ratio, 1)
    return figures


class _Turn(NamedTuple):
    """CPU that was used while something went on, its wall time, and the time that the CPU was counted over (ms)."""

    cpu: float
    wall: float
    span: float


def _turn(work: Callable[[], object], pids: Sequence[int]) -> _Turn:
    opened = time.perf_counter()
    before, began = _run_ms(reversed(pids)), time.perf_counter()    # hpm or the exporter last, nearest to the scrape
    work()
    ended = time.perf_counter()
    cpu = _run_ms(pids) - before
    # each thread was counted over the work, and on the mean over one of the two readings of the counters
    span = (ended - began) + (began - opened + time.perf_counter() - ended) / 2
    return _Turn(cpu, (ended - began) * 1e3, span * 1e3)


def _standing(pid: int) -> float:
    """CPU of hpm (ms) in 15 s without a scrape."""
    before = _run_ms([pid])
    time.sleep(SCRAPES_APART)
    return round(_run_ms([pid]) - before, 1)


def _spread(values: Iterable[float]) -> dict[str, float]:
    found = sorted(values)
    return {"median": round(statistics.median(found), 3), "min": round(found[0], 3), "max": round(found[-1], 3)}


def _text(figures: dict[str, Any]) -> str:
    rows = [
        (name, *(f"{side[key]['median']:.2f} ({side[key]['min']:.2f} to {side[key]['max']:.2f})"
                 for key in ("cpu-ms", "wall-ms")), side["bytes"])
        for name in ("hpm", "exporter") for side in (figures[name],)
    ]  # fmt: skip
    verdict = "met" if min(figures["ratio-cpu"], figures["ratio-wall"]) >= BAR else "MISSED"
    standing = figures["hpm"]["standing-cpu-ms-of-15-s"]
    rest = " and ".join(f"{figures[name]['rest-cpu-ms-per-s']} ({name})" for name in ("hpm", "exporter"))
    return "\n".join([
        table((f"one scrape of {figures['guests']} guests", "CPU ms", "wall ms", "bytes"), rows),
        f"{figures['ratio-cpu']} times cheaper in CPU, {figures['ratio-wall']} times faster; bar {BAR:g}: {verdict}",
        f"taken off: what all use while nobody asks, {rest} ms of CPU a second",
        f"hpm at rest, in 15 s: {standing} ms of CPU at an interval of 1 s",
    ])


if __name__ == "__main__":
    sys.exit(main())
