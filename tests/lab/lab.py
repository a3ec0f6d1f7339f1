"""The laboratory: real guests under a real libvirtd, for tests, benchmarks and people at the shell."""

from __future__ import annotations

import re
import uuid as uuids
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from . import bootsector, cache, domains, loads
from .daemons import Daemons
from .errors import LabBusyError, LabError, LabTimeoutError, wait_until
from .guest import Guest, adopted, destroy_domain
from .linuximage import linux_image
from .requirements import missing
from .state import DEFAULT_DIR, State

PREFIX = "hpmlab-"
READY_SECONDS = 120.0  # far more than a start takes, even among dozens that start at once on a loaded machine
SPIN_PROOF_NS = 1_000_000  # a vCPU that used this much after its guest said that it spins, spins
KERNEL_ARGUMENTS = (
    # quiet: the console is for init. no_timer_check: a kernel that gets no CPU while it waits for ticks of its timer
    # panics ("IO-APIC + timer doesn't work"). The rest saves time at boot, or keeps a starved kernel from complaining.
    "console=ttyS0 quiet mitigations=off nowatchdog no_timer_check rcupdate.rcu_cpu_stall_suppress=1 "
    "random.trust_cpu=on"
)
READY_LINE = re.compile(r"hpmlab: ready .*\n")  # its end too: the console arrives in pieces
PARALLEL = 5  # requests at once; libvirtd queues further ones of one connection


