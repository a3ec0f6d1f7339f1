"""Boot sectors for tiny guests, as commented machine code: 512 bytes that spin or halt.

The BIOS loads the sector at 0x7C00 and jumps there in 16-bit real mode. Each writes `R` to the first serial port
just before its load begins, and every further vCPU writes `A`, so that the console tells when the load runs.
"""

from __future__ import annotations

LOADS = ("spin", "halt")
SECTOR = 512
ORIGIN = 0x7C00
READY = b"R"
READY_OTHER = b"A"

SPIN = bytes.fromhex("EB FE")  # jmp $               jump to itself, for ever
HALT = bytes.fromhex(
    "FA"  # cli                 no interrupt shall wake it
    "F4"  # hlt                 sleep
    "EB FD"  # jmp -3              back to hlt, should an NMI have woken it
)


def say(letter: bytes) -> bytes:
    """Code that writes one letter to COM1. QEMU sends it without the port being set up first."""
    return (
        bytes.fromhex("BA F8 03")  # mov dx, 0x3F8      data register of COM1
        + b"\xb0"
        + letter  # mov al, letter
        + b"\xee"  # out dx, al
    )


def _sector(code: bytes) -> bytes:
    if len(code) > SECTOR - 2:
        raise ValueError(f"{len(code)} bytes of code do not fit a boot sector")
    return code.ljust(SECTOR - 2, b"\0") + b"\x55\xaa"  # the signature that makes the BIOS boot it


def halt() -> bytes:
    """The boot vCPU halts with interrupts off; the others stay halted in the BIOS."""
    return _sector(say(READY) + HALT)


def spin() -> bytes:
    """The boot vCPU spins; the others stay halted in the BIOS."""
    return _sector(say(READY) + SPIN)


def spin_all() -> bytes:
    """Every vCPU spins: the boot vCPU sends INIT and STARTUP to all others through its local APIC.

    The APIC's registers are at 0xFEE00000, out of reach of real mode, so DS gets a 4 GB segment in protected mode.
    The x2APIC's MSRs would be shorter, but QEMU 7.2 does not emulate an x2APIC.
    """
    other = say(READY_OTHER) + SPIN  # what the other vCPUs run, in real mode, at the start of page 8
    gdt = (
        bytes(8)  # selector 0: null
        + bytes.fromhex("FF FF 00 00 00 92 CF 00")  # selector 8: data, base 0, limit 4 GB, writable
    )

    def code(gdt_at: int, gdtr_at: int, other_at: int) -> bytes:
        def word(value: int) -> bytes:
            return value.to_bytes(2, "little")

        def icr(command: str) -> bytes:
            # mov dword [0xFEE00300], command: low half of the interrupt command register; writing sends.
            # 67 = 32-bit address, 66 = 32-bit operand.
            return bytes.fromhex("67 66 C7 05 00 03 E0 FE") + bytes.fromhex(command)

        delay = bytes.fromhex(
            "66 B9 00 00 10 00"  # mov ecx, 0x100000   about a million rounds: milliseconds
            "67 E2 FD"  # loop $ (ecx)        until ecx is 0
        )
        program = (
            b"\xfa"  # cli                 no interrupt handler is valid in protected mode
            + bytes.fromhex("FC")  # cld                 copy upwards
            + bytes.fromhex("31 C0")  # xor ax, ax
            + bytes.fromhex("8E D8")  # mov ds, ax          source segment 0
            + bytes.fromhex("8E C0")  # mov es, ax          target segment 0
            + b"\xbe"
            + word(other_at)  # mov si, other
            + bytes.fromhex("BF 00 80")  # mov di, 0x8000      STARTUP can only name the start of a 4 KiB page
            + b"\xb9"
            + word(len(other))  # mov cx, len(other)
            + bytes.fromhex("F3 A4")  # rep movsb
            + bytes.fromhex("0F 01 16")
            + word(gdtr_at)  # lgdt [gdtr]
            + bytes.fromhex("0F 20 C0")  # mov eax, cr0
            + bytes.fromhex("0C 01")  # or al, 1            protection on
            + bytes.fromhex("0F 22 C0")  # mov cr0, eax        CS stays a 16-bit segment, so code runs on
            + bytes.fromhex("BB 08 00")  # mov bx, 8
            + bytes.fromhex("8E DB")  # mov ds, bx          now DS reaches all 4 GB
            + say(READY)
            + icr("00 45 0C 00")  # INIT    0x000C4500: all but self, assert, delivery mode 5
            + delay  # 10 ms on hardware; enough that INIT was taken
            + icr("08 46 0C 00")  # STARTUP 0x000C4608: all but self, assert, delivery mode 6, page 8
            + delay
            + icr("08 46 0C 00")  # STARTUP again, as Intel asks; ignored by those already running
            + SPIN
        )
        return program + gdt + word(len(gdt) - 1) + (ORIGIN + gdt_at).to_bytes(4, "little") + other

    # The addresses depend on the code's length, which does not depend on the addresses: assemble twice.
    size = len(code(0, 0, 0)) - len(gdt) - 6 - len(other)
    gdt_at, gdtr_at = size, size + len(gdt)
    return _sector(code(gdt_at, ORIGIN + gdtr_at, ORIGIN + gdtr_at + 6))


def for_load(load: str, vcpus: int) -> bytes:
    """The sector for a tiny guest's load, `spin` or `halt`; raises ValueError for another."""
    if load == "halt":
        return halt()
    if load == "spin":
        return spin() if vcpus == 1 else spin_all()
    raise ValueError(f"load of a tiny guest is 'spin' or 'halt', not {load!r}; a Linux guest can do more")


def runs(console: str, others: int) -> bool:
    """Whether the console shows that the load runs, on the boot vCPU and `others` further ones."""
    return READY.decode() in console and console.count(READY_OTHER.decode()) >= others
