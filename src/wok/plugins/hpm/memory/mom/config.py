"""MOM's configuration file, read: settings with the lines where they stand, and what MOM takes where it says nothing.

The file is what Python's `configparser` reads, because that is what MOM reads it with.
"""

from __future__ import annotations

import configparser
from collections.abc import Mapping
from typing import Final

import msgspec

from ...errors import InvalidValue
from ...ini import read_ini

#: What MOM takes for a setting that the file does not have; these are all settings that it knows, by section.
DEFAULTS: Final[Mapping[str, Mapping[str, str]]] = {
    "main": {
        "main-loop-interval": "5", "host-monitor-interval": "5", "guest-monitor-interval": "5",
        "guest-manager-interval": "5", "policy-engine-interval": "10", "hypervisor-interface": "libvirt",
        "libvirt-hypervisor-uri": "", "controllers": "Balloon", "sample-history-length": "10", "plot-dir": "",
        "rpc-port": "-1", "policy": "", "policy-dir": "", "guest-manager-multi-thread": "true",
    },
    "logging": {"log": "stdio", "verbosity": "info", "max-bytes": "2097152", "backup-count": "5"},
    "host": {"collectors": "HostMemory"},
    "guest": {"collectors": "GuestQemuProc, GuestMemory"},
}  # fmt: skip
#: Settings of single collectors, in sections of their own.
COLLECTOR_SETTINGS: Final = ("socket_path", "socket_name_template", "name-to-ip-helper")


class MomSetting(msgspec.Struct, frozen=True):
    """A setting: section, name and value; `line` (from 1) is where it stands, None: it is MOM's default. `known`: MOM
    has such a setting."""

    section: str
    name: str
    value: str
    line: int | None = None
    known: bool = True


class MomConfig(msgspec.Struct, frozen=True):
    """A configuration: all that the file says, in its order, and then the defaults of what it does not say."""

    settings: tuple[MomSetting, ...]

    def get(self, section: str, name: str) -> MomSetting:
        """A setting that MOM knows."""
        return next(one for one in self.settings if (one.section, one.name) == (section, name))

    def names(self, section: str, name: str) -> tuple[str, ...]:
        """The value of a setting that is a list with commas."""
        return tuple(part.strip() for part in self.get(section, name).value.split(",") if part.strip())


def read_config(text: str) -> MomConfig:
    """The configuration in a text. Raises `InvalidValue` with the line of what MOM would not read either."""
    parser = configparser.ConfigParser()
    lines = read_ini(text, parser, "main")
    found: list[MomSetting] = []
    for section in parser.sections():
        collector = section.startswith("Collector:")
        for name in parser[section]:
            line = lines.get((section, name)) or lines.get((configparser.DEFAULTSECT, name), 1)
            known = name in (COLLECTOR_SETTINGS if collector else DEFAULTS.get(section, ()))
            if not known and (section, name) not in lines:    # from [DEFAULT], for other sections
                continue
            found.append(MomSetting(section, name, _value(parser, section, name, line, collector), line, known))
    said_of = {(one.section, one.name) for one in found}
    for section, defaults in DEFAULTS.items():
        found += [MomSetting(section, *pair) for pair in defaults.items() if (section, pair[0]) not in said_of]
    return MomConfig(tuple(found))


def whole_number(setting: MomSetting) -> int:
    """The value as MOM's `getint` has it. Raises `InvalidValue` with the line."""
    try:
        return int(setting.value)
    except ValueError:
        raise InvalidValue(
            f"{setting.name}: {setting.value!r} is no whole number", place=(setting.line or 1, 1)
        ) from None


def _value(parser: configparser.ConfigParser, section: str, name: str, line: int, collector: bool) -> str:
    try:
        return parser.get(section, name, raw=collector).strip()
    except configparser.InterpolationError as error:
        said = " ".join(str(error).split())
        raise InvalidValue(f"{name}: {said}; a % is written %%", place=(line, 1)) from None
