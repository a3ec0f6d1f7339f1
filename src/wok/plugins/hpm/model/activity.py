"""The activity log: reading it, and what an entry says was done to what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from ..manager.manager import Manager
from ..policy.partitions import partition_id
from ..policy.schedule import ScheduleEntry
from ..store.activity import ActivityFilter, ActivityRecord
from ..wire.activity import ActivityEntry, ActivityList, ActivityQuery
from ..wire.groups import GroupUpdate
from .pages import older
from .times import utc_time

#: What an entry tells of a body. Only what is named here: passwords and other secrets come in bodies, too.
_TELLING = (
    "name", "policy", "active_policy", "otherwise", "cpu_mgmt", "memory_mgmt", "workload_resource_group", "excluded",
    "cpu_reserve", "cpu_cap", "memory_minimum_mib", "temporary_goal", "release", "move", "interval_seconds",
    "memory_policy", "allow_guest_swap", "manage_ksm", "role", "expires", "path", "persistent", "create", "reserve",
    "autostart", "partition", "persist", "shares", "quota_us", "period_us", "weight", "hard_limit_mib",
    "soft_limit_mib", "swap_limit_mib", "cpus", "mems",
)  # fmt: skip

#: What an entry tells to have been changed, and not to what: there are secrets in it, or it is long.
_NAMED_ALONE = ("history", "notifications")

#: Servers that an entry names; of more it gives the number.
_NAMED = 5


class ActivityRequests:
    """Requests on the activity log."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager

    def list(self, base: str, query: ActivityQuery) -> ActivityList:
        """Entries, newest first. Raises `InvalidValue`."""
        wanted = ActivityFilter(
            time_from=None if query.from_ is None else utc_time(query.from_, "from"),
            time_to=None if query.to is None else utc_time(query.to, "to"),
            user=query.user, outcome=query.outcome, before=query.before, limit=query.limit + 1,
        )  # fmt: skip
        given, following = older(self._manager.activity.find(wanted), query, f"{base}/activity-log")
        return ActivityList([_entry(record) for record in given], following)


def subject(manager: Manager, names: Mapping[str, str], body: object) -> str:
    """What a request is about, in the names that people know, such as ``Gold: add-virtual-servers db1, db2``."""
    known = _Names(manager)
    parts = [known.of(value) for value in names.values()]
    told = []
    if isinstance(body, msgspec.Struct):
        action = body.__struct_config__.tag
        if isinstance(action, str):
            told.append(action)
        servers = getattr(body, "virtual_servers", None)
        if isinstance(servers, tuple | list):
            told.append(_list([known.of(str(server)) for server in servers]))
        policies = getattr(body, "policies", None)
        if isinstance(policies, dict):
            told.append(_list(policies))
        for field in _TELLING:
            value = getattr(body, field, msgspec.UNSET)
            if value is not msgspec.UNSET and isinstance(value, str | int | float | msgspec.Struct | None):
                told.append(_said(known, field, value, body))
        schedule = getattr(body, "schedule", msgspec.UNSET)
        if isinstance(schedule, tuple) and (schedule or isinstance(body, GroupUpdate)):
            told.append(f"schedule {_list(map(_entry_said, schedule)) or 'none'}")
        for field in _NAMED_ALONE:
            value = getattr(body, field, msgspec.UNSET)
            if value is not msgspec.UNSET:
                told.append(f"{field} off" if value is None else field)
    return ": ".join(filter(None, (", ".join(parts), " ".join(filter(None, told)))))


class _Names:
    """The names of what ids stand for."""

    def __init__(self, manager: Manager) -> None:
        self._snapshot = manager.snapshot
        self._tokens = manager.tokens

    def of(self, reference: str) -> str:
        """The name of what an id, several with commas, or a URI stand for; what is not known, as it is."""
        if "," in reference:
            return _list([self.of(part) for part in reference.split(",")])
        key = reference.rpartition("/")[2].lower()
        if key in self._snapshot.catalog.groups:
            return self._snapshot.catalog.groups[key].name
        if key in self._snapshot.sample.infos:
            return self._snapshot.sample.infos[key].name
        for path in (*self._snapshot.partitions, *self._snapshot.catalog.partitions):
            if partition_id(path) == key:
                return path
        return self._tokens.name_of(key) or reference


def _said(known: _Names, field: str, value: object, body: msgspec.Struct) -> str:
    if field == "name" or (field == "policy" and value is not None):
        return str(value)
    defaults = dict(zip(reversed(body.__struct_fields__), reversed(body.__struct_defaults__), strict=False))
    if defaults.get(field, msgspec.UNSET) == value:
        return ""
    if isinstance(value, msgspec.Struct):
        fields = msgspec.to_builtins(value)
        text = " ".join(f"{name} {part}" for name, part in fields.items())
    else:
        text = known.of(value) if isinstance(value, str) else msgspec.json.encode(value).decode()
    return f"{field.replace('_', '-')} {text}"


def _entry_said(entry: ScheduleEntry) -> str:
    return f"{entry.policy} {'/'.join(entry.days)} {entry.from_}-{entry.to}"


def _list(names: Iterable[str]) -> str:
    known = list(names)
    rest = f" and {len(known) - _NAMED} more" if len(known) > _NAMED else ""
    return ", ".join(known[:_NAMED]) + rest


def _entry(record: ActivityRecord) -> ActivityEntry:
    return ActivityEntry(
        object_id=record.id,
        time=record.time,
        user=record.user,
        role=record.role,
        means=record.means,
        address=record.address,
        request_method=record.method,
        request_uri=record.uri,
        summary=record.summary,
        outcome=record.outcome,
        http_status=record.status,
        reason=record.reason,
        message=record.message,
    )
