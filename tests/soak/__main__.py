"""`python -m tests.soak real` on real guests, `simulated` in virtual time; reports in build/soak."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from bench.report import ROOT, Circumstances, table
from tests.soak.judging import HEAD, Verdict, rows

#: Minutes of the run in `make check-long`.
MINUTES = 120.0
HOURS = {"large": 24.0, "lively": 4.0}
LAB_PATIENCE = 900.0
SERVERS = {"large": 1000, "lively": 24}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    real = commands.add_parser("real", help="(needs root) real guests that start and stop, clients of all kinds")
    real.add_argument("--minutes", type=float, default=MINUTES, help="how long (%(default)g)")
    real.add_argument("--interval", type=float, default=3.0, help="of hpm, in seconds (%(default)g)")
    real.add_argument("--no-pages", action="store_true", help="no browser, also where there is one")
    simulated = commands.add_parser("simulated", help="many servers, many cycles, virtual time")
    simulated.add_argument("--kinds", nargs="+", choices=tuple(HOURS), default=list(HOURS), help="of hosts (all)")
    simulated.add_argument("--hours", type=float, help="of the host's own time (a day; 4 of the lively one)")
    simulated.add_argument("--servers", type=int, help="(1000; 24 of the lively one)")
    simulated.add_argument("--trace", action="store_true", help="tell where memory was taken that stayed; slower")
    options = parser.parse_args(arguments)
    circumstances = Circumstances()
    if options.command == "simulated":
        from tests.soak.simulated import soak

        good = True
        for kind in options.kinds:
            figures = soak(kind, options.servers or SERVERS[kind], options.hours or HOURS[kind], options.trace)
            good &= tell(f"simulated-{kind}", figures, circumstances)
        return 0 if good else 1
    from tests.lab import Lab, LabError
    from tests.soak.real import soak_real

    try:
        with Lab(wait=LAB_PATIENCE) as lab:
            figures = soak_real(lab, options.minutes, options.interval, not options.no_pages)
    except LabError as error:
        print(f"tests.soak: {error}", file=sys.stderr)
        return 1
    return 0 if tell("real", figures, circumstances) else 1


def tell(name: str, figures: Mapping[str, Any], circumstances: Circumstances) -> bool:
    """Print the verdicts, write `build/soak/NAME.json`; whether all of them are good."""
    verdicts: list[Verdict] = figures["verdicts"]
    print(f"--- {name}: " + ", ".join(f"{key} {value:g}" for key, value in figures.items()
                                      if isinstance(value, int | float)))  # fmt: skip
    print(table(HEAD, rows(verdicts)))
    for key in ("grown", "complaints"):
        for one in list(figures.get(key) or ())[:20]:
            print(f"{key}: {one} {figures[key][one] if isinstance(figures[key], Mapping) else ''}")
    for line in (figures.get("traced") or {}).get("top", ()):
        print(f"traced: {line}")
    path = ROOT / "build/soak" / f"{name}.json"
    write(path, figures, circumstances)
    print(f"report: {path.relative_to(ROOT)}", flush=True)
    return all(one.good for one in verdicts)


def write(path: Path, figures: Mapping[str, Any], circumstances: Circumstances) -> None:
    """The report; what host and what load it was with."""
    path.parent.mkdir(parents=True, exist_ok=True)
    about = {**circumstances.as_dict(), "machine": platform.machine(), "load-now": os.getloadavg()}
    text = msgspec.json.encode({"circumstances": about, "figures": figures})
    path.write_text(json.dumps(json.loads(text), indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
