"""What is besieged: a manager with its loop on the real clock, and a real front before it, as a process of its own.

``python -m tests.security.besieged SECONDS``: it prints where it is as a line of JSON, and, for each line that it
reads, how it has been since the last one. Passwords are made up (`access_host`); the host is simulated.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

from hpm.backend.simulated import ServerSpec, Spin
from hpm.host.running import prepare_process
from tests.running import resident
from tests.unit import api_host
from tests.unit.front_host import front_and_manager

SERVERS = 100


def main(interval: float) -> None:
    """Until standard input ends."""
    prepare_process()
    api_host.SPECS = tuple(ServerSpec(name=f"vs{n}", load=Spin()) for n in range(SERVERS))
    with front_and_manager() as (front, api):
        api.socket.chmod(0o666)
        over, lock, late, took, files = threading.Event(), threading.Lock(), [0.0], [0.0], [(0, 0)]

        def loop() -> None:
            due = time.monotonic() + interval
            while not over.wait(max(0.0, due - time.monotonic())):
                began = time.monotonic()
                api.cycle(interval)
                with lock:
                    late.append(began - due)
                    took.append(time.monotonic() - began)
                    files.append((_files("self"), _files(str(front.process.pid))))
                due += interval    # a cycle that takes too long has the next ones late

        thread = threading.Thread(target=loop, name="hpm-loop")
        thread.start()
        told: dict[str, Any] = {"port": front.port, "socket": str(api.socket), "cert": str(front.cert),
                                "front-socket": str(api.socket.with_name("front.sock"))}    # fmt: skip
        print(json.dumps(told), flush=True)
        for _ in sys.stdin:
            with lock:
                found = {
                    "cycles": len(late) - 1, "latest-ms": round(1000 * max(late), 1),
                    "longest-ms": round(1000 * max(took), 1),
                    "manager-mib": resident() >> 20, "front-mib": resident(front.process.pid) >> 20,
                    "manager-files": max(mine for mine, _ in files), "front-files": max(its for _, its in files),
                }  # fmt: skip
                late[:], took[:], files[:] = [0.0], [0.0], [(0, 0)]
            print(json.dumps(found), flush=True)
        over.set()
        thread.join()


def _files(process: str) -> int:
    return len(list(Path(f"/proc/{process}/fd").iterdir()))


if __name__ == "__main__":
    main(float(sys.argv[1]))
