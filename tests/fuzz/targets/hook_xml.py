"""The XML that libvirt hands to its hook, before a guest starts. Nothing of it may keep a guest from starting."""

from __future__ import annotations

import contextlib
import io
import sys
from pathlib import Path
from tempfile import mkdtemp

from hpm.host import libvirt_hook

from ..target import Target
from .domain_xml import UUID, WORDS

_PLACE = Path(mkdtemp(prefix="hpm-fuzz-hook-"))
_OWN = "<domain><name>web</name><devices><disk><backingStore/></disk></devices></domain>"


class _Stdin:
    def __init__(self, data: bytes) -> None:
        self.buffer = io.BytesIO(data)


def run(data: bytes) -> None:
    """As libvirt runs it; there is no hpm that could refuse. The first byte says for what."""
    operation = ("prepare", "restore", "migrate")[data[0] % 3 if data else 0]
    stdin, stdout, stderr, said = sys.stdin, io.StringIO(), io.StringIO(), list[str]()
    try:
        sys.stdin = _Stdin(data[1:])    # type: ignore[assignment]
        libvirt_hook.tell = said.append
        with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
            code = libvirt_hook.main(["qemu", "web", operation, "begin", "-"])
    finally:
        sys.stdin = stdin
    assert code == 0, "the guest is kept from starting"
    assert not stdout.getvalue() and not stderr.getvalue(), "libvirt would take that for a definition"
    marks = {mark.name for mark in (_PLACE / "marks").glob("*")}
    assert all(len(mark) == len(UUID) for mark in marks), f"a mark of no UUID: {marks}"
    for mark in marks:
        (_PLACE / "marks" / mark).unlink()


(_PLACE / "web.xml").write_text(_OWN)
libvirt_hook.SOCKET, libvirt_hook.MARKS = str(_PLACE / "nobody.sock"), str(_PLACE / "marks")
libvirt_hook.DEFINITIONS = str(_PLACE)

TARGET = Target(run, (*WORDS, UUID.encode(), b"<backingStore/>", b" check='full'"))
