"""What administrators want, as a model beside hpm's catalog: that one has to agree with it at any time."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from datetime import datetime

import msgspec

from hpm.backend.simulated import uuid_of
from hpm.policy.catalog import Catalog, ServerSettings
from hpm.policy.groups import WorkloadResourceGroup
from hpm.policy.schedule import ScheduleEntry
from hpm.wire.times import rfc3339
from tests.unit.builders import Wish, policy

from .almanac import Expected

#: The groups, and the policies that each of them has.
GROUPS = ("app", "lab")
POLICIES = ("day", "night")


class Wants:
    """Goals by group, policy and guest; the groups of guests; and what is said of each guest."""

    def __init__(self, goals: dict[str, dict[str, dict[str, Wish]]], groups: dict[str, str]) -> None:
        self.goals, self.groups = goals, groups
        self.active = {group: Expected() for group in GROUPS}
        self.settings: dict[str, ServerSettings] = {}

    def copy(self) -> Wants:
        """Another one that is equal, to try something on."""
        return deepcopy(self)

    def say(self, name: str, **said: object) -> None:
        """Something of one guest."""
        self.settings[name] = msgspec.structs.replace(self.settings.get(name, ServerSettings()), **said)

    def unsay(self, name: str) -> None:
        """Nothing of one guest (but its group)."""
        self.settings[name] = ServerSettings()

    @property
    def spoken_of(self) -> list[str]:
        """Of whom something is said."""
        return sorted(name for name, said in self.settings.items() if said != ServerSettings())

    @property
    def boosted(self) -> bool:
        """Whether anybody has a goal for a time."""
        return any(said.temporary_goal is not None for said in self.settings.values())

    def schedule(self, group: str, entries: tuple[ScheduleEntry, ...], otherwise: str | None) -> None:
        """Another schedule of a group."""
        self.active[group].plan(entries, otherwise)

    def tick(self, moment: datetime) -> None:
        """Somebody looked at the clock."""
        now = rfc3339(moment)
        for expected in self.active.values():
            expected.tick(moment)
        for name, said in self.settings.items():
            if said.temporary_goal is not None and said.temporary_goal.until <= now:
                self.settings[name] = msgspec.structs.replace(said, temporary_goal=None)

    def put(self, catalog: Catalog) -> Catalog:
        """The catalog with all of this in it."""
        for group_id in GROUPS:
            catalog = catalog.with_group(self._group(group_id, catalog.groups.get(group_id)))
        for name in self.groups | self.settings:
            catalog = catalog.with_settings(uuid_of(name), self.said(name))
        return catalog

    def said(self, name: str) -> ServerSettings:
        """All settings of a guest."""
        known = self.settings.get(name, ServerSettings())
        return msgspec.structs.replace(known, group=self.groups.get(name, "default"))

    def differences(self, catalog: Catalog) -> Iterator[str]:
        """Where a catalog is another one."""
        for group_id in GROUPS:
            group = catalog.groups.get(group_id)
            if group is None:
                yield f"there is no group {group_id}"
                continue
            wanted = self._group(group_id, group)
            if group != wanted:
                fields = [f for f in group.__struct_fields__ if getattr(group, f) != getattr(wanted, f)]
                yield "; ".join(f"{group_id} has {f} {getattr(group, f)}, not {getattr(wanted, f)}" for f in fields)
        for name in self.groups | self.settings:
            if catalog.settings(uuid_of(name)) != self.said(name):
                yield f"of {name} is said {catalog.settings(uuid_of(name))}, not {self.said(name)}"

    def _group(self, group_id: str, known: WorkloadResourceGroup | None) -> WorkloadResourceGroup:
        expected = self.active[group_id]
        group = known or WorkloadResourceGroup(group_id, group_id)
        anew = (group.schedule, group.otherwise) != (expected.schedule, expected.otherwise)
        return msgspec.structs.replace(
            group, perf_policies=tuple(policy(self.goals[group_id][name], name) for name in POLICIES),
            active_policy=expected.active, schedule=expected.schedule,
            otherwise=expected.otherwise, scheduled=None if anew else group.scheduled,
        )  # fmt: skip
