"""Workload resource groups."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence

import msgspec

from ..errors import InvalidValue, NotFound
from ..manager.manager import Manager
from ..policy.catalog import Catalog
from ..policy.classification import compile_pattern
from ..policy.groups import WorkloadResourceGroup
from ..policy.guest_policies import NO_POLICY
from ..wire.groups import (
    ActivatePolicy,
    AddServers,
    GroupAction,
    GroupCreate,
    GroupDetail,
    GroupDetailList,
    GroupList,
    GroupQuery,
    GroupUpdate,
    ServiceClassList,
    ServiceClassState,
)
from ..wire.metrics import GroupsMetricsQuery
from ..wire.starts import StartJob, StartServers, StopServers
from .host_limits import check_group_here, check_here, check_policies_here
from .pages import page
from .references import server_id
from .starts import Starts
from .views import Views


class Groups:
    """Requests on groups. `base` is the base path of the request, `who` the user who asks; ids are as they stand in the
    path."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager
        self._starts = Starts(manager)

    def list(self, base: str, query: GroupQuery) -> GroupList:
        """Groups, in short. Raises `InvalidValue`."""
        views = self._views(base)
        groups, following = group_page(views, query, f"{base}/workload-resource-groups")
        return GroupList([views.group_summary(group) for group in groups], following)

    def details(self, base: str, query: GroupQuery) -> GroupDetailList:
        """Groups, whole. Raises `InvalidValue`."""
        views = self._views(base)
        groups, following = group_page(views, query, f"{base}/workload-resource-groups/detail")
        return GroupDetailList([views.group_detail(group) for group in groups], following)

    def get(self, base: str, group_id: str) -> GroupDetail:
        """One group. Raises `NotFound`."""
        views = self._views(base)
        return views.group_detail(views.snapshot.catalog.group(group_id))

    def create(self, base: str, who: str, wanted: GroupCreate, check: Callable[[None], None]) -> GroupDetail:
        """A new group; `check` is called before it is there. Raises `InvalidValue`, `NotUnique`."""
        check(None)
        active = wanted.active_policy
        if active is msgspec.UNSET:
            active = wanted.perf_policies[0].name if wanted.perf_policies else None
        group = WorkloadResourceGroup(
            str(uuid.uuid4()), wanted.name, wanted.description, wanted.perf_policies, active,
            wanted.schedule or (), wanted.otherwise or None, partition=wanted.partition or None,
            guest_policy=wanted.guest_policy or NO_POLICY,
        )  # fmt: skip
        check_group_here(group, self._manager.description.topology)
        with self._manager.change(who) as change:
            change.catalog = change.catalog.with_group(group)
        return self.get(base, group.id)

    def update(
        self, base: str, group_id: str, who: str, wanted: GroupUpdate, check: Callable[[GroupDetail], None]
    ) -> GroupDetail:
        """Change a group; `check` is called with its state before, under the lock, and may raise.

        Policies replaced without naming an active one keep the active name if it is still there; the only
        policy of a group that had none becomes active. Raises `NotFound`, `InvalidValue`, `NotUnique`.
        """
        with self._manager.change(who) as change:
            change.catalog.group(group_id)
            check(self.get(base, group_id))
            self._check_here(wanted)
            change.catalog = _updated(change.catalog, group_id, wanted)
        return self.get(base, group_id)

    def update_several(
        self, base: str, group_ids: Sequence[str], who: str, wanted: GroupUpdate
    ) -> GroupDetailList:
        """Change several groups alike: all or none. Raises as `update` does."""
        if wanted.name is not msgspec.UNSET:
            raise InvalidValue("several groups cannot have one name; change names one group at a time", "name")
        ids = list(dict.fromkeys(group_ids))
        with self._manager.change(who) as change:
            self._check_here(wanted)
            for group_id in ids:
                change.catalog = _updated(change.catalog, group_id, wanted)
        return GroupDetailList([self.get(base, group_id) for group_id in ids])

    def delete(self, base: str, group_id: str, who: str, check: Callable[[GroupDetail], None]) -> None:
        """Delete a group; its members go to default. Raises `NotFound`, `Conflict`, and `InvalidValue` where they must
        not: a reserve would be too much there, or a circle of dependencies come about."""
        with self._manager.change(who) as change:
            check(self.get(base, group_id))
            change.catalog = change.catalog.without_group(group_id)

    def act(
        self, base: str, group_id: str, who: str, action: GroupAction, check: Callable[[GroupDetail], None]
    ) -> GroupDetail | StartJob:
        """Members in or out, another policy, or all of them started or stopped. Raises `NotFound`, `Conflict`,
        `InvalidValue`."""
        if isinstance(action, StartServers | StopServers):
            check(self.get(base, group_id))
            return self._starts.group(base, group_id, who, action)
        with self._manager.change(who) as change:
            group = change.catalog.group(group_id)
            check(self.get(base, group_id))
            if isinstance(action, ActivatePolicy):
                if action.policy is not None and action.policy not in {p.name for p in group.perf_policies}:
                    known = ", ".join(p.name for p in group.perf_policies) or "none yet"
                    raise InvalidValue(f"the group has no policy named {action.policy!r} (it has: {known})", "policy")
                change.catalog = change.catalog.with_group(
                    msgspec.structs.replace(group, active_policy=action.policy)
                )
            else:
                snapshot = self._manager.snapshot
                uuids = [
                    server_id(snapshot, reference, f"virtual-servers[{index}]")
                    for index, reference in enumerate(action.virtual_servers)
                ]
                if isinstance(action, AddServers):
                    change.catalog = change.catalog.with_members(group_id, uuids, move=action.move)
                else:
                    change.catalog = change.catalog.without_members(group_id, uuids)
        return self.get(base, group_id)

    def service_classes(self, base: str, group_id: str) -> ServiceClassList:
        """The active policy's classes, and how they fare. Raises `NotFound`."""
        views = self._views(base)
        group = views.snapshot.catalog.group(group_id)
        classes = group.policy.service_classes if group.policy is not None else ()
        return ServiceClassList(group.active_policy, [views.service_class(group, c) for c in classes])

    def service_class(self, base: str, group_id: str, name: str) -> ServiceClassState:
        """One class of the active policy. Raises `NotFound`, also for an unmanaged group."""
        views = self._views(base)
        group = views.snapshot.catalog.group(group_id)
        if group.policy is None:
            raise NotFound(f"the group {group.name!r} has no active policy, and so no service classes")
        for service_class in group.policy.service_classes:
            if service_class.name == name:
                return views.service_class(group, service_class)
        raise NotFound(f"the active policy {group.policy.name!r} has no service class named {name!r}")

    def _check_here(self, wanted: GroupUpdate) -> None:
        topology = self._manager.description.topology
        if wanted.guest_policy is not msgspec.UNSET:
            check_here(wanted.guest_policy, topology, "guest-policy")
        if wanted.perf_policies is not msgspec.UNSET:
            check_policies_here(wanted.perf_policies, topology)

    def _views(self, base: str) -> Views:
        return Views(self._manager.snapshot, base)


