"""MOM's configuration file: what `hpm mom-import` reads, and says of each setting."""

from __future__ import annotations

from typing import Final

from hpm.errors import InvalidValue
from hpm.memory.mom.config import COLLECTOR_SETTINGS, DEFAULTS, read_config
from hpm.memory.mom.migration import CONTROLLERS, became, interval_of, without_effect

from ..target import Target


def run(data: bytes) -> None:
    """Read it, and tell."""
    text = data.decode(errors="replace")
    lines = len(text.splitlines()) + 1
    try:
        config = read_config(text)
        assert all(one.line is None or 1 <= one.line <= lines for one in config.settings)
        told = became(config, "qemu:///system", 10.0)
        seconds = interval_of(config)
        assert seconds is None or 1 <= seconds <= 3600
    except InvalidValue as error:
        assert error.place is not None and 1 <= error.place[0] <= lines, "nobody is told where"
        return
    assert all(one.said for one in told)
    assert len(list(without_effect(config, {"p": text}))) <= len(CONTROLLERS)


_NAMES: Final = [name for section in DEFAULTS.values() for name in section]
TARGET = Target(run, tuple(word.encode() for word in (
    *(f"[{section}]\n" for section in DEFAULTS), *(f"{name}: 1\n" for name in (*_NAMES, *COLLECTOR_SETTINGS)),
    "[DEFAULT]\n", "[Collector: GuestNetworkDaemon]\n", "[Collector: a]\n", "\n", "\n  ", ":", "=", "%(policy)s",
    "%(a)s", "%%", "#", ";", "KSM, IoTune", "'ksm_run'", "\x85", "\x1c", "\u2028",
)))  # fmt: skip
