"""`python -m tests.fuzz NAME --seconds 600`: look for inputs that a parser does not stand. Without NAME: all of them,
one after another."""

from __future__ import annotations

import argparse
import sys

from .fuzzing import BUILD, fuzz, merge
from .target import CORPUS, NAMES


def main() -> int:
    """Run, and tell; 1 if anything was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--seconds", type=int, default=60, help="of each (60)")
    parser.add_argument("--seed", type=int, default=0, help="of libFuzzer's chances (0: another one each time)")
    parser.add_argument("--merge", action="store_true", help="do not look: put what earlier runs kept in build/fuzz,"
                        " so far as it reaches more, into tests/fuzz/corpus")  # fmt: skip
    given = parser.parse_args()
    found = False
    for name in given.names or NAMES:
        if given.merge:
            print(f"{name}: {merge(name, BUILD / name)} more inputs in {CORPUS / name}", flush=True)
            continue
        report = fuzz(name, given.seconds, f"-seed={given.seed}", place=BUILD / name)
        print(f"{name}: {report}", flush=True)
        for file in report.found:
            found = True
            print(f"  found: {file}", flush=True)
        if report.found:
            print(report.said[-3000:])
    return int(found)


if __name__ == "__main__":
    sys.exit(main())
