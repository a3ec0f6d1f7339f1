"""What hpm's configuration file in Wok says: `hpm.conf`, read anew whenever it matters."""

from __future__ import annotations

import configparser
from pathlib import Path

import msgspec

from ...backend.connect import SYSTEM
from ...errors import InvalidValue
from ..configuration import NO, YES

_KNOWN = ("connect", "state-dir", "socket", "interval", "mom-rpc", "plot-dir")


class Settings(msgspec.Struct, frozen=True):
    """Whether hpm is enabled, and how its manager is started (None: as `hpm serve` does)."""

    enabled: bool
    connect: str = SYSTEM
    state: Path | None = None
    socket: Path | None = None
    interval: float | None = None
    mom_rpc: Path | None = None
    plots: Path | None = None


def read_settings(path: Path) -> Settings:
    """The settings of the file. Raises `InvalidValue` naming file, section and option."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        with path.open(encoding="utf-8") as file:
            parser.read_file(file)
    except (OSError, ValueError, configparser.Error) as error:
        raise InvalidValue(f"cannot be read: {error}", str(path)) from None
    # Wok writes `True` and `False`; it loads a plugin whatever the word is.
    word = parser.get("wok", "enable", fallback="False").strip().lower()
    if word not in YES + NO:
        raise InvalidValue(f"{word!r} is neither True nor False", f"{path} [wok] enable")
    ours = dict(parser["hpm"]) if parser.has_section("hpm") else {}
    for name in ours:
        if name not in _KNOWN:
            raise InvalidValue(f"there is no such option; known are {', '.join(_KNOWN)}", f"{path} [hpm] {name}")
    return Settings(
        word in YES,
        ours.get("connect") or SYSTEM,
        _path(ours.get("state-dir")),
        _path(ours.get("socket")),
        _interval(ours.get("interval"), path),
        _path(ours.get("mom-rpc")),
        _path(ours.get("plot-dir")),
    )


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _interval(text: str | None, path: Path) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 1 <= value <= 3600:
        raise InvalidValue(f"{text!r} is not a number of seconds from 1 to 3600", f"{path} [hpm] interval")
    return value
