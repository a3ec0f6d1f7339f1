"""The process in which atheris runs one fuzzer: the name, and libFuzzer's own arguments after it."""

from __future__ import annotations

import os
import sys
import warnings
from functools import partial

import atheris

from .fuzzing import PROGRAM
from .mutating import mutator
from .target import target, timed

#: Parsers that we use as they are: what they do not stand is ours to catch.
PYTHONS_OWN = ("configparser", "http.client", "smtplib", "xmlrpc")


def main() -> None:
    """Run until libFuzzer ends the process."""
    warnings.simplefilter("error")
    name, *arguments = sys.argv[1:]
    with atheris.instrument_imports(include=["hpm", *PYTHONS_OWN]):
        one = target(name)
    mutate = mutator(one.words, lambda data, most: bytes(atheris.Mutate(data, most)))    # which `Fuzz` puts there
    # libFuzzer starts itself anew, by this name, to put inputs together
    program = os.environ.get(PROGRAM, sys.argv[0])
    atheris.Setup([program, *arguments], partial(timed, one), custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