def group_page(
    views: Views, query: GroupQuery | GroupsMetricsQuery, uri: str
) -> tuple[list[WorkloadResourceGroup], str | None]:
    """Groups that a query wants, `default` last, and the URI of the rest. Raises `InvalidValue`."""
    wanted = None if query.name is None else compile_pattern(query.name)
    groups = [g for g in views.snapshot.catalog.groups.values() if wanted is None or wanted.fullmatch(g.name)]
    return page(groups, lambda g: (int(g.is_default), g.name, g.id), query, uri)


def _updated(catalog: Catalog, group_id: str, wanted: GroupUpdate) -> Catalog:
    old = catalog.group(group_id)
    changes = {
        field: value
        for field in (
            "name", "description", "perf_policies", "active_policy", "schedule", "otherwise", "partition",
            "guest_policy",
        )
        if (value := getattr(wanted, field)) is not msgspec.UNSET
    }
    if old.is_default and changes.get("name", old.name) != old.name:
        raise InvalidValue("the group default keeps its name", "name")
    if wanted.schedule == () and wanted.otherwise is msgspec.UNSET:
        changes["otherwise"] = None
    new = msgspec.structs.replace(old, **changes)
    if (new.schedule, new.otherwise) != (old.schedule, old.otherwise):
        new = msgspec.structs.replace(new, scheduled=None)    # a new schedule acts at once
    if wanted.perf_policies is not msgspec.UNSET and wanted.active_policy is msgspec.UNSET:
        new = _keep_active(old, new)
    return catalog.with_group(new)


def _keep_active(old: WorkloadResourceGroup, new: WorkloadResourceGroup) -> WorkloadResourceGroup:
    names = [policy.name for policy in new.perf_policies]
    if old.active_policy in names:
        return new
    active = names[0] if names and not old.perf_policies else None
    return msgspec.structs.replace(new, active_policy=active)
