"""What a metric is.

Each is described once, beside the function that gives its figures. Names and meanings in the API's document, in the
tables of docs/metrics.md and in Prometheus' HELP are these.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Literal, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

FloatColumn: TypeAlias = "npt.NDArray[np.float64]"
IndexColumn: TypeAlias = "npt.NDArray[np.int64]"

#: A counter only grows, until what is counted starts anew. A gauge is what it is now, or over the last interval.
Kind: TypeAlias = Literal["counter", "gauge"]
Unit: TypeAlias = Literal["s", "CPUs", "%", "bytes", "bytes/s", "1/s", "ratio", "number", "0 or 1"]

#: Decimals that a figure in a unit is worth where people and programs read it.
DIGITS: dict[Unit, int] = {
    "s": 6, "CPUs": 3, "%": 1, "bytes": 0, "bytes/s": 0, "1/s": 1, "ratio": 2, "number": 0, "0 or 1": 0,
}  # fmt: skip

#: How Prometheus' names tell the unit (https://prometheus.io/docs/practices/naming).
_SUFFIXES: dict[Unit, str] = {
    "s": "_seconds", "CPUs": "_cpus", "%": "_percent", "bytes": "_bytes", "bytes/s": "_bytes_per_second",
    "1/s": "_per_second",
}  # fmt: skip
_UNITS: dict[Unit, str] = {"s": "seconds", "%": "percent", "CPUs": "units of one host CPU", "1/s": "per second"}

From = TypeVar("From")
Figure = TypeVar("Figure")


@dataclass(frozen=True)
class Metric(Generic[From, Figure]):
    """`of` gives the figures: a column with a value for each server (or group, or class), or one value of a host; NaN
    where it is not known. `libvirt_name` is what libvirt's exporters call it in Prometheus, if they have it; `each`
    is the label by which they have a series for each part of it, such as each disk. `kept`: so is its history.
    `scraped`: it is in Prometheus, where what follows from others would only make the text longer."""

    name: str
    unit: Unit
    kind: Kind
    meaning: str
    of: Callable[[From], Figure]
    libvirt_name: str | None = None
    kept: bool = False
    each: str | None = None
    scraped: bool = True

    @property
    def described(self) -> str:
        """Meaning and unit, for readers of the API."""
        if self.unit in ("number", "ratio", "0 or 1"):
            return self.meaning
        return f"{self.meaning} In {_UNITS.get(self.unit, self.unit)}."

    def exported(self, scope: str) -> str:
        """Its name in Prometheus, as a metric of `scope` (``virtual_server``)."""
        if self.libvirt_name is not None:
            return self.libvirt_name
        total = "_total" if self.kind == "counter" else ""
        return f"hpm_{scope}_{self.name.replace('-', '_')}{_SUFFIXES.get(self.unit, '')}{total}"


def unknown(rows: int) -> FloatColumn:
    """A column of which nothing is known."""
    column: FloatColumn = np.full(rows, np.nan)
    return column


def shown(unit: Unit, column: FloatColumn) -> list[float | None]:
    """A column for readers: with as many decimals as it is worth, None where it is not known."""
    digits = DIGITS[unit]
    rounded: list[float] = np.round(column, digits).tolist()
    if digits:
        return [None if value != value else value for value in rounded]    # NaN alone is not itself
    return [None if value != value else int(value) for value in rounded]
