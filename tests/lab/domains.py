"""Domain XML of the lab's guests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

LIBOSINFO = "http://libosinfo.org/xmlns/libvirt/domain/1.0"
AGENT_CHANNEL = "org.qemu.guest_agent.0"


@dataclass(frozen=True)
class Common:
    """What every guest has.

    name: the full libvirt name. console: file on the host that takes the serial console's output. shares: CPU
    shares, None for the host's default. title, metadata_os: for classification; the latter is a libosinfo id such
    as `http://debian.org/debian/12`. partition: libvirt's resource partition, such as `/machine/gold`, which has to
    exist in every cgroup hierarchy. max_vcpus: so many can be plugged in while it runs.
    """

    name: str
    uuid: str
    vcpus: int
    console: Path
    shares: int | None = None
    title: str | None = None
    metadata_os: str | None = None
    partition: str | None = None
    max_vcpus: int | None = None

    def head(self) -> str:
        parts = [f"<name>{escape(self.name)}</name><uuid>{self.uuid}</uuid>"]
        if self.title is not None:
            parts.append(f"<title>{escape(self.title)}</title>")
        if self.metadata_os is not None:
            parts.append(
                f"<metadata><libosinfo:libosinfo xmlns:libosinfo='{LIBOSINFO}'>"
                f"<libosinfo:os id={quoteattr(self.metadata_os)}/></libosinfo:libosinfo></metadata>"
            )
        if self.partition is not None:
            parts.append(f"<resource><partition>{escape(self.partition)}</partition></resource>")
        if self.shares is not None:
            parts.append(f"<cputune><shares>{self.shares}</shares></cputune>")
        parts.append(f"<vcpu current='{self.vcpus}'>{self.max_vcpus or self.vcpus}</vcpu>")
        return "".join(parts)

    def devices(self) -> str:
        return (
            f"<serial type='file'><source path={quoteattr(str(self.console))} append='off'/></serial>"
            "<controller type='usb' model='none'/><video><model type='none'/></video>"
        )


def tiny(common: Common, disk: Path) -> str:
    """A 2 MiB guest that boots a sector from `disk`, which all guests of its kind share."""
    return (
        f"<domain type='qemu'>{common.head()}<memory unit='KiB'>2048</memory>"
        "<os><type arch='x86_64' machine='pc'>hvm</type><boot dev='hd'/></os><features><apic/></features>"
        f"<devices>{common.devices()}<memballoon model='none'/>"
        "<disk type='file' device='disk'><driver name='qemu' type='raw'/>"
        # IDE, although QEMU then wants write access: SeaBIOS's virtio driver does not fit into 2 MiB.
        f"<source file={quoteattr(str(disk))}/><target dev='hda' bus='ide'/><shareable/></disk>"
        "</devices></domain>"
    )


def linux(
    common: Common, kernel: Path, initrd: Path, arguments: str, memory_mib: int, balloon: bool, agent: bool,
    devices: str = "", pluggable_mib: int = 0,
) -> str:
    """A Linux guest booted from kernel and initramfs. `arguments`: the kernel's command line.

    `devices`: more of them, as XML. `pluggable_mib`: so much memory can be plugged in while it runs.
    """
    balloon_xml = "<memballoon model='virtio'><stats period='2'/></memballoon>"
    no_balloon = "<memballoon model='none'/>"
    channel = f"<channel type='unix'><target type='virtio' name='{AGENT_CHANNEL}'/></channel>"
    return (
        f"<domain type='qemu'>{common.head()}<memory unit='MiB'>{memory_mib}</memory>"
        f"{_pluggable(common.vcpus, memory_mib, pluggable_mib) if pluggable_mib else ''}"
        "<os><type arch='x86_64' machine='pc'>hvm</type>"
        f"<kernel>{escape(str(kernel))}</kernel><initrd>{escape(str(initrd))}</initrd>"
        f"<cmdline>{escape(arguments)}</cmdline></os><features><acpi/><apic/></features>"
        f"<devices>{common.devices()}{balloon_xml if balloon else no_balloon}"
        f"{channel if agent else ''}{devices}</devices></domain>"
    )


def _pluggable(vcpus: int, memory_mib: int, pluggable_mib: int) -> str:
    """Slots for more memory; libvirt wants a guest with such to have a NUMA node."""
    return (
        f"<maxMemory slots='4' unit='MiB'>{memory_mib + pluggable_mib}</maxMemory>"
        f"<cpu><numa><cell id='0' cpus='0-{vcpus - 1}' memory='{memory_mib}' unit='MiB'/></numa></cpu>"
    )
