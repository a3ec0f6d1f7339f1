"""`python -m tests.lab`: guests at the shell, which live on until `stop` or `clean`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from . import bootsector
from .errors import LabError
from .lab import PREFIX, Lab
from .state import DEFAULT_DIR
from .virt import libvirt

DEMO = {
    "app-db1": "Orders database",
    "app-db2": "Orders database, replica",
    "app-web1": "Shop front",
    "app-web2": "Shop front",
    "app-batch1": "Nightly reports",
    "app-test1": "Developers' playground",
}


def parser() -> argparse.ArgumentParser:
    main = argparse.ArgumentParser(prog="python -m tests.lab", description=__doc__)
    main.add_argument("--wait", type=float, default=60, help="seconds to wait for another lab to end (60)")
    # Another, independent lab: for the tests of this program.
    main.add_argument("--prefix", default=PREFIX, help=argparse.SUPPRESS)
    main.add_argument("--directory", type=Path, default=DEFAULT_DIR, help=argparse.SUPPRESS)
    commands = main.add_subparsers(dest="command", required=True)
    start = commands.add_parser("start", help="start a guest")
    start.add_argument("name", help=f"its name, without the prefix {PREFIX}")
    start.add_argument("--load", default="spin", help="spin, halt: a tiny guest; others, see init.c: Linux (spin)")
    start.add_argument("--vcpus", type=int, default=1)
    start.add_argument("--shares", type=int)
    start.add_argument("--title")
    start.add_argument("--os", help="libosinfo id in its metadata, such as http://debian.org/debian/12")
    start.add_argument("--partition", help="libvirt's resource partition, such as /machine/gold")
    start.add_argument("--linux", action="store_true", help="Linux, although a tiny guest could make the load")
    start.add_argument("--memory", type=int, default=96, help="MiB of a Linux guest (96)")
    start.add_argument("--agent", action="store_true", help="Linux with QEMU's guest agent")
    start.add_argument("--hostname", help="of a Linux guest; its name if left out")
    commands.add_parser("demo", help=f"start {len(DEMO)} spinning guests: {', '.join(DEMO)}")
    commands.add_parser("list", help="the guests that were started here")
    stop = commands.add_parser("stop", help="destroy a guest that was started here")
    stop.add_argument("name")
    commands.add_parser("clean", help="destroy them all, and stop the daemons that were started for them")
    return main


def start(lab: Lab, options: argparse.Namespace) -> None:
    common = {"vcpus": options.vcpus, "shares": options.shares, "title": options.title}
    common |= {"metadata_os": options.os, "partition": options.partition, "load": options.load}
    if options.load in bootsector.LOADS and not (options.linux or options.agent):
        guest = lab.tiny(options.name, **common)
    else:
        own = {"memory_mib": options.memory, "agent": options.agent, "hostname": options.hostname}
        guest = lab.linux(options.name, **common, **own)
    print(guest.name)


def demo(lab: Lab) -> None:
    there = {guest.name for guest in lab.lasting_guests()}
    for name, title in DEMO.items():
        if lab.prefix + name not in there:
            print(lab.tiny(name, title=title).name, flush=True)


def show(lab: Lab) -> None:
    for guest in sorted(lab.lasting_guests(), key=lambda guest: guest.name):
        used = sum(using for using, *_ in guest.schedstat()) / 1e9
        print(
            f"{guest.name:32} {guest.uuid}  {len(guest.vcpu_tids())} vCPU  "
            f"{guest.cpu_shares():6} shares  {used:10.1f} s of CPU"
        )


def stop(lab: Lab, name: str) -> None:
    for guest in lab.lasting_guests():
        if guest.name in (name, lab.prefix + name):
            guest.destroy()
            return
    raise LabError(f"no guest {name} was started here; `list` shows those that were")


def main(arguments: Sequence[str]) -> int:
    """Run one command; the exit status: 0, 1 if it failed, 2 if it was not understood (by argparse)."""
    options = parser().parse_args(arguments)
    # Only what starts guests may leave daemons behind.
    lasting = options.command in ("start", "demo")
    errors = (LabError, ValueError, *([libvirt.libvirtError] if libvirt is not None else []))
    try:
        with Lab(
            wait=options.wait, alone=False, lasting=lasting, prefix=options.prefix, directory=options.directory
        ) as lab:
            if options.command == "start":
                start(lab, options)
            elif options.command == "demo":
                demo(lab)
            elif options.command == "list":
                show(lab)
            elif options.command == "stop":
                stop(lab, options.name)
            else:
                lab.clean()
    except errors as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
