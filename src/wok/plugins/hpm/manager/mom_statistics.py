"""What policies of MOM's language are given: the host and its guests by MOM's names, with some history.

The fields are those of docs/mom-language.md; sizes are kB.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from ..engine.samples import IO_LIMITS, HostSample, ServerInfo, ServerSample
from ..engine.table import Table
from ..memory.mom import Entity
from ..memory.mom.fields import GUEST_FIELDS, HOST_FIELDS
from .memory_view import minimum
from .snapshot import Snapshot

#: Samples that are kept for `StatAvg`, as MOM does where nobody says another number.
HISTORY: Final = 10
_KIB: Final = 1024

Fields = dict[str, Any]


class Statistics(msgspec.Struct):
    """The entities of one cycle: the host, and the guests that run, by UUID."""

    host: Entity
    guests: dict[str, Entity]


class RecentSamples:
    """Keeps the newest samples of the host and of each start of a guest, and what policies keep in their variables.
    Not thread-safe: the manager's lock is held."""

    def __init__(self) -> None:
        self._host: deque[Fields] = deque(maxlen=HISTORY)
        self._guests: dict[tuple[str, str], deque[Fields]] = {}
        self._variables: dict[tuple[str, str], dict[str, Any]] = {}
        self._before: HostSample | None = None

    def sampled(self, snapshot: Snapshot) -> bool:
        """Whether there is a sample of that snapshot."""
        return self._before is snapshot.sample

    def take(self, snapshot: Snapshot, local: datetime) -> None:
        """A sample of everything. `local` is the time of day that the host's clock shows."""
        sample, extras = snapshot.sample, snapshot.extras
        self._host.append(host_fields(sample, self._before, extras.processes, local))
        self._before = sample
        balloon = {name: column.tolist() for name, column in extras.balloon.columns.items()}
        resident = {uuid: extras.processes.value(uuid, "resident_bytes") for uuid in extras.processes.uuids}
        present = {(uuid, server.start) for uuid, server in sample.samples.items()}
        self._guests = {key: kept for key, kept in self._guests.items() if key in present}
        self._variables = {key: kept for key, kept in self._variables.items() if key in present or not key[0]}
        for uuid, server in sample.samples.items():
            row = extras.balloon.place.get(uuid)
            figures = {} if row is None else {name: column[row] for name, column in balloon.items()}
            fields = guest_fields(sample.infos[uuid], server, snapshot, figures, resident.get(uuid))
            self._guests.setdefault((uuid, server.start), deque(maxlen=HISTORY)).append(fields)

    def entities(self, snapshot: Snapshot, interval: float, *, apart: bool = False) -> Statistics:
        """The entities as of the last sample; guests in the order of their names. `apart`: with variables of their
        own, so that they stay as they are while cycles go on."""
        sample = snapshot.sample

        def variables(key: tuple[str, str]) -> Fields:
            return dict(self._variables.get(key, {})) if apart else self._variables.setdefault(key, {})

        host = Entity("host", {"interval": interval}, tuple(self._host), variables(("", "")), HOST_FIELDS)
        guests: dict[str, Entity] = {}
        for uuid in sorted(sample.samples, key=lambda uuid: sample.infos[uuid].name):
            server, info = sample.samples[uuid], sample.infos[uuid]
            key = uuid, server.start
            guests[uuid] = Entity(
                info.name, {"uuid": uuid, "name": info.name, "pid": server.pid or None, "id": uuid},
                tuple(self._guests.get(key, ())), variables(key), GUEST_FIELDS,
            )  # fmt: skip
        return Statistics(host, guests)

    def newest(self, snapshot: Snapshot) -> tuple[Fields, dict[str, Fields]]:
        """The newest sample of the host, and of each guest by name; what was not sampled is empty."""
        guests = {
            snapshot.sample.infos[uuid].name: self._guests.get((uuid, server.start), ())
            for uuid, server in snapshot.sample.samples.items()
        }
        host = dict(self._host[-1]) if self._host else {}
        return host, {name: dict(kept[-1]) if kept else {} for name, kept in guests.items()}


