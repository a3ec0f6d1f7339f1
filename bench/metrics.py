"""What Prometheus costs on real guests: hpm beside Debian's prometheus-libvirt-exporter.

    python -m bench.metrics [--guests 100] [--rounds 8] [--scrapes 5]

The lab starts so many tiny halted guests. `hpm serve` (an interval of 1 s, ten times as often as usual) and the
exporter run beside each other, and are scraped by turns, in rounds of so many scrapes each; between two scrapes passes
an interval, so that each one of hpm is of a new snapshot and its text is made anew. For each side:

- *wall*: from the request to the last byte of the answer, in ms;
- *CPU*: CPU time (ms) of hpm or the exporter, and of libvirtd and all QEMUs, above what all of them used just before,
  while nobody asked, by the counters of all their threads. hpm's loop goes on all the time, so what it costs at rest is
  told beside it, as CPU for 15 s, the usual time between two scrapes: at an interval of 1 s as it ran, and what a cycle
  of the usual 10 s would make of it.

The exporter tells neither delay nor velocity; hpm's text is several times as long.

**How to read it**: the bar is a ratio of 50, in CPU and in wall time, of medians over the rounds.
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
from pathlib import Path
from typing import Any

import httpx

from bench.cycle import LAB_PATIENCE, _run_ms
from bench.report import Circumstances, table, write_report
from tests.lab import Lab
from tests.lab.errors import wait_until
from tests.running import ManagerProcess

EXPORTER = "prometheus-libvirt-exporter"
INTERVAL, USUAL, SCRAPES_APART = 1.0, 10.0, 15.0
BAR = 50.0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--guests", type=int, default=100, help="real guests (%(default)s)")
    parser.add_argument("--rounds", type=int, default=8, help="turns of each side (%(default)s)")
    parser.add_argument("--scrapes", type=int, default=5, help="scrapes a turn (%(default)s)")
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
        unix = httpx.HTTPTransport(uds=str(manager.socket))
        ours = stack.enter_context(closing(httpx.Client(transport=unix, base_url="http://hpm", timeout=60)))
        theirs = stack.enter_context(closing(httpx.Client(base_url=f"http://{address}", timeout=60, trust_env=False)))
        wait_until(lambda: _guests(ours) == options.guests, 120, "hpm sees all guests", 0.5)
        wait_until(lambda: _guests(theirs) == options.guests, 120, "the exporter sees all guests", 0.5)
        assert manager.process is not None
        others = [int(Path("/run/libvirtd.pid").read_text()), *(guest.pid for guest in lab.guests)]
        pids = {"hpm": [manager.process.pid, *others], "exporter": [exporter.pid, *others]}
        figures = _compare(pids, {"hpm": ours, "exporter": theirs}, options.rounds, options.scrapes)
        figures["hpm"]["standing-cpu-ms-of-15-s"] = _standing(manager.process.pid)
    figures["guests"] = options.guests
    print(_text(figures))
    print(f"report: {write_report('metrics', figures, circumstances)}")
    return 0


def _guests(client: httpx.Client) -> int:
    try:
        text = client.get("/metrics").text
    except httpx.TransportError:
        return 0
    return len(set(re.findall(r'^libvirt_domain_info_virtual_cpus\{.*?domain="([^"]+)"', text, re.MULTILINE)))


def _compare(
    pids: dict[str, list[int]], clients: dict[str, httpx.Client], rounds: int, scrapes: int
) -> dict[str, Any]:
    costs: dict[str, list[tuple[float, float]]] = {name: [] for name in clients}
    sizes = {name: len(client.get("/metrics").content) for name, client in clients.items()}
    for _ in range(rounds):
        for name, client in clients.items():
            costs[name].append(_cost(lambda c=client: c.get("/metrics").content, pids[name], scrapes))    # type: ignore[misc]
    figures: dict[str, Any] = {
        name: {"cpu-ms": _spread(c for c, _ in found), "wall-ms": _spread(w for _, w in found), "bytes": sizes[name]}
        for name, found in costs.items()
    }  # fmt: skip
    for which in ("cpu", "wall"):
        ratio = figures["exporter"][f"{which}-ms"]["median"] / figures["hpm"][f"{which}-ms"]["median"]
        figures[f"ratio-{which}"] = round(ratio, 1)
    return figures


def _cost(scrape: Callable[[], object], pids: Sequence[int], scrapes: int) -> tuple[float, float]:
    """CPU above what is used at rest, and wall time, of one scrape (ms), means of several."""
    span = 1.5 * INTERVAL
    walls = []
    rest, busy = 0.0, 0.0
    for _ in range(scrapes):
        before = _run_ms(pids)
        time.sleep(span)
        between = _run_ms(pids)
        began = time.perf_counter()
        scrape()
        walls.append((time.perf_counter() - began) * 1e3)
        time.sleep(max(0.0, span - walls[-1] / 1e3))
        rest += between - before
        busy += _run_ms(pids) - between
    return max(0.001, (busy - rest) / scrapes), statistics.fmean(walls)


def _standing(pid: int) -> dict[str, float]:
    """CPU of hpm (ms) in 15 s without a scrape, and, of that, what there would be at an interval of 10 s at most."""
    before = _run_ms([pid])
    time.sleep(SCRAPES_APART)
    used = _run_ms([pid]) - before
    return {"as-it-ran": round(used, 1), "at-10-s": round(used * INTERVAL / USUAL, 1)}


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
    return "\n".join([
        table((f"one scrape of {figures['guests']} guests", "CPU ms", "wall ms", "bytes"), rows),
        f"{figures['ratio-cpu']} times cheaper in CPU, {figures['ratio-wall']} times faster; bar {BAR:g}: {verdict}",
        f"hpm at rest, in 15 s: {standing['as-it-ran']} ms of CPU at an interval of 1 s",
    ])


if __name__ == "__main__":
    sys.exit(main())
