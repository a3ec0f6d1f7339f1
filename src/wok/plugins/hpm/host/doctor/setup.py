"""How hpm itself is set up here: users, configuration, units, certificate, store, hook."""

from __future__ import annotations

import fcntl
import grp
import os
import pwd
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from ... import paths
from ...errors import HpmError, StoreError
from ...store.backups import backups_of, check
from ...store.recovery import is_kept, journal_of
from ...wire.findings import Finding
from ..configuration import check as check_configuration
from ..configuration import read_configuration
from ..front.certificate import BadCertificate, ends
from ..hooks import Hooks
from ..peer import ADMINS, USERS
from ..rights import USER

#: Free bytes beside the store below which it is told, and days before the end of a certificate.
FREE: Final = 100 << 20
SOON: Final = 14
#: The units, and those of them that must run.
UNITS: Final = ("hpm.service", "hpm-web.service", "hpm-network.socket", "hpm-passwords.socket")


def setup_findings(root: Path) -> Iterator[Finding]:
    """Everything about hpm itself."""
    yield from _users(root)
    yield from _configuration()
    yield from _units(root)
    yield from _store()
    yield from _certificate()
    yield _hook(root)


def _users(root: Path) -> Iterator[Finding]:
    try:
        pwd.getpwnam(USER)
    except KeyError:
        yield Finding(
            "bad", f"there is no user {USER}, as whom the web front runs: browsers cannot reach hpm",
            f"useradd --system --user-group --no-create-home --shell /usr/sbin/nologin {USER}",
        )
    members = []
    for name in (ADMINS, USERS):
        try:
            members += grp.getgrnam(name).gr_mem
        except KeyError:
            yield Finding(
                "note", f"there is no group {name}: only root is let in, unless the other one has members",
                f"groupadd --system {name}",
            )
    if members:
        said = f"{', '.join(dict.fromkeys(members))} may log in (groups {ADMINS} and {USERS})"
        yield Finding("good", said, names=tuple(members))
    else:
        yield Finding(
            "note", "nobody but root may log in at the pages",
            f"usermod -aG {ADMINS} NAME; or {USERS}, for who may only read",
        )
    if not (root / "etc/pam.d/hpm").exists():
        yield Finding(
            "note", "passwords are checked as PAM's service login says: there is no /etc/pam.d/hpm",
            "install -m 644 contrib/pam.d/hpm /etc/pam.d/hpm",
        )


def _configuration() -> Iterator[Finding]:
    path = paths.judged_config_file()
    if path is None:
        yield Finding("good", "there is no configuration file, and none is needed")
        return
    try:
        wrong = check_configuration(path)
    except (HpmError, OSError) as error:
        wrong = [str(error)]
    if not wrong:
        yield Finding("good", f"{path} is right")
    for sentence in wrong:
        yield Finding("bad", f"{path}: {sentence}", "hpm config-check, after you have mended it; then restart hpm")


def _units(root: Path) -> Iterator[Finding]:
    if not (root / "run/systemd/system").is_dir():
        yield Finding("note", "this host does not run systemd: start hpm by other means ('hpm serve')")
        return
    states = {unit: _show(unit) for unit in UNITS}
    if states["hpm.service"].get("LoadState") != "loaded":
        yield Finding(
            "note", "hpm is not a service here: it runs while somebody runs 'hpm serve'",
            "install its package, or its units (contrib/systemd/README.md)",
        )
        return
    elsewhere = _holder() if states["hpm.service"].get("ActiveState") != "active" else None
    if elsewhere is not None:
        yield Finding("good", f"the manager runs, and not as hpm.service: {elsewhere}")
        return
    for unit, state in states.items():
        active = state.get("ActiveState", "")
        if active == "active":
            yield Finding("good", f"{unit} is active")
        else:
            yield Finding(
                "bad", f"{unit} is {active or 'not loaded'}: {state.get('Result', 'no result')}",
                f"journalctl -u {unit} -n 20 says why; systemctl enable --now {unit}",
            )
    if states["hpm.service"].get("UnitFileState") == "disabled":
        yield Finding("note", "hpm.service does not start with the host", "systemctl enable hpm.service")
    restarts = int(states["hpm.service"].get("NRestarts") or 0)
    if restarts:
        yield Finding(
            "note", f"hpm.service was started anew {restarts} times since somebody last started it",
            "journalctl -u hpm.service says why; please report it, with 'hpm report'",
        )