def host_fields(sample: HostSample, before: HostSample | None, processes: Table, local: datetime) -> Fields:
    """The host's fields. What is counted since the last sample is 0 in the first one."""
    now, ksm = sample.details, sample.ksm
    then = now if before is None else before.details
    seconds = 0.0 if before is None else (sample.time_ns - before.time_ns) / 1e9
    fields: Fields = {
        "mem_available": (sample.memory_bytes or 0) // _KIB, "mem_unused": now.free // _KIB,
        "mem_free": (now.free + now.buffers + now.cached) // _KIB, "anon_pages": now.anonymous // _KIB,
        "swap_total": now.swap_total // _KIB, "swap_usage": (now.swap_total - now.swap_free) // _KIB,
        "swap_in": now.swapped_in - then.swapped_in, "swap_out": now.swapped_out - then.swapped_out,
        "cpu_count": sample.cpus, "time_year": local.year, "time_month": local.month, "time_day": local.day,
        "time_hour": local.hour, "time_minute": local.minute, "time_second": local.second,
        "time_microsecond": local.microsecond,
        "ksm_shareable": int(sum(size for size in processes.columns["virtual_bytes"].tolist() if size == size)) // _KIB,
        "ksmd_cpu_usage": _percent(now.ksmd_ns, then.ksmd_ns, seconds),
    }  # fmt: skip
    if ksm is not None:
        fields |= {
            "ksm_run": ksm.run, "ksm_sleep_millisecs": ksm.sleep_millisecs, "ksm_pages_to_scan": ksm.pages_to_scan,
            "ksm_merge_across_nodes": ksm.merge_across_nodes, "ksm_pages_shared": ksm.pages_shared,
            "ksm_pages_sharing": ksm.pages_sharing, "ksm_pages_unshared": ksm.pages_unshared,
            "ksm_pages_volatile": ksm.pages_volatile, "ksm_full_scans": ksm.full_scans,
        }  # fmt: skip
    return fields


def guest_fields(
    info: ServerInfo, server: ServerSample, snapshot: Snapshot, balloon: Mapping[str, float], resident: float | None
) -> Fields:
    """A guest's fields. What its balloon's driver does not tell is missing, and so is what was never sampled."""

    def counted(name: str) -> int | None:
        value = balloon.get(name)
        return None if value is None or value != value else int(value)

    def kilobytes(name: str) -> int | None:
        value = counted(name)
        return None if value is None else value // _KIB

    assignment, tuning = snapshot.assignments[info.uuid], info.tuning
    current, maximum = kilobytes("current_bytes"), kilobytes("maximum_bytes")
    disks = [_disk(disk.name, disk.path, disk.limits) for disk in tuning.disks]
    fields: Fields = {
        "mem_available": kilobytes("available_bytes"), "mem_unused": kilobytes("unused_bytes"),
        "major_fault": counted("major_faults"), "minor_fault": counted("minor_faults"),
        "swap_in": kilobytes("swap_in_bytes"), "swap_out": kilobytes("swap_out_bytes"),
        "balloon_cur": current, "balloon_max": maximum, "balloon_min": minimum(info, assignment) // _KIB,
        "libvirt_curmem": current, "libvirt_maxmem": maximum,
        "vcpu_quota": -1 if tuning.quota_us is None else tuning.quota_us, "vcpu_period": tuning.period_us,
        "vcpu_user_limit": tuning.user_limit, "vcpu_count": len(server.threads) or info.vcpus,
        "io_tune": disks, "io_tune_current": disks,
        "rss": None if resident is None or resident != resident else int(resident) // 4096,
    }  # fmt: skip
    return {name: value for name, value in fields.items() if value is not None}


def _disk(name: str, path: str | None, limits: tuple[int, ...]) -> Fields:
    now = {limit: value or None for limit, value in zip(IO_LIMITS, limits, strict=True)}
    return {"name": name, "path": path, "guaranteed": {}, "maximum": {}, "current": now}


def _percent(now: int | None, then: int | None, seconds: float) -> int:
    return int(100 * (now - then) / (seconds * 1e9)) if now is not None and then is not None and seconds > 0 else 0
