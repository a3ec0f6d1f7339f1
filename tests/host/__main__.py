"""`python -m tests.host`: boot the machine, run each line of stdin inside, and end it with stdin."""

from __future__ import annotations

import argparse
import sys
import time

from tests.lab.errors import LabError

from . import Host
from .image import disk


def main() -> int:
    """Gives the exit status: 0, or 1 if the machine could not be built or booted."""
    parser = argparse.ArgumentParser(prog="python -m tests.host", description=__doc__)
    parser.add_argument("--build", action="store_true", help="only build the image, if it is not there yet")
    parser.add_argument("--guest", action="append", default=[], metavar="NAME", help="start a guest that spins")
    parser.add_argument("--apparmor", action="store_true", help="have AppArmor in its kernel")
    options = parser.parse_args()
    begin = time.monotonic()
    try:
        if options.build:
            print(disk())
            return 0
        with Host(apparmor=options.apparmor) as host:
            for name in options.guest:
                host.guest(name)
            print(f"ready after {time.monotonic() - begin:.0f} s; one command a line", file=sys.stderr, flush=True)
            for line in sys.stdin:
                answer = host.run(line, seconds=600, check=False)
                print(answer.stdout, end="", flush=True)
                print(answer.stderr, end="", file=sys.stderr, flush=True)
                if answer.exit:
                    print(f"exit {answer.exit}", file=sys.stderr, flush=True)
    except LabError as error:
        print(f"host: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
