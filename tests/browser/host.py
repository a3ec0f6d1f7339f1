"""A host to try the pages on: ``python -m tests.browser.host simulated:50`` serves them until it is interrupted."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.lab.errors import wait_until
from tests.running import ManagerProcess

STARTING = 20.0


class BrowserHost(ManagerProcess):
    """The real manager and the real web front, whose users are those of `tests.browser.program`.

    `port` stays over a restart, so that a page finds it again; 0: any.
    """

    program = "tests.browser.program"

    def __init__(self, directory: Path, uri: str = "simulated:12", interval: float = 1.0, port: int = 0) -> None:
        directory = directory / "host"    # one deeper: root's front has its own directory beside that
        directory.mkdir(exist_ok=True)
        for folder in (directory, directory.parent):
            folder.chmod(folder.stat().st_mode | 0o055)    # the front runs as a user of its own
        super().__init__(directory, uri, interval, ("--listen", f"127.0.0.1:{port}"))
        self.url = ""

    def start(self, *, crash_at: int = 0) -> None:
        """Start it; returns when its pages can be read."""
        begun = self.log.stat().st_size if self.log.exists() else 0
        super().start(crash_at=crash_at)

        def serves() -> bool:
            # the last one: the front says it when it serves, and the manager when it has made the socket
            found = re.findall(r"https://127\.0\.0\.1:\d+", self.text()[begun:])
            self.url = found[-1] if found else ""
            return bool(found)

        wait_until(serves, STARTING, "the web front serves")
        self.web = ("--listen", self.url.removeprefix("https://"))


def main() -> None:
    """Serve a host for somebody who looks at the pages."""
    uri, interval, port = (*sys.argv[1:], *("simulated:12", "3", "0")[len(sys.argv) - 1 :])
    with (
        TemporaryDirectory(prefix="hpm-browser-") as name,
        BrowserHost(Path(name), uri, float(interval), int(port)) as host,
    ):
        print(host.url, host.socket, flush=True)
        while True:
            time.sleep(60)


if __name__ == "__main__":
    main()
