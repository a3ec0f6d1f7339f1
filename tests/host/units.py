"""hpm on the host inside as its packages would have it: the units and the profiles of contrib/, as they are shipped."""

from __future__ import annotations

from types import TracebackType

from tests.lab.errors import LabError, LabTimeoutError, wait_until

from .image import HPM, LIBRARIES
from .machine import Answer
from .manager import URI, HostManager

UNITS = "hpm-network.socket hpm-passwords.socket hpm-web.service hpm.service"
#: Seconds until it answers. Guests that want all of an emulated host's CPUs are to be paused meanwhile.
STARTING = 600.0

#: What contrib/systemd/README.md says, as a package would do it; with what that file has one say to AppArmor where
#: Python's libraries are elsewhere. And an emulated CPU, which others want as well, may take minutes for a first cycle.
INSTALL = f"""set -e
cd /{HPM}
ln -sf /usr/local/bin/hpm /usr/bin/hpm
install -m 644 contrib/systemd/*.service contrib/systemd/*.socket /etc/systemd/system/
install -m 644 -D contrib/systemd/hpm.sysusers /etc/sysusers.d/hpm.conf
install -m 644 -D contrib/systemd/hpm.tmpfiles /etc/tmpfiles.d/hpm.conf
install -m 644 contrib/pam.d/hpm /etc/pam.d/hpm
systemd-sysusers 2>/dev/null
systemd-tmpfiles --create hpm.conf
systemctl daemon-reload
install -m 644 contrib/apparmor/hpm /etc/apparmor.d/
install -m 644 contrib/apparmor/abstractions/* /etc/apparmor.d/abstractions/
echo 'include if exists <abstractions/hpm-libvirt>' > /etc/apparmor.d/local/usr.sbin.libvirtd
echo '/{LIBRARIES}/{{,**}} mr,' > /etc/apparmor.d/local/hpm
slow=/etc/systemd/system/hpm.service.d/slow.conf
mkdir -p "$(dirname $slow)"
printf '[Service]\nTimeoutStartSec={STARTING:.0f}\nWatchdogSec={STARTING:.0f}\n' > $slow
systemctl daemon-reload
apparmor_parser -r /etc/apparmor.d/hpm /etc/apparmor.d/usr.sbin.libvirtd
"""


class UnitManager(HostManager):
    """A context manager: the units, enabled and started, with a state that is made new when this is entered."""

    def __enter__(self) -> UnitManager:
        self._host.run(INSTALL, seconds=120)
        self._host.run("dmesg --clear; rm -rf /var/lib/hpm/*")
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._host.usable:
            self._host.run(f"systemctl disable --now {UNITS} 2>/dev/null", seconds=120)

    def start(self) -> None:
        """Start them; returns when the manager answers."""
        # Not --now: it would wait for the manager's first cycle.
        self._host.run(f"systemctl enable {UNITS} 2>/dev/null; systemctl start --no-block {UNITS}", seconds=120)
        wait_until(self._answers, STARTING, "the manager answers", 1.0)

    def kill(self) -> None:
        """SIGKILL, and no new start."""
        self._host.run("systemctl kill --signal=KILL hpm; systemctl stop hpm", seconds=120)

    def killed(self) -> None:
        """SIGKILL; returns when systemd has started it anew, and it answers."""
        pid = self.pid()
        self._host.run(["systemctl", "kill", "--signal=KILL", "hpm"])
        wait_until(lambda: self.pid() not in (0, pid) and self._answers(), STARTING, "it runs again", 1.0)

    def pid(self) -> int:
        """Of the manager; 0: it does not run."""
        return int(self._host.run(["systemctl", "show", "--property=MainPID", "--value", "hpm"]).stdout)

    def hpm(self, *words: str, stdin: str = "", check: bool = True) -> Answer:
        """See `HostManager`; with more patience."""
        return self._host.run(["hpm", *words], stdin=stdin, check=check, seconds=STARTING)

    def restore(self) -> Answer:
        """`hpm restore`, in root's shell."""
        return self.hpm("restore", "--connect", URI)

    def denied(self) -> list[str]:
        """What AppArmor has denied hpm, or others because of it, since this was entered."""
        lines = self._host.run("dmesg").stdout.splitlines()
        return [line for line in lines if 'apparmor="DENIED"' in line and '"hpm' in line]

    def _answers(self) -> bool:
        try:
            return super()._answers()
        except LabTimeoutError:    # a command line that takes so long will be tried again
            return False
        except LabError:    # it does not run, or not yet
            if self._host.run(["systemctl", "is-failed", "--quiet", "hpm"], check=False).exit == 0:
                raise
            return False
