"""Where hpm keeps things, for root and for ordinary users."""

from __future__ import annotations

import os
from pathlib import Path

from .errors import InvalidValue

SYSTEM_STATE_DIR = Path("/var/lib/hpm")
SYSTEM_RUN_DIR = Path("/run/hpm")
SYSTEM_CONFIG = Path("/etc/hpm/hpm.conf")


def state_dir() -> Path:
    """Directory of what must survive: `/var/lib/hpm` for root, XDG's state directory for others. Raises
    `InvalidValue` for a user without a home."""
    if os.geteuid() == 0:
        return SYSTEM_STATE_DIR
    base = os.environ.get("XDG_STATE_HOME")
    try:
        return (Path(base) if base else Path.home() / ".local" / "state") / "hpm"
    except RuntimeError:
        raise InvalidValue(
            f"uid {os.geteuid()} has no home directory, where hpm would keep its state; say --state-dir, or set HOME"
        ) from None


def config_file() -> Path | None:
    """The configuration file where none was named: `/etc/hpm/hpm.conf` for root, in XDG's directory for others. None:
    there is none, or no home where it could be."""
    if os.geteuid() == 0:
        path = SYSTEM_CONFIG
    else:
        base = os.environ.get("XDG_CONFIG_HOME")
        try:
            path = (Path(base) if base else Path.home() / ".config") / "hpm" / "hpm.conf"
        except RuntimeError:
            return None
    return path if path.exists() else None


def judged_config_file() -> Path | None:
    """The same for who only looks at it: without a file of their own, the system's. None: there is none."""
    return config_file() or (SYSTEM_CONFIG if SYSTEM_CONFIG.exists() else None)


def web_dir(state: Path | None = None) -> Path:
    """Directory of the web front's own certificate, for a manager whose state is in that directory (None: the usual
    one). For root it stands beside it, because the front, which is another user then, may not enter it."""
    state = state or state_dir()
    return state.with_name(f"{state.name}-web") if os.geteuid() == 0 else state / "web"


def run_dir() -> Path:
    """Directory of sockets and locks: `/run/hpm` for root, XDG's runtime directory for others."""
    if os.geteuid() == 0:
        return SYSTEM_RUN_DIR
    base = os.environ.get("XDG_RUNTIME_DIR")
    return Path(base) / "hpm" if base else Path(f"/tmp/hpm-{os.geteuid()}")


def socket_path() -> Path:
    """The manager's socket when none was named: the environment's `HPM_SOCKET`, or one in `run_dir`."""
    named = os.environ.get("HPM_SOCKET")
    return Path(named) if named else run_dir() / "hpm.sock"


def front_socket_path(socket: Path) -> Path:
    """The socket for the web front that stands beside the manager's: `front.sock` beside `hpm.sock`."""
    return socket.with_name("front.sock" if socket.name == "hpm.sock" else f"{socket.name}.front")


def socket_candidates() -> list[Path]:
    """Sockets a client tries in turn: the one that was named, or the user's and the system's."""
    named = [] if os.environ.get("HPM_SOCKET") else [SYSTEM_RUN_DIR / "hpm.sock"]
    return list(dict.fromkeys([socket_path(), *named]))
