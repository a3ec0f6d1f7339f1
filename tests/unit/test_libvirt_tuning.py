"""Pinning through libvirt's binding, with a domain that refuses some of it."""

from __future__ import annotations

from collections.abc import Sequence

import libvirt
import pytest

from hpm.backend.libvirt_tuning import pin_vcpus


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