def _show(unit: str) -> dict[str, str]:
    try:
        said = subprocess.run(
            ["systemctl", "show", "-p", "LoadState,ActiveState,UnitFileState,Result,NRestarts", "--", unit],
            capture_output=True, text=True, timeout=20.0, check=False, stdin=subprocess.DEVNULL,
        ).stdout  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return {}
    return dict(line.split("=", 1) for line in said.splitlines() if "=" in line)


def _store() -> Iterator[Finding]:
    store = paths.state_dir() / "hpm.db"
    try:
        kept = is_kept(store)
        free = shutil.disk_usage(next(way for way in store.parents if way.exists())).free
    except OSError as error:
        yield Finding("note", f"the store cannot be looked at: {error}", "sudo hpm doctor")
        return
    if free < FREE:
        yield Finding(
            "bad", f"only {free >> 20} MiB are free where hpm keeps its state ({store.parent}): nothing can be"
            " changed when they are used up", "make room",
        )
    if not kept:
        yield Finding("note", f"hpm has not run here yet: there is no store {store}")
        return
    if not os.access(store, os.R_OK):
        yield Finding("note", f"{store} is not yours to read, so it was not looked at", "sudo hpm doctor")
        return
    try:
        with closing(sqlite3.connect(f"{store.absolute().as_uri()}?mode=ro", uri=True, timeout=10.0)) as connection:
            check(connection, store)
        entries = journal_of(store)
    except (StoreError, sqlite3.Error) as error:
        yield Finding(
            "bad", f"the store {store} cannot be used: {error}",
            "systemctl restart hpm.service: it then takes the last good backup ('hpm backup-list')",
        )
        return
    number = len(backups_of(store))
    yield Finding("good", f"the store {store} is whole, with {number} {'backup' if number == 1 else 'backups'}")
    if entries is not None and entries[0] and _holder() is None:
        yield Finding(
            "bad", f"hpm does not run, and {len(entries[0])} values of guests are still as it set them",
            "start it again, or put them back: hpm restore",
        )


def _holder() -> str | None:
    """Who has the host's lock, as he says; None: nobody."""
    try:
        with (paths.run_dir() / "host.lock").open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return file.read(1024).decode(errors="replace").strip() or "an unknown process"
    except OSError:
        return None
    return None


def _certificate() -> Iterator[Finding]:
    """The one that the front shows. One that cannot be read is told with the configuration."""
    try:
        given = read_configuration(paths.judged_config_file()).tls_cert
    except (HpmError, OSError):
        return
    path = given or paths.web_dir() / "cert.pem"
    mend = (
        "a front that runs makes another one a month before; is hpm-web.service active?" if given is None
        else "put another one in its place: the front takes it within a minute"
    )  # fmt: skip
    if not path.exists():
        return
    try:
        end = ends(path)
    except (OSError, BadCertificate) as error:
        if given is None:
            yield Finding("bad", f"the web front's certificate {path} cannot be read: {error}", mend)
        return
    days = (end - time.time()) / 86400
    if end and days < SOON:
        ending = f"ends in {days:.0f} days" if days >= 1 else "ends today" if days > 0 else "has ended"
        yield Finding("bad", f"the web front's certificate {path} {ending}", mend)


def _hook(root: Path) -> Finding:
    state = Hooks(root, paths.SYSTEM_RUN_DIR / "hpm.sock").state()
    if not state.installed:
        return Finding(
            "note", "libvirt does not ask hpm before guests start: their dependencies hold only for starts"
            " that hpm makes", "hpm hooks-install, if guest policies say who needs whom",
        )
    if state.current and state.seen is not False:
        return Finding("good", "libvirt asks hpm before guests start")
    said = " ".join(state.sentences()).rstrip(".")
    return Finding("bad", said, "hpm hooks-install, and restart libvirt's daemon once")
