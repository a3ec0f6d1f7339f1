"""What all benchmarks share: `build/bench/NAME.json` with the circumstances beside the figures, and tables."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import subprocess
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("msgspec", "libvirt-python")


class Circumstances:
    """The machine while a benchmark runs; make it before the first measurement."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._steal = _steal_seconds()
        self._load = os.getloadavg()

    def as_dict(self) -> dict[str, Any]:
        """The commit, versions, load average before and after, and the part of the host's CPU time that was stolen."""
        passed = time.monotonic() - self._began
        cpus = os.cpu_count() or 1
        return {
            "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "kernel": platform.release(),
            "cpu": _cpu(),
            "cpus": cpus,
            "python": platform.python_version(),
            "commit": _commit(),
            "versions": {name: _version(name) for name in PACKAGES},
            "seconds": round(passed, 1),
            "load-average": {"before": self._load, "after": os.getloadavg()},
            "steal-percent": round(100.0 * (_steal_seconds() - self._steal) / (passed * cpus), 2),
        }


def write_report(name: str, figures: Mapping[str, Any], circumstances: Circumstances | None = None) -> Path:
    """Write `build/bench/NAME.json`; gives its path."""
    path = ROOT / "build/bench" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    report = {"circumstances": (circumstances or Circumstances()).as_dict(), "figures": figures}
    path.write_text(json.dumps(report, indent=2) + "\n")
    return path


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Columns for people: the first to the left, figures to the right."""
    cells = [[str(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))])
        for row in cells
    ]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def cpu_seconds(pid: int) -> float:
    """CPU time of a process: user and system, of all its threads (proc_pid_stat(5))."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _commit() -> str | None:
    """The commit that is measured, with a plus if files differ from it; None where there is no repository."""
    try:
        git = ["git", "-C", str(ROOT)]
        commit = subprocess.run([*git, "rev-parse", "--short", "HEAD"], check=True, capture_output=True, text=True)
        changed = subprocess.run([*git, "status", "--porcelain", "src"], check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return commit.stdout.strip() + ("+" if changed.stdout else "")


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _steal_seconds() -> float:
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    return int(fields[8]) / os.sysconf("SC_CLK_TCK")
