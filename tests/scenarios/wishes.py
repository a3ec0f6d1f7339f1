"""The groups and policies of a scenario, as its file and its events say."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from hpm.backend.simulated import uuid_of
from hpm.policy.catalog import Catalog
from hpm.policy.classification import Filter
from hpm.policy.goals import DiscretionaryGoal
from hpm.policy.groups import WorkloadResourceGroup
from hpm.policy.policies import PerformancePolicy, ServiceClass
from hpm.policy.schedule import DAYS, ScheduleEntry

from .form import Event, Guest, Scenario, whole
from .words import goal

#: The group of guests that have a goal and name none, and the policy that their goals make.
GROUP, POLICY = "app", "day"


class Wishes:
    """What is wanted now. Each guest is in a group; a group's policy has a class for each guest with a goal in it,
    and one for all others, which is discretionary."""

    def __init__(self, scenario: Scenario) -> None:
        self._policies: dict[str, dict[str, str]] = {POLICY: {}}
        self._groups: dict[str, str] = {}
        self._active: dict[str, str | None] = {}
        self._schedule = tuple(
            ScheduleEntry(name, DAYS, *hours.split(" to ")) for name, hours in scenario.schedule.items()
        )
        self._by_hand: set[str] = set()
        for name, goals in scenario.policies.items():
            self._policies[name] = dict(goals)
        for name in scenario.guests:
            self.add(name, scenario.guest(name))

    def add(self, name: str, guest: Guest) -> None:
        """A guest's group and goal."""
        if guest.goal is not None:
            self._policies[POLICY][name] = guest.goal
        if guest.goal is not None or guest.group is not None:
            self._groups[name] = guest.group or GROUP
            if guest.goal is not None or guest.group not in self._active:
                self._active[self._groups[name]] = POLICY

    def change(self, event: Event) -> None:
        """Take over what an event says of groups, goals and policies. Raises `ValueError`."""
        for name, guest in event.add.items():
            self.add(name, whole(guest))
        for name, other in event.group.items():
            self._groups[name] = other
            self._active.setdefault(other, POLICY)
        for name, wanted in event.goals.items():
            group = self._groups.setdefault(name, GROUP)
            self._policies[self._active.get(group) or POLICY][name] = wanted
            self._active[group] = self._active.get(group) or POLICY
        activate = event.activate or {}
        if isinstance(activate, str):
            activate = {group: activate for group in self._active if self._of(group, activate)}
        self._by_hand = {*activate, *event.deactivate}
        for group, policy in activate.items():
            if policy not in self._policies:
                raise ValueError(f"there is no policy {policy!r} to activate")
            self._active[group] = policy
        for group in event.deactivate:
            self._active[group] = None

    def catalog(self, before: Catalog) -> Catalog:
        """The catalog with all of this in it; the same one if it is there already."""
        catalog = before
        for group_id in sorted(self._active):
            group = self._group(group_id, before)
            if catalog.groups.get(group_id) != group:
                catalog = catalog.with_group(group)
        for group_id in sorted(set(self._groups.values())):
            uuids = [uuid_of(name) for name, its in self._groups.items() if its == group_id]
            if group_id != "default" and any(catalog.settings(uuid).group != group_id for uuid in uuids):
                catalog = catalog.with_members(group_id, uuids, move=True)
            if group_id == "default":
                for old in sorted({catalog.settings(uuid).group for uuid in uuids} - {"default"}):
                    leaving = [uuid for uuid in uuids if catalog.settings(uuid).group == old]
                    catalog = catalog.without_members(old, leaving)
        return catalog

    def _of(self, group: str, policy: str) -> dict[str, str]:
        goals = self._policies.get(policy, {})
        return {name: wanted for name, wanted in goals.items() if self._groups.get(name) == group}

    def _group(self, group_id: str, before: Catalog) -> WorkloadResourceGroup:
        named = {policy: self._of(group_id, policy) for policy in self._policies}
        policies = tuple(_policy(policy, goals) for policy, goals in named.items() if goals)
        active = self._active[group_id]
        known = before.groups.get(group_id) or WorkloadResourceGroup(group_id, group_id)
        schedule = self._schedule if group_id == GROUP else ()
        if schedule and known.schedule and group_id not in self._by_hand:
            active = known.active_policy    # as its schedule has it
        return msgspec.structs.replace(
            known, perf_policies=policies, active_policy=active if any(p.name == active for p in policies) else None,
            schedule=schedule,
        )


def _policy(name: str, goals: Mapping[str, str]) -> PerformancePolicy:
    classes: list[ServiceClass] = []
    for guest, said in goals.items():
        wanted, importance = goal(said)
        rule = Filter("virtual-server-name", "string-match", guest)
        classes.append(ServiceClass(guest, wanted, rule, importance))
    return PerformancePolicy(name, "medium", (*classes, ServiceClass("rest", DiscretionaryGoal())))
