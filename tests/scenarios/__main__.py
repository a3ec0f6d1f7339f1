"""``python -m tests.scenarios``: play, show and record scenarios."""

from __future__ import annotations

import argparse
import logging
import sys
from collections import Counter

from .claims import failures
from .form import FormError, files
from .invariants import violations
from .play import played
from .recording import difference, record
from .table import table


def main() -> int:
    """Do what the command line says. Gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.scenarios", description="Golden scenarios: see README.md.")
    parser.add_argument("--record", action="store_true", help="play, and write the second documents anew")
    parser.add_argument("names", nargs="*", metavar="NAME", help="theme/name, a part of it, or a theme; 'show' NAME")
    said = parser.parse_args()
    logging.getLogger("hpm").addHandler(logging.NullHandler())    # what hpm would log is no part of this
    try:
        if said.names[:1] == ["show"]:
            for file in files(*said.names[1:]):
                print(table(file, played(file)), end="\n\n")
            return 0
        return _record(said.names) if said.record else _check(said.names)
    except FormError as error:
        print(error, file=sys.stderr)
        return 2


def _record(names: list[str]) -> int:
    for file in files(*names):
        if record(file, played(file)):
            print(f"recorded {file.name}")
    return 0


def _check(names: list[str]) -> int:
    """Tell what does not hold, in all scenarios or in these."""
    themes: Counter[str] = Counter()
    wrong = 0
    for file in files(*names):
        themes[file.name.split("/")[0]] += 1
        try:
            outcome = played(file)
        except Exception as error:    # the others are played all the same
            print(f"{file.name}\n    broke: {error!r}")
            wrong += 1
            continue
        said = [*failures(outcome), *violations(outcome)]
        if difference(file, outcome):
            said.append("recorded otherwise" if file.recorded else "not recorded")
        if file.scenario.not_yet is not None:
            said.insert(0, f"not yet: {file.scenario.not_yet}" if said else "holds, and is marked not-yet")
        if said:
            wrong += 1
            print("\n    ".join([file.name, *said]))
    print(f"{sum(themes.values())} scenarios: " + ", ".join(f"{theme} {n}" for theme, n in themes.items()))
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