class Lab:
    """A context manager that holds the machine's one lab.

    wait: seconds to wait for the lock. alone: refuse to begin while guests started by the shell run, for they
    would disturb what is measured. lasting: daemons and guests started now outlive this process (for the shell).
    prefix, directory: of another, independent lab; for tests of the lab itself.

    Entering takes the lock, starts the daemons where none answer and destroys what a killed predecessor left;
    raises LabBusyError, LabError. Leaving destroys this lab's guests and stops the daemons it started.
    """

    def __init__(
        self,
        *,
        wait: float = 60.0,
        alone: bool = True,
        lasting: bool = False,
        prefix: str = PREFIX,
        directory: Path = DEFAULT_DIR,
    ) -> None:
        if not prefix:
            raise ValueError("without a prefix, everybody's guests would pass for leftovers of the lab")
        self._wait = wait
        self._alone = alone
        self._lasting = lasting
        self.prefix = prefix
        self._state = State(directory)
        self._daemons = Daemons(self._state, lasting)
        self._conn: Any = None
        self._guests: dict[str, Guest] = {}

    def __enter__(self) -> Lab:
        reason = missing()
        if reason is not None:
            raise LabError(reason)
        self._state.acquire(self._wait)
        try:
            self._conn = self._daemons.start()
            self._clean_predecessor()
            self._refuse_company()
        except BaseException:
            self._leave()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    @property
    def conn(self) -> Any:
        """The libvirt connection (virConnect); a new one after each restart of libvirtd."""
        if self._conn is None:
            raise LabError("libvirtd does not run: the lab was left, or kill_libvirtd() was called")
        return self._conn

    @property
    def guests(self) -> list[Guest]:
        """The guests that this lab started, but for those that destroy_all() ended."""
        return list(self._guests.values())

    def tiny(
        self,
        name: str,
        *,
        vcpus: int = 1,
        load: str = "spin",
        shares: int | None = None,
        title: str | None = None,
        metadata_os: str | None = None,
        partition: str | None = None,
        max_vcpus: int | None = None,
        uuid: str | None = None,
    ) -> Guest:
        """Start a 2 MiB guest whose vCPUs all `spin`, or all `halt`; returns when they do.

        uuid: of a server that was here before; None: it is another one. For shares and what follows see
        domains.Common. Raises ValueError for an unknown load, LabTimeoutError, libvirtError; a guest that failed to
        get ready is destroyed.
        """
        sector = bootsector.for_load(load, vcpus)
        disk = cache.cached("bootsector.img", [sector], lambda target: cache.write(target, sector))
        common = self._common(name, vcpus, shares, title, metadata_os, partition, max_vcpus, uuid)
        others = vcpus - 1 if load == "spin" else 0

        def ready(guest: Guest) -> None:
            wait_until(lambda: bootsector.runs(guest.console, others), READY_SECONDS, f"load of {guest.name}")
            if load == "spin":
                _wait_spinning(guest)
            else:
                wait_until(lambda: set(guest.thread_states()) == {"S"}, READY_SECONDS, f"halt of {guest.name}")

        return self._start(common, domains.tiny(common, disk), ready)

    def linux(
        self,
        name: str,
        *,
        load: str = "spin",
        vcpus: int = 1,
        memory_mib: int = 96,
        agent: bool = False,
        balloon: bool = True,
        shares: int | None = None,
        title: str | None = None,
        metadata_os: str | None = None,
        partition: str | None = None,
        max_vcpus: int | None = None,
        hostname: str | None = None,
        words: str = "",
        devices: str = "",
        pluggable_mib: int = 0,
    ) -> Guest:
        """Start a Linux guest; returns when its init makes the load. Boots in about 2 s where nothing disturbs it.

        load: see init.c. agent: with QEMU's guest agent, which answers a moment later. balloon: with statistics
        every 2 s. hostname: `name` if None. words: more of them for init (see init.c), such as `lab_user=ann`.
        devices: more of them, as XML; virtio disks need the agent's image. pluggable_mib: see domains.py. Raises as
        tiny() does, and LabError if a Debian package is missing.
        """
        arguments = f"{KERNEL_ARGUMENTS} load={loads.check(load)} lab_host={hostname or name} {words}"
        image = linux_image(agent)
        common = self._common(name, vcpus, shares, title, metadata_os, partition, max_vcpus)
        xml = domains.linux(
            common, image.kernel, image.initrd, arguments, memory_mib, balloon, agent, devices, pluggable_mib
        )

        def ready(guest: Guest) -> None:
            wait_until(lambda: READY_LINE.search(guest.console), READY_SECONDS, f"load of {guest.name}")
            if "spin" in load.split("+"):
                _wait_spinning(guest)

        return self._start(common, xml, ready)

    def many_tiny(self, count: int, prefix: str, load: str = "halt") -> list[Guest]:
        """Start `count` tiny guests named PREFIX1, PREFIX2, ... as quickly as the machine can; in that order."""
        names = [f"{prefix}{number}" for number in range(1, count + 1)]
        with ThreadPoolExecutor(PARALLEL) as pool:
            return list(pool.map(lambda name: self.tiny(name, load=load), names))

    def kill_libvirtd(self) -> None:
        """SIGKILL libvirtd; guests live on. Raises LabError if no lab started it. Then use start_libvirtd()."""
        self._daemons.kill_libvirtd()
        self._conn = None

    @contextmanager
    def frozen_libvirtd(self) -> Iterator[None]:
        """Have libvirtd not answer (SIGSTOP); guests live on. Raises LabError if no lab started it."""
        self._daemons.freeze_libvirtd()
        try:
            yield
        finally:
            self._daemons.thaw_libvirtd()

    def start_libvirtd(self) -> None:
        """Start libvirtd again after kill_libvirtd(), and reconnect; returns when it has adopted the guests."""
        self._conn = self._daemons.start_libvirtd()
        for guest in self.guests:
            wait_until(partial(adopted, self._conn, guest.uuid), READY_SECONDS, f"adoption of {guest.name}")

    def forget(self, guest: Guest) -> None:
        """A guest that was destroyed is not ours any more; thousands of them would be looked for at the end."""
        self._guests.pop(guest.uuid, None)

    def destroy_all(self) -> None:
        """Destroy all guests that this lab started."""
        _destroy(self.guests)
        self._guests.clear()

    def lasting_guests(self) -> list[Guest]:
        """The guests that were started by labs with `lasting`, and run."""
        running = {domain.UUIDString(): domain.name() for domain in self.conn.listAllDomains()}
        return [
            Guest(running[uuid], uuid, self._state.console_of(running[uuid]), lambda: self.conn)
            for uuid in sorted(self._state.record.shell_guests & set(running))
        ]

    def clean(self) -> None:
        """Destroy the lasting guests, and let the lasting daemons end with this lab."""
        _destroy(self.lasting_guests())
        self._state.record.shell_guests.clear()
        self._state.record.lasting.clear()
        self._state.save()

    def _common(
        self,
        name: str,
        vcpus: int,
        shares: int | None,
        title: str | None,
        metadata_os: str | None,
        partition: str | None,
        max_vcpus: int | None,
        uuid: str | None = None,
    ) -> domains.Common:
        full = self.prefix + name
        console = self._state.console_of(full)
        return domains.Common(
            full, uuid or str(uuids.uuid4()), vcpus, console, shares, title, metadata_os, partition, max_vcpus
        )

    def _start(self, common: domains.Common, xml: str, ready: Callable[[Guest], None]) -> Guest:
        guest = Guest(common.name, common.uuid, common.console, lambda: self.conn)
        if self._lasting:
            # Before the guest is there: one that runs unrecorded would be taken for a leftover.
            self._state.add_shell_guest(common.uuid)
        self.conn.createXML(xml)
        self._guests[common.uuid] = guest
        try:
            ready(guest)
        except BaseException as error:
            console = guest.console[-500:]
            guest.destroy()
            if isinstance(error, LabTimeoutError):
                raise LabTimeoutError(f"{error}; its console says {console!r}") from None
            raise
        return guest

    def _clean_predecessor(self) -> None:
        """Destroy the lab's guests that nobody holds any more; forget the shell's guests that are gone."""
        running = {domain.UUIDString(): domain.name() for domain in self._conn.listAllDomains()}
        shell = self._state.record.shell_guests & set(running)
        self._state.record.shell_guests = shell
        self._state.save()
        for uuid, name in running.items():
            if name.startswith(self.prefix) and uuid not in shell:
                destroy_domain(self._conn, uuid)
        kept = {self._state.console_of(running[uuid]) for uuid in shell}
        for console in self._state.console.iterdir():
            if console not in kept:
                console.unlink()

    def _refuse_company(self) -> None:
        if self._alone and self._state.record.shell_guests:
            names = ", ".join(sorted(guest.name for guest in self.lasting_guests()))
            raise LabBusyError(
                f"guests that the shell started are running ({names}) and would disturb what is measured; "
                "`python -m tests.lab clean` ends them"
            )

    def _leave(self) -> None:
        try:
            if self._guests and not self._lasting:
                # Whoever killed libvirtd, whether through the lab or not: the guests live, and have to go.
                if self._conn is None or not self._conn.isAlive():
                    self.start_libvirtd()
                self.destroy_all()
            others = self._conn is not None and self._conn.isAlive() and bool(self._conn.listAllDomains())
            # Guests that are not ours log through our virtlogd: leave both to a later lab that ends without any.
            if not others:
                self._daemons.stop()
        finally:
            if self._conn is not None:
                self._conn.close()
                self._conn = None
            self._state.release()


def _destroy(guests: list[Guest]) -> None:
    with ThreadPoolExecutor(PARALLEL) as pool:
        list(pool.map(lambda guest: guest.destroy(), guests))


def _wait_spinning(guest: Guest) -> None:
    before = guest.schedstat()

    def all_advanced() -> bool:
        return all(now[0] - then[0] >= SPIN_PROOF_NS for now, then in zip(guest.schedstat(), before, strict=True))

    wait_until(all_advanced, READY_SECONDS, f"CPU time on every vCPU of {guest.name}")
