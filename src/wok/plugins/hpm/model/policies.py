"""A group's performance policies, one at a time: read, create, change, delete, and back to what they were."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import msgspec
from msgspec.structs import replace

from ..errors import Conflict, InvalidValue, NotFound, NotUnique
from ..manager.change import CatalogChange
from ..manager.manager import Manager
from ..policy.groups import WorkloadResourceGroup
from ..policy.policies import PerformancePolicy, check_policy
from ..store.revisions import find_revisions, newest_revisions
from ..wire.policies import PolicyDetail, PolicyList, PolicyRevision, PolicyRevisionList, PolicyUpdate
from .host_limits import check_policy_here

Check = Callable[[PolicyDetail | None], None]


class Policies:
    """Requests on the policies of one group. `who` is the user who asks, for the revisions."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager

    def list(self, base: str, group_id: str) -> PolicyList:
        """A group's policies. Raises `NotFound`."""
        group = self._group(group_id)
        known = newest_revisions(self._manager.database, group_id)
        return PolicyList(group.active_policy, [_detail(base, group, p, known) for p in group.perf_policies])

    def get(self, base: str, group_id: str, name: str) -> PolicyDetail:
        """One policy. Raises `NotFound`."""
        group = self._group(group_id)
        return _detail(base, group, _policy(group, name), newest_revisions(self._manager.database, group_id))

    def create(self, base: str, group_id: str, who: str, policy: PerformancePolicy, check: Check) -> PolicyDetail:
        """A new policy; the first one of a group becomes active. Raises `NotFound`, `NotUnique`, `InvalidValue`."""
        check(None)
        check_policy(policy)
        check_policy_here(policy, self._manager.description.topology)
        with self._manager.change(who) as change:
            group = change.catalog.group(group_id)
            if policy.name in [p.name for p in group.perf_policies]:
                raise NotUnique(
                    f"the group {group.name!r} has a policy named {policy.name!r} already; choose another name", "name"
                )
            active = group.active_policy if group.perf_policies else policy.name
            group = replace(group, perf_policies=(*group.perf_policies, policy), active_policy=active)
            _put(change, group)
        return self.get(base, group_id, policy.name)

    def update(
        self, base: str, group_id: str, name: str, who: str, wanted: PolicyUpdate, check: Check
    ) -> PolicyDetail:
        """Change a policy; `check` is called with its state before, under the lock, and may raise.

        Raises `NotFound`, `NotUnique`, `InvalidValue`.
        """
        with self._manager.change(who) as change:
            group = change.catalog.group(group_id)
            old = _policy(group, name)
            check(self.get(base, group_id, name))
            fields = ("name", "description", "importance", "service_classes")
            changes = {f: v for f in fields if (v := getattr(wanted, f)) is not msgspec.UNSET}
            new = replace(old, **changes)
            check_policy(new)
            check_policy_here(new, self._manager.description.topology)
            if new.name != name:
                if new.name in [p.name for p in group.perf_policies]:
                    raise NotUnique(f"the group has a policy named {new.name!r} already; choose another name", "name")
                change.renamed[group_id, name] = new.name
            _put(change, _with_policy(group, name, new))
        return self.get(base, group_id, new.name)

    def delete(self, base: str, group_id: str, name: str, who: str, check: Check) -> None:
        """Delete a policy; if it was the active one the group has none. Raises `NotFound`, `Conflict`, and
        `InvalidValue` where what the group then says of its servers reserves too much or makes a circle of
        dependencies."""
        with self._manager.change(who) as change:
            group = change.catalog.group(group_id)
            _policy(group, name)
            check(self.get(base, group_id, name))
            if name == group.otherwise or name in [entry.policy for entry in group.schedule]:
                raise Conflict(f"the group's schedule names the policy {name!r}; change the schedule first")
            kept = tuple(p for p in group.perf_policies if p.name != name)
            active = None if group.active_policy == name else group.active_policy
            _put(change, replace(group, perf_policies=kept, active_policy=active))

    def revisions(self, group_id: str, name: str) -> PolicyRevisionList:
        """Who changed a policy, when, and what it was; also of one that was deleted. Raises `NotFound`."""
        group = self._group(group_id)
        found = find_revisions(self._manager.database, group_id, name)
        if not found:
            _policy(group, name)
        return PolicyRevisionList([PolicyRevision(r.number, r.time, r.user, r.policy) for r in found])

    def restore(
        self, base: str, group_id: str, name: str, number: str, who: str, check: Check
    ) -> PolicyDetail:
        """Make a policy what it was in a revision: a new revision of the same content. One that was deleted is
        there again, and not active. Raises `NotFound`, `Conflict`."""
        with self._manager.change(who) as change:
            group = change.catalog.group(group_id)
            found = {str(r.number): r for r in find_revisions(self._manager.database, group_id, name)}
            if number not in found:
                raise NotFound(f"the policy {name!r} has no revision {number[:20]!r} (see its revisions)")
            there = name in [p.name for p in group.perf_policies]
            check(self.get(base, group_id, name) if there else None)
            content = found[number].policy
            if content is None:
                raise Conflict(f"revision {number} says that the policy was deleted; restore an earlier one")
            policy = replace(content, name=name)
            if there:
                group = _with_policy(group, name, policy)
            else:
                group = replace(group, perf_policies=(*group.perf_policies, policy))
            _put(change, group)
        return self.get(base, group_id, name)

    def _group(self, group_id: str) -> WorkloadResourceGroup:
        return self._manager.snapshot.catalog.group(group_id)


def _policy(group: WorkloadResourceGroup, name: str) -> PerformancePolicy:
    for policy in group.perf_policies:
        if policy.name == name:
            return policy
    known = ", ".join(p.name for p in group.perf_policies) or "none yet"
    raise NotFound(f"the group {group.name!r} has no policy named {name!r} (it has: {known})")


def _with_policy(group: WorkloadResourceGroup, name: str, policy: PerformancePolicy) -> WorkloadResourceGroup:
    """The group with a policy in the place of the one of that name, also where it is spoken of."""

    def renamed(other: str | None) -> str | None:
        return policy.name if other == name else other

    return replace(
        group,
        perf_policies=tuple(policy if p.name == name else p for p in group.perf_policies),
        active_policy=renamed(group.active_policy),
        schedule=tuple(replace(entry, policy=renamed(entry.policy) or "") for entry in group.schedule),
        otherwise=renamed(group.otherwise),
        scheduled=None if group.scheduled is None else replace(group.scheduled, policy=renamed(group.scheduled.policy)),
    )


def _put(change: CatalogChange, group: WorkloadResourceGroup) -> None:
    if len(group.perf_policies) > 64:
        raise InvalidValue(f"the group {group.name!r} has 64 policies already; delete one first")
    change.catalog = change.catalog.with_group(group)


def _detail(
    base: str, group: WorkloadResourceGroup, policy: PerformancePolicy, known: dict[str, tuple[int, str, str]]
) -> PolicyDetail:
    group_uri = f"{base}/workload-resource-groups/{group.id}"
    number, time, user = known.get(policy.name, (0, None, None))
    return PolicyDetail(
        object_uri=f"{group_uri}/policies/{quote(policy.name, safe='')}",
        workload_resource_group=group_uri,
        name=policy.name,
        description=policy.description,
        importance=policy.importance,
        service_classes=policy.service_classes,
        active=group.active_policy == policy.name,
        revision=number,
        changed_time=time,
        changed_by=user,
    )
