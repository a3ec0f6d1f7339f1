"""Pinning through libvirt's binding, with a domain that refuses some of it."""

from __future__ import annotations

from collections.abc import Sequence

import libvirt
import pytest

from hpm.backend.libvirt_tuning import limit_memory, pin_vcpus


class Domain:
    """libvirt's domain with two vCPUs on a host of three CPUs; it refuses to pin vCPU `refused`."""

    def __init__(self, refused: int | None = None) -> None:
        self.pins: list[tuple[bool, ...]] = [(True, True, False), (True, True, True)]
        self._refused = refused

    def connect(self) -> Domain:
        return self

    def getCPUMap(self) -> tuple[int, list[bool], int]:    # noqa: N802
        return 3, [True] * 3, 3

    def vcpusFlags(self, flags: int) -> int:    # noqa: N802
        return 2

    def vcpuPinInfo(self, flags: int) -> list[tuple[bool, ...]]:    # noqa: N802
        return [*self.pins]

    def pinVcpuFlags(self, vcpu: int, cpus: Sequence[bool], flags: int) -> int:    # noqa: N802
        if vcpu == self._refused:
            raise libvirt.libvirtError("refused")
        self.pins[vcpu] = tuple(cpus)
        return 0


def test_each_vcpu_has_its_list_and_any_cpu_without_one() -> None:
    domain = Domain()
    pin_vcpus(domain, ["2"])
    assert domain.pins == [(False, False, True), (True, True, True)]


@pytest.mark.parametrize("refused", [0, 1])
def test_of_a_pinning_that_is_refused_nothing_is_left(refused: int) -> None:
    domain = Domain(refused)
    before = [*domain.pins]
    with pytest.raises(libvirt.libvirtError):
        pin_vcpus(domain, ["2", "0"])
    assert domain.pins == before


class Limited:
    """libvirt's domain on a kernel that counts memory, and no swap: libvirt finds that out after the first limit."""

    def __init__(self) -> None:
        self.limits = {"hard_limit": 9007199254740991, "soft_limit": 5, "swap_hard_limit": 9007199254740991}

    def memoryParameters(self, flags: int) -> dict[str, int]:    # noqa: N802
        return dict(self.limits)

    def setMemoryParameters(self, wanted: dict[str, int], flags: int) -> int:    # noqa: N802
        self.limits["hard_limit"] = wanted.get("hard_limit", self.limits["hard_limit"])
        if "swap_hard_limit" in wanted:
            raise libvirt.libvirtError("there is no such file")
        return 0


def test_of_limits_that_are_refused_nothing_is_left() -> None:
    domain = Limited()
    before = dict(domain.limits)
    with pytest.raises(libvirt.libvirtError):
        limit_memory(domain, 2048, 2048)
    assert domain.limits == before
