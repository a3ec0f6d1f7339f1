"""What a refused start of a guest means: libvirt that answers is not asked again and again."""

from __future__ import annotations

from base64 import b64encode

import pytest

from hpm.errors import HypervisorError, HypervisorUnreachable

libvirt = pytest.importorskip("libvirt")


class Domain:
    """A libvirt domain whose start ends in an error."""

    def __init__(self, code: int, domain: int) -> None:
        self._code, self._domain = code, domain

    def hasManagedSaveImage(self) -> bool:  # noqa: N802
        return False

    def isActive(self) -> bool:  # noqa: N802
        return False

    def create(self) -> None:
        error = libvirt.libvirtError("it does not work")
        error.err = (self._code, self._domain, "it does not work", 2, "", None, None, -1, -1)
        raise error


class Host:
    """A connection to libvirt as its binding has it, with that one domain."""

    def __init__(self, domain: Domain) -> None:
        self._domain = domain

    def getType(self) -> str:  # noqa: N802
        return "QEMU"

    def lookupByUUIDString(self, _uuid: str) -> Domain:  # noqa: N802
        return self._domain

    def setKeepAlive(self, *_: int) -> None:  # noqa: N802
        pass

    def registerCloseCallback(self, *_: object) -> None:  # noqa: N802
        pass

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("code", "domain", "unreachable"), [
        ("VIR_ERR_INTERNAL_ERROR", "VIR_FROM_QEMU", False),    # process exited while connecting to monitor
        ("VIR_ERR_SYSTEM_ERROR", "VIR_FROM_QEMU", False),    # cannot open a disk's image
        ("VIR_ERR_OPERATION_FAILED", "VIR_FROM_QEMU", False),
        ("VIR_ERR_SYSTEM_ERROR", "VIR_FROM_RPC", True),    # end of file while reading data
        ("VIR_ERR_INTERNAL_ERROR", "VIR_FROM_RPC", True),    # client socket is closed
        ("VIR_ERR_RPC", "VIR_FROM_RPC", True),
        ("VIR_ERR_NO_CONNECT", "VIR_FROM_RPC", True),
        ("VIR_ERR_INVALID_CONN", "VIR_FROM_DOM", True),
    ],
)  # fmt: skip
def test_only_where_nobody_answers_is_a_start_worth_trying_again(
    monkeypatch: pytest.MonkeyPatch, code: str, domain: str, unreachable: bool
) -> None:
    from hpm.backend.libvirt_power import LibvirtPower

    host = Host(Domain(getattr(libvirt, code), getattr(libvirt, domain)))
    monkeypatch.setattr(libvirt, "open", lambda _uri: host)
    power = LibvirtPower("qemu:///system", lambda *_: None, lambda _uuid: None)
    with pytest.raises(HypervisorError, match="it does not work") as caught:
        power.start("69efbdd8-3715-5a7c-8dcf-76fe2d380a52", None)
    assert isinstance(caught.value, HypervisorUnreachable) == unreachable


@pytest.mark.parametrize(("age", "said"), [
    (0, None), (60, None), (61, "was written 61 s ago"), (-60, None), (-3600, "was written 3600 s ahead of its clock"),
])  # fmt: skip
def test_a_heartbeat_is_one_of_now(monkeypatch: pytest.MonkeyPatch, age: int, said: str | None) -> None:
    from hpm.backend import libvirt_power
    from hpm.policy.start_policies import HeartbeatFile

    now = 1_900_000_000
    answers = {
        "guest-exec": {"pid": 1}, "guest-get-time": now * 10**9,
        "guest-exec-status": {"exited": True, "exitcode": 0, "out-data": b64encode(b"%d\n" % (now - age)).decode()},
    }  # fmt: skip
    monkeypatch.setattr(libvirt_power, "_command", lambda _domain, command, *_: answers[command])
    why = libvirt_power._heartbeat(None, HeartbeatFile("/beat", 60))
    assert why is None if said is None else said in (why or "")
