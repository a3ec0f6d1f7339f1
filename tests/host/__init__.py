"""The second laboratory: a host with systemd, cgroup v2 and KVM guests, inside a virtual machine.

    with Host() as host:
        guest = host.guest("db1", load="spin", shares=200)
        print(host.run("systemctl is-system-running").stdout)

At the shell: `python -m tests.host --help`.
"""

from .guest import HostGuest
from .host import Host
from .machine import Answer

__all__ = ["Answer", "Host", "HostGuest"]
